# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of one host: an immutable tree of keys whose root is replaced by every change.

So a baseline is shared by all hosts of a profile, a snapshot is the old root, and comparing two states costs nothing
where they are the same object. Keys are found without regard to case and keep their spelling; links such as
`CurrentControlSet` and `Wow6432Node\\AppID` lead to the one true key. A `caller` of None is the host itself: unchecked,
but journaled. Key security is modelled as `KeySecurity`; transactions and change notification are not modelled.

Source: Win32 "Registry Functions" (error codes), dcom.md 2.2 (views), wsman_cim.md 3.3 (codes a CIM client sees).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..cim import Caller
from ..journal import HOST_ITSELF, Journal
from . import registry_security as security
from .registry_value import RegistryValue
from .registry_views import SHORT_HIVES

ERROR_FILE_NOT_FOUND = 2
ERROR_ACCESS_DENIED = 5
ERROR_INVALID_HANDLE = 6
ERROR_INVALID_PARAMETER = 87
ERROR_BAD_PATHNAME = 161

MAX_KEY_NAME = 255  # characters of one component (Win32 "Registry Element Size Limits")
MAX_VALUE_NAME = 16383

_CLASSES = ("HKLM", "SOFTWARE", "Classes")
_CURRENT_CONFIG = ("HKLM", "SYSTEM", "CurrentControlSet", "Hardware Profiles", "Current")
_MAX_LINKS = 8


class RegistryError(Exception):
    """A registry function failed; `code` is the Win32 error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class KeyNode:
    """One key. Dictionaries are keyed by the folded name and never changed after construction."""

    name: str
    values: Mapping[str, tuple[str, RegistryValue]] = field(default_factory=dict)
    subkeys: Mapping[str, KeyNode] = field(default_factory=dict)
    security: security.KeySecurity | None = None  # None: as the parent
    link: tuple[str, ...] | None = None
    is_volatile: bool = False

    def with_values(self, values: Mapping[str, tuple[str, RegistryValue]]) -> KeyNode:
        return KeyNode(self.name, values, self.subkeys, self.security, self.link, self.is_volatile)

    def with_subkeys(self, subkeys: Mapping[str, KeyNode]) -> KeyNode:
        return KeyNode(self.name, self.values, subkeys, self.security, self.link, self.is_volatile)


@functools.lru_cache(maxsize=16384)
def fold(name: str) -> str:
    """The form in which names are compared: each character upper-cased on its own, as RtlUpcaseUnicodeChar does."""
    if name.isascii():
        return name.upper()
    return "".join(upper if len(upper := char.upper()) == 1 else char for char in name)


class RegistryTree:
    """The tree alone: paths with links resolved, no callers. Used to build baselines and by `Registry`."""

    def __init__(self, root: KeyNode | None = None) -> None:
        self.root = root or KeyNode("")

    def find(self, path: tuple[str, ...]) -> list[KeyNode] | None:
        """The nodes from the root to the key, links followed, or None if a key of the path does not exist."""
        chain, missing = self.walk(path)
        return None if missing else chain

    def walk(self, path: tuple[str, ...]) -> tuple[list[KeyNode], tuple[str, ...]]:
        """The nodes of the existing part of the path and the names that are missing after it."""
        rest = path
        for _unused in range(_MAX_LINKS):
            chain = [self.root]
            while rest and (node := chain[-1].subkeys.get(fold(rest[0]))) is not None:
                chain.append(node)
                rest = rest[1:]
                if node.link is not None:
                    break
            else:
                return chain, rest
            rest = (*(chain[-1].link or ()), *rest)
        raise RegistryError(ERROR_FILE_NOT_FOUND, "too many registry links: " + "\\".join(path))

    def create(self, path: tuple[str, ...], **attributes: object) -> list[KeyNode]:
        """The nodes of the key, created as far as they were missing; `attributes` are fields of new leaf `KeyNode`s."""
        chain, missing = self.walk(path)
        for name in missing:
            last = name is missing[-1]
            chain.append(replace(KeyNode(name), **attributes) if last else KeyNode(name))  # type: ignore[arg-type]
        if missing:
            self.store(chain)
        return chain

    def store(self, chain: list[KeyNode]) -> None:
        """Replace the last node of the chain in the tree and, with it, every node above."""
        node = chain[-1]
        for parent in reversed(chain[:-1]):
            node = parent.with_subkeys({**parent.subkeys, fold(node.name): node})
        self.root = node

    def remove(self, chain: list[KeyNode]) -> None:
        parent = chain[-2]
        subkeys = {folded: node for folded, node in parent.subkeys.items() if node is not chain[-1]}
        self.store([*chain[:-2], parent.with_subkeys(subkeys)])

    def replace_security(self, chain: list[KeyNode], key_security: security.KeySecurity | None) -> None:
        self.store([*chain[:-1], replace(chain[-1], security=key_security)])

    def set_value(self, path: tuple[str, ...], name: str, value: RegistryValue) -> None:
        chain = self.create(path)
        self.store([*chain[:-1], chain[-1].with_values({**chain[-1].values, fold(name): (name, value)})])

    def drop_volatile(self) -> None:
        """What a reboot does: volatile keys are gone."""
        self.root = _without_volatile(self.root)

    def all_keys(self) -> Iterator[tuple[tuple[str, ...], KeyNode]]:
        """Every key with its path, sorted; links are listed but not entered."""
        return _descend((), self.root)


def _descend(path: tuple[str, ...], node: KeyNode) -> Iterator[tuple[tuple[str, ...], KeyNode]]:
    for folded in sorted(node.subkeys):
        child = node.subkeys[folded]
        yield (*path, child.name), child
        yield from _descend((*path, child.name), child)


def _without_volatile(node: KeyNode) -> KeyNode:
    kept = {folded: _without_volatile(child) for folded, child in node.subkeys.items() if not child.is_volatile}
    if len(kept) == len(node.subkeys) and all(kept[folded] is node.subkeys[folded] for folded in kept):
        return node
    return node.with_subkeys(kept)


def export_text(root: KeyNode) -> str:
    """A canonical text of a whole tree: equal texts mean equal registries, byte for byte (spelling included)."""
    lines: list[str] = []
    for path, node in RegistryTree(root).all_keys():
        flags = " volatile" if node.is_volatile else ""
        link = f" -> {chr(92).join(node.link)}" if node.link else ""
        owner = f" owner={node.security.owner} grants={node.security.grants}" if node.security else ""
        lines.append(f"[{chr(92).join(path)}]{flags}{link}{owner}")
        lines.extend(
            f"{name!r}={value.type}:{value.data.hex()}" for _unused, (name, value) in sorted(node.values.items())
        )
    return "\n".join(lines) + "\n"


class Registry:
    """The registry as programs see it. Keys are texts such as `HKLM\\SOFTWARE\\Microsoft\\Ole` (short or long hive)."""

    def __init__(self, root: KeyNode, journal: Journal) -> None:
        self.tree = RegistryTree(root)
        self._journal = journal

    # reading

    def read_value(self, caller: Caller | None, key: str, name: str) -> RegistryValue | None:
        """The value, or None if the key exists without it ("" is the default value).

        Raises: RegistryError 2 (no such key), 5 (may not read), 6 (no such hive), 87 or 161 (malformed path).
        """
        found = self._open(caller, key, security.KEY_QUERY_VALUE)[-1].values.get(fold(name))
        return found[1] if found else None

    def enum_values(self, caller: Caller | None, key: str) -> list[tuple[str, RegistryValue]]:
        """Names and values in the order in which they were first written."""
        return list(self._open(caller, key, security.KEY_QUERY_VALUE)[-1].values.values())

    def enum_keys(self, caller: Caller | None, key: str) -> list[str]:
        """Names of the subkeys, sorted without case as RegEnumKeyEx returns them."""
        chain = self._open(caller, key, security.KEY_ENUMERATE_SUB_KEYS)
        names = {folded: node.name for folded, node in chain[-1].subkeys.items()}
        if _hive(key) == "HKCR":  # the merged view lists what either half has
            machine = self.tree.find((*_CLASSES, *_parts(key)))
            names.update({folded: node.name for folded, node in machine[-1].subkeys.items()} if machine else {})
        return [names[folded] for folded in sorted(names)]

    def key_exists(self, caller: Caller | None, key: str) -> bool:
        return self.tree.find(self._absolute(caller, key)) is not None

    def canonical_key(self, caller: Caller | None, key: str) -> str:
        """The true path of an existing key in its stored spelling: links and view hives resolved."""
        return _joined(self._open(caller, key, 0))

    def check_access(self, caller: Caller, key: str, rights: int) -> bool:
        """Whether the caller has all these KEY_* rights. Raises: RegistryError 2, 6, 87, 161."""
        return self._granted(caller, self._chain(caller, key)) & rights == rights

    # changing

    def write_value(self, caller: Caller | None, key: str, name: str, value: RegistryValue) -> None:
        """Set a value of an existing key. Raises: RegistryError 2, 5, 6, 87, 161."""
        if len(name) > MAX_VALUE_NAME:
            raise RegistryError(ERROR_INVALID_PARAMETER, "value name too long")
        chain = self._open(caller, key, security.KEY_SET_VALUE)
        before = chain[-1].values.get(fold(name))
        spelling = before[0] if before else name
        values = {**chain[-1].values, fold(name): (spelling, value)}
        self.tree.store([*chain[:-1], chain[-1].with_values(values)])
        self._record("write_value", caller, (_joined(chain), spelling), before=before and before[1], after=value)

    def delete_value(self, caller: Caller | None, key: str, name: str) -> None:
        """Remove a value. Raises: RegistryError 2 (also when only the value is missing), 5, 6, 87, 161."""
        chain = self._open(caller, key, security.KEY_SET_VALUE)
        before = chain[-1].values.get(fold(name))
        if before is None:
            raise RegistryError(ERROR_FILE_NOT_FOUND, f"no value {name!r}")
        values = {folded: item for folded, item in chain[-1].values.items() if folded != fold(name)}
        self.tree.store([*chain[:-1], chain[-1].with_values(values)])
        self._record("delete_value", caller, (_joined(chain), before[0]), before=before[1], after=None)

    def create_key(self, caller: Caller | None, key: str, *, is_volatile: bool = False) -> bool:
        """Create a key with the keys above it; False if it was there. Raises: RegistryError 5, 6, 87, 161."""
        path = self._absolute(caller, key)
        chain, missing = self.tree.walk(path)
        if not missing:
            self._demand(caller, chain, security.KEY_QUERY_VALUE)
            return False
        if len(chain) < 3 and caller is not None:  # nothing can be created directly below a root key
            raise RegistryError(ERROR_INVALID_PARAMETER, f"{key} is not below a hive")
        self._demand(caller, chain, security.KEY_CREATE_SUB_KEY)
        created = self.tree.create((*_path_of(chain), *missing), is_volatile=is_volatile)
        for depth in range(len(chain), len(created)):
            self._record("create_key", caller, (_joined(created[: depth + 1]),), before=None, after=True)
        return True

    def delete_key(self, caller: Caller | None, key: str) -> None:
        """Remove a key that has no subkeys. Raises: RegistryError 2, 5 (also: has subkeys), 6, 87, 161."""
        chain = self._open(caller, key, security.DELETE)
        if chain[-1].subkeys or len(chain) < 3:
            raise RegistryError(ERROR_ACCESS_DENIED, f"{key} has subkeys")
        self.tree.remove(chain)
        values = tuple(chain[-1].values.values())
        self._record("delete_key", caller, (_joined(chain),), before=values, after=None)

    # for the host itself and for tests

    def get(self, key: str, name: str) -> RegistryValue | None:
        """As the host reads its own settings: a missing key is a missing value."""
        chain = self.tree.find(self._absolute(None, key))
        found = chain[-1].values.get(fold(name)) if chain else None
        return found[1] if found else None

    def get_number(self, key: str, name: str, default: int) -> int:
        """A REG_DWORD; `default` where it is absent or has another type."""
        value = self.get(key, name)
        return value.number if value is not None and value.type == 4 and len(value.data) == 4 else default

    def put(self, key: str, name: str, value: RegistryValue) -> None:
        """Set a value and create its key where needed, as the host itself."""
        self.create_key(None, key)
        self.write_value(None, key, name, value)

    def protect(self, key: str, key_security: security.KeySecurity | None) -> None:
        """Give a key its own security; None lets it inherit again."""
        self.tree.replace_security(self._chain(None, key), key_security)

    def delete_tree(self, key: str) -> None:
        """Remove a key with everything below, as the host itself."""
        for name in self.enum_keys(None, key):
            self.delete_tree(f"{key}\\{name}")
        self.delete_key(None, key)

    def snapshot(self) -> KeyNode:
        """The whole state. Costs nothing: later changes do not touch it."""
        return self.tree.root

    def export(self) -> str:
        return export_text(self.tree.root)

    # inside

    def _open(self, caller: Caller | None, key: str, rights: int) -> list[KeyNode]:
        chain = self._chain(caller, key)
        self._demand(caller, chain, rights)
        return chain

    def _chain(self, caller: Caller | None, key: str) -> list[KeyNode]:
        chain = self.tree.find(self._absolute(caller, key))
        if chain is None:
            raise RegistryError(ERROR_FILE_NOT_FOUND, f"no key {key}")
        return chain

    def _demand(self, caller: Caller | None, chain: list[KeyNode], rights: int) -> None:
        if caller is not None and self._granted(caller, chain) & rights != rights:
            raise RegistryError(ERROR_ACCESS_DENIED, f"{caller.account_name} lacks {rights:#x} on {_joined(chain)}")

    @staticmethod
    def _granted(caller: Caller, chain: list[KeyNode]) -> int:
        own = next((node.security for node in reversed(chain) if node.security is not None), security.MACHINE)
        return own.granted(caller)

    def _absolute(self, caller: Caller | None, key: str) -> tuple[str, ...]:
        hive, parts = _hive(key), _parts(key)
        if hive in ("HKLM", "HKU"):
            return (hive, *parts)
        if hive == "HKCC":
            return (*_CURRENT_CONFIG, *parts)
        if hive == "HKCU":
            return (*self._user_root(caller), *parts)
        if hive == "HKCR":
            own = (*self._user_root(caller), "Software", "Classes", *parts)
            return own if parts and self.tree.find(own) else (*_CLASSES, *parts)
        raise RegistryError(ERROR_INVALID_HANDLE, f"no hive {key}")

    def _user_root(self, caller: Caller | None) -> tuple[str, str]:
        """HKEY_CURRENT_USER: the caller's hive if it is loaded, else the default user's (wsman_cim.md 3.4)."""
        own = ("HKU", caller.sid if caller else "S-1-5-18")
        return own if self.tree.find(own) else ("HKU", ".DEFAULT")

    def _record(
        self, action: str, caller: Caller | None, target: tuple[str, ...], *, before: object, after: object
    ) -> None:
        name = caller.account_name if caller else HOST_ITSELF
        self._journal.change("registry", action, target, before=before, after=after, caller=name)


def _hive(key: str) -> str:
    return SHORT_HIVES.get(key.partition("\\")[0].upper(), "")


def _parts(key: str) -> tuple[str, ...]:
    """The names below the hive. Stricter than the kernel, which skips doubled backslashes."""
    _sep, _sep, path = key.partition("\\")
    if not path:
        return ()
    parts = tuple(path.split("\\"))
    if "" in parts:
        raise RegistryError(ERROR_BAD_PATHNAME, f"empty name in {key!r}")
    if any(len(part) > MAX_KEY_NAME or "\0" in part for part in parts):
        raise RegistryError(ERROR_INVALID_PARAMETER, "key name too long")
    return parts


def _path_of(chain: list[KeyNode]) -> tuple[str, ...]:
    return tuple(node.name for node in chain[1:])


def _joined(chain: list[KeyNode]) -> str:
    return "\\".join(_path_of(chain))
