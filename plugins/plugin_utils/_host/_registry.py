# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Registry of one host over StdRegProv, with bulk reads through one `reg.exe query` in the cmd shell.

Missing key and missing value are answers (`None`), not errors. A value of an unexpected type is returned as it is; the
caller compares. Every write is read back. What was prefetched is served from memory until it is written.
Source: wsman_cim.md 3 (StdRegProv), 6.1 (shell); reg.exe's layout is read by _reg_query.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ...module_utils._errors import DomainError, HostStateError
from ...module_utils._plan import CreateKey, DeleteKey, Operation, SetValue
from ...module_utils._reg_query import QueriedKey, find_default_label, parse_reg_query
from ...module_utils._registry import RegistryData, RegistryKey, RegistryType, RegistryValue
from .._wsman._cim import MethodResult
from .._wsman._client import WsmanClient, decode_output
from .._wsman._errors import WsmanFault
from .._wsman._schema import STD_REG_PROV

HKEY_LOCAL_MACHINE = 2147483650
KEY_SET_VALUE = 0x2  # winnt.h

SUCCESS = 0
VALUE_MISSING = 1
KEY_MISSING = 2
ACCESS_DENIED = 5
TYPE_MISMATCH = 2147749893  # 0x80041005 WBEM_E_TYPE_MISMATCH

# method, out-parameter
_GETTERS: dict[RegistryType, tuple[str, str]] = {
    RegistryType.SZ: ("GetStringValue", "sValue"),
    RegistryType.EXPAND_SZ: ("GetExpandedStringValue", "sValue"),
    RegistryType.BINARY: ("GetBinaryValue", "uValue"),
    RegistryType.DWORD: ("GetDWORDValue", "uValue"),
    RegistryType.MULTI_SZ: ("GetMultiStringValue", "sValue"),
    RegistryType.QWORD: ("GetQWORDValue", "uValue"),
}
_SETTERS: dict[RegistryType, tuple[str, str]] = {
    kind: ("S" + method[1:], name) for kind, (method, name) in _GETTERS.items()
}

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# A cmd line holds 8191 characters (wsman_cim.md 6.1); WinRM puts "cmd.exe /c" and quotes around ours.
_MAX_COMMAND_LINE = 7500
_JOINT = " & "
_PROBE_LINES = 2  # the key, and its unnamed value
# A key without an unnamed value on every Windows: its `/ve` line shows how this host labels the unnamed value.
_LABEL_PROBE = RegistryKey("SYSTEM\\CurrentControlSet")
# Below a key that was just read, so what reg.exe says of this one is what it says, in its language, of no such key.
_MISSING_PROBE = _LABEL_PROBE.child("opc_dcom asks for a key that is not there")


class RegistryGateway:
    """Reads and writes values below HKEY_LOCAL_MACHINE."""

    def __init__(self, client: WsmanClient) -> None:
        self._client = client
        self._cache: dict[str, QueriedKey | None] = {}
        self._trees: set[str] = set()
        self._pretended: dict[tuple[str, str], RegistryValue | None] = {}
        self._pretended_keys: dict[str, bool] = {}
        self._writable: set[str] = set()
        self.notes: list[str] = []
        self.has_shell: bool | None = None  # None: nobody tried yet

    # -- reading -----------------------------------------------------------------------------------------------------

    def value(self, key: RegistryKey, name: str, expected: RegistryType) -> RegistryValue | None:
        """The value as it is, None when the value or its key is missing. One message if it has the expected type.

        Raises: HostStateError when reading is refused.
        """
        if (key.folded, name.lower()) in self._pretended:
            return self._pretended[key.folded, name.lower()]
        if self._pretended_keys.get(key.folded) is False:
            return None
        cached = self._cached(key)
        if cached is not None:
            return cached.value(name)
        answer = self._get(key, name, expected)
        if answer.return_value == TYPE_MISMATCH:
            return self._value_of_any_type(key, name)
        return _value_in(answer, key, name, expected)

    def value_types(self, key: RegistryKey) -> dict[str, RegistryType] | None:
        """Names and types of the values of a key, None when the key is missing. At most one message."""
        if self._is_known(key) or key.folded in self._pretended_keys:
            values = self.values(key)
            return None if values is None else {name: value.type for name, value in values.items()}
        return self._types_on_host(key)

    def _types_on_host(self, key: RegistryKey) -> dict[str, RegistryType] | None:
        answer = self._invoke("EnumValues", key)
        if answer.return_value == KEY_MISSING:
            return None
        if answer.return_value != SUCCESS:
            raise _refusal("Reading", f"the values of {key}", answer)
        types = {kind.value: kind for kind in RegistryType}
        names, numbers = answer.texts("sNames"), answer.integers("Types")
        if len(names) != len(numbers):
            raise HostStateError(f"StdRegProv.EnumValues of {key} gave {len(names)} names and {len(numbers)} types")
        return {name: types.get(number, RegistryType.UNKNOWN) for name, number in zip(names, numbers, strict=True)}

    def has_read(self, key: RegistryKey) -> bool:
        """Whether all values of a key are known, so that reading them costs no message."""
        return self._is_known(key)

    def values(self, key: RegistryKey) -> dict[str, RegistryValue] | None:
        """All values of a key by name, None when the key is missing. One message per value without a prefetch."""
        found = self._values_on_host(key)
        is_there = self._pretended_keys.get(key.folded, found is not None)
        if not is_there:
            return None
        pretended = {name: value for (folded, name), value in self._pretended.items() if folded == key.folded}
        kept = {name: value for name, value in (found or {}).items() if name.lower() not in pretended}
        return kept | {name: value for name, value in pretended.items() if value is not None}

    def _values_on_host(self, key: RegistryKey) -> dict[str, RegistryValue] | None:
        if self._is_known(key):
            cached = self._cache.get(key.folded)
            return None if cached is None else dict(cached.values)
        types = self._types_on_host(key)
        if types is None:
            return None
        found = {name: self._read_as(key, name, kind) for name, kind in types.items()}
        return {name: value for name, value in found.items() if value is not None}

    def subkeys(self, key: RegistryKey) -> list[str] | None:
        """Names of the direct subkeys, None when the key is missing. One message."""
        answer = self._invoke("EnumKey", key)
        if answer.return_value == KEY_MISSING:
            return None
        if answer.return_value != SUCCESS:
            raise _refusal("Reading", f"the subkeys of {key}", answer)
        return list(answer.texts("sNames"))

    def require_writable(self, key: RegistryKey) -> None:
        """Refuse a key this account may not write, before anything is written. One message a key and run.

        Raises: HostStateError. Source: StdRegProv.CheckAccess; which ReturnValue goes with a denial is not verified, so
        any other trouble is left for the write itself to tell.
        """
        if key.folded in self._writable:
            return
        answer = self._invoke("CheckAccess", key, {"uRequired": KEY_SET_VALUE})
        if answer.return_value == KEY_MISSING:
            return  # to be made by this run
        if answer.return_value == ACCESS_DENIED or answer.optional("bGranted", bool) is False:
            raise HostStateError(
                f"the connecting account may not write {key}. Keys of applications of Windows itself belong to "
                "TrustedInstaller and refuse administrators: leave such an application as it is and set the machine "
                "defaults or limits instead. Nothing was changed"
            )
        self._writable.add(key.folded)

    # -- reading many ------------------------------------------------------------------------------------------------

    def prefetch(self, keys: Iterable[RegistryKey], *, trees: Iterable[RegistryKey] = ()) -> None:
        """Read these keys, and whole trees, with as few commands as possible. Falls back to single reads when the cmd
        shell or reg.exe is not to be had, and says so in `notes`; never fails for that.
        """
        roots = [key for key in trees if key.folded not in self._trees]
        below = tuple(f"{key.folded}\\" for key in roots)  # printed with the tree; printed twice it would be ambiguous
        single = {key.folded: key for key in keys if not self._is_known(key)}
        wanted = [(key, False) for folded, key in single.items() if not f"{folded}\\".startswith(below)]
        wanted += [(key, True) for key in {key.folded: key for key in roots}.values()]
        for some in _cut(wanted):
            if self.has_shell is not False:
                self._prefetch_some(some)

    def _prefetch_some(self, wanted: list[tuple[RegistryKey, bool]]) -> None:
        output = self._query(wanted)
        if output is None:
            return
        text, missing = output
        keys = parse_reg_query(text, find_default_label(text))
        silent = [key for key, _is_tree in wanted if not _is_printed(key, keys)]
        for key, is_tree in wanted:
            self._take(key, is_tree, keys, is_complete=missing == len(silent))

    def _query(self, wanted: list[tuple[RegistryKey, bool]]) -> tuple[str, int | None] | None:
        """Run the queries; None when this host does not let us, else the output and how many keys are missing, None
        when a key was refused."""
        command = _JOINT.join((*_PROBES, *(_line(key, tree) for key, tree in wanted), _END_PROBE))
        for is_last in (False, True):
            try:
                result = self._client.run_command(command)
            except WsmanFault as fault:
                self.has_shell = False
                self.notes.append(f"the cmd shell is not to be had ({fault}); values are read one by one")
                return None
            self.has_shell = True
            text = decode_output(result.stdout)
            if "HKEY_LOCAL_MACHINE" not in text:
                self.notes.append("reg.exe did not answer (forbidden by policy?); values are read one by one")
                return None
            # A host that times out again is slow; nothing else is known of what it printed than that it is whole.
            if _is_whole(text) and (is_last or not result.timed_out):
                return text, None if _MISSING_PROBE.path in text else _count_missing(result.stderr)
        self.notes.append("what reg.exe printed was not whole, twice; values are read one by one")
        return None

    def _take(self, key: RegistryKey, is_tree: bool, keys: Mapping[str, QueriedKey], *, is_complete: bool) -> None:
        """Remember what a query told about one key. A key that is not in the output is looked at over CIM unless the
        query `is_complete`, because its absence may as well be a refusal, or that it holds nothing."""
        prefix = key.folded + "\\"
        tree = {
            path: item for path, item in keys.items() if path == key.folded or (is_tree and path.startswith(prefix))
        }
        if any(item.is_lost for item in tree.values()):
            self.notes.append(f"{key} holds values that reg.exe prints ambiguously; it is read value by value")
            return
        if not _is_printed(key, keys) and not is_complete:
            types = self._types_on_host(key)
            if types:
                return
            if types is not None:
                keys = {**keys, key.folded: QueriedKey(key.path)}
        for item in tree.values():
            self._resolve_doubts(item)
        is_there = _is_printed(key, keys)  # a key that holds only keys is printed as these
        self._cache[key.folded] = tree.pop(key.folded, QueriedKey(key.path) if is_there else None)
        self._cache.update(tree)
        if is_tree:
            self._trees.add(key.folded)

    def _resolve_doubts(self, found: QueriedKey) -> None:
        """Read the values again of which reg.exe left in doubt where they end. One or two messages each."""
        if not found.doubtful:
            return
        key = RegistryKey(found.path)
        self.notes.append(f"{key} holds values that reg.exe prints ambiguously; {len(found.doubtful)} are read singly")
        for name in found.doubtful:
            value = self._read_now(key, name)
            found.values = {item: kept for item, kept in found.values.items() if item.lower() != name.lower()}
            if value is not None:
                found.values[name] = value
        found.doubtful.clear()

    def _read_now(self, key: RegistryKey, name: str) -> RegistryValue | None:
        answer = self._get(key, name, RegistryType.SZ)
        if answer.return_value == TYPE_MISMATCH:
            return self._value_of_any_type(key, name)
        return _value_in(answer, key, name, RegistryType.SZ)

    # -- writing -----------------------------------------------------------------------------------------------------

    def set_value(self, operation: SetValue) -> None:
        """Write or delete one value and read it back.

        Raises: HostStateError with what was tried, what came back, and what to do; the value may then be either way.
        """
        self.write_value(operation)
        self.read_back(operation)

    def write_value(self, operation: SetValue) -> None:
        """Write or delete one value, without reading it back. Raises: HostStateError."""
        self._forget(operation.key)
        if operation.after is None:
            self._delete_value(operation)
        else:
            self._write_value(operation, operation.after)

    def read_back(self, operation: SetValue) -> None:
        """Raises: HostStateError when the value is not what the operation has written."""
        present = self.value_of(operation)
        if present != operation.after:
            raise HostStateError(
                f"{operation.describe()} of this host did not stick: wrote {operation.after or 'nothing'}, read back "
                f"{present or 'nothing'}; something on the host (policy, agent, filter driver) changes this value"
            )

    def value_of(self, operation: SetValue) -> RegistryValue | None:
        """The value that the operation is about, as it is now. Raises: HostStateError when reading is refused."""
        expected = (operation.after or operation.before or RegistryValue.string("")).type
        if expected is RegistryType.EXPAND_SZ:
            self.prefetch([operation.key])  # StdRegProv would answer with its variables expanded
        return self.value(operation.key, operation.name, expected)

    def create_key(self, operation: CreateKey) -> None:
        """Create a key and the keys above it; a key that is there already is left alone."""
        self._forget(operation.key)
        answer = self._invoke("CreateKey", operation.key)
        if answer.return_value != SUCCESS:
            raise _refusal("Creating", str(operation.key), answer)

    def delete_key(self, operation: DeleteKey) -> None:
        """Delete a key without subkeys; a key that is not there is left alone."""
        self._forget(operation.key)
        answer = self._invoke("DeleteKey", operation.key)
        if answer.return_value not in (SUCCESS, KEY_MISSING):
            raise _refusal("Deleting", str(operation.key), answer)

    def forget(self, key: RegistryKey) -> None:
        """Read this key from the host again: something else than this gateway has written to it."""
        self._forget(key)

    def pretend(self, operation: Operation) -> None:
        """Answer further reads as if the operation had been applied. Nothing is written.

        So a plan made of several parts sees what the parts before it will have done.
        """
        if isinstance(operation, SetValue):
            self._pretended[operation.key.folded, operation.name.lower()] = operation.after
            if operation.after is not None:
                self._pretended_keys[operation.key.folded] = True
        elif isinstance(operation, (CreateKey, DeleteKey)):
            self._pretended_keys[operation.key.folded] = isinstance(operation, CreateKey)

    def stop_pretending(self) -> None:
        """Answer reads from the host again."""
        self._pretended.clear()
        self._pretended_keys.clear()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _write_value(self, operation: SetValue, value: RegistryValue) -> None:
        setter = _SETTERS.get(value.type)
        if setter is None or not can_be_written(value):
            raise HostStateError(
                f"{operation.describe()}: an empty or untyped value ({value}) cannot be written over StdRegProv, whose "
                "parameters take sample defaults when they are empty; nothing was changed"
            )
        method, parameter = setter
        arguments = {parameter: _to_cim(value.data)}
        answer = self._set(operation, method, arguments)
        if answer.return_value == KEY_MISSING:
            self.create_key(CreateKey(operation.key))
            answer = self._set(operation, method, arguments)
        if answer.return_value != SUCCESS:
            raise _refusal("Setting", _named(operation.key, operation.name), answer)

    def _delete_value(self, operation: SetValue) -> None:
        answer = self._set(operation, "DeleteValue", {})
        if answer.return_value not in (SUCCESS, VALUE_MISSING, KEY_MISSING):
            raise _refusal("Deleting", _named(operation.key, operation.name), answer)

    def _set(self, operation: SetValue, method: str, arguments: Mapping[str, object]) -> MethodResult:
        return self._invoke(method, operation.key, {"sValueName": operation.name, **arguments})

    def _get(self, key: RegistryKey, name: str, kind: RegistryType) -> MethodResult:
        return self._invoke(_GETTERS[kind][0], key, {"sValueName": name})

    def _value_of_any_type(self, key: RegistryKey, name: str) -> RegistryValue | None:
        types = self._types_on_host(key) or {}
        kind = next((kind for present, kind in types.items() if present.lower() == name.lower()), None)
        return None if kind is None else self._read_as(key, name, kind)

    def _read_as(self, key: RegistryKey, name: str, kind: RegistryType) -> RegistryValue | None:
        if kind not in _GETTERS:
            return RegistryValue(kind, b"")  # listed, but no typed getter exists; enough to say that its type is wrong
        return _value_in(self._get(key, name, kind), key, name, kind)

    def _invoke(self, method: str, key: RegistryKey, arguments: Mapping[str, object] | None = None) -> MethodResult:
        parameters = {"hDefKey": HKEY_LOCAL_MACHINE, "sSubKeyName": key.path, **(arguments or {})}
        return self._client.invoke(STD_REG_PROV, method, parameters)

    def _cached(self, key: RegistryKey) -> QueriedKey | None:
        if key.folded in self._cache:
            return self._cache[key.folded] or QueriedKey(key.path)
        return QueriedKey(key.path) if self._is_known(key) else None

    def _is_known(self, key: RegistryKey) -> bool:
        return key.folded in self._cache or self._is_in_tree(key) or self._is_below_nothing(key)

    def _is_below_nothing(self, key: RegistryKey) -> bool:
        """Whether a key above this one is known to be missing."""
        above = key.parent
        while above is not None and above.folded not in self._cache:
            above = above.parent
        return above is not None and self._cache[above.folded] is None

    def _is_in_tree(self, key: RegistryKey) -> bool:
        return any(key.folded == tree or key.folded.startswith(tree + "\\") for tree in self._trees)

    def _forget(self, key: RegistryKey) -> None:
        self._cache.pop(key.folded, None)
        above = key.parent
        while above is not None:  # writing a key makes the ones above it
            if above.folded in self._cache and self._cache[above.folded] is None:
                del self._cache[above.folded]
            above = above.parent
        self._trees = {tree for tree in self._trees if not (key.folded + "\\").startswith(tree + "\\")}


def can_be_written(value: RegistryValue) -> bool:
    """Whether StdRegProv can write this value: it has a typed setter, is not empty where empty is ambiguous, and XML
    can carry its characters."""
    if value.type not in _SETTERS or value.data in (b"", ()):
        return False
    texts = value.data if isinstance(value.data, tuple) else (value.data,)
    return not any(isinstance(text, str) and _NOT_IN_XML.search(text) for text in texts)


def _value_in(answer: MethodResult, key: RegistryKey, name: str, kind: RegistryType) -> RegistryValue | None:
    """The value a getter answered with, None when there is none. Raises: HostStateError."""
    if answer.return_value in (VALUE_MISSING, KEY_MISSING):
        return None
    if answer.return_value != SUCCESS:
        raise _refusal("Reading", _named(key, name), answer)
    parameter = _GETTERS[kind][1]
    if kind in (RegistryType.DWORD, RegistryType.QWORD):
        return RegistryValue(kind, answer.required(parameter, int))
    if kind is RegistryType.BINARY:
        return RegistryValue(kind, answer.optional(parameter, bytes) or b"")
    if kind is RegistryType.MULTI_SZ:
        return RegistryValue(kind, answer.texts(parameter))
    return RegistryValue(kind, answer.optional(parameter, str) or "")


def _named(key: RegistryKey, name: str) -> str:
    return f"{name or '(default)'} of {key}"


def _refusal(verb: str, target: str, answer: MethodResult) -> HostStateError:
    hint = ""
    if answer.error().is_access_denied:
        hint = (
            " The connecting account needs a full administrator token (a local account other than the built-in "
            "Administrator gets a filtered one over the network); keys owned by TrustedInstaller refuse even that"
        )
    return HostStateError(f"{verb} {target} failed: {answer.error()}{hint}")


def _to_cim(data: RegistryData) -> object:
    return list(data) if isinstance(data, tuple) else data


def _cut(wanted: list[tuple[RegistryKey, bool]]) -> list[list[tuple[RegistryKey, bool]]]:
    """The queries in portions that fit in one command line."""
    portions: list[list[tuple[RegistryKey, bool]]] = []
    room = 0
    for key, is_tree in wanted:
        size = len(_JOINT) + len(_line(key, is_tree))
        if size > room:
            portions.append([])
            room = _MAX_COMMAND_LINE - len(_JOINT.join((*_PROBES, _END_PROBE)))
        portions[-1].append((key, is_tree))
        room -= size
    return portions


def _line(key: RegistryKey, is_tree: bool) -> str:
    return f"reg.exe query {_quoted(key)}{' /s' if is_tree else ''}"


def _quoted(key: RegistryKey) -> str:
    """The key as one argument of a command line. Raises: DomainError for characters cmd.exe would act on."""
    if any(character in key.path for character in '"%\r\n'):
        raise DomainError(f"{key} cannot be named on a command line")
    return f'"HKLM\\{key.path}"'


def _is_printed(key: RegistryKey, keys: Mapping[str, QueriedKey]) -> bool:
    """Whether a query has shown the key, or keys below it."""
    return key.folded in keys or any(path.startswith(f"{key.folded}\\") for path in keys)


def _count_missing(stderr: bytes) -> int | None:
    """How many keys are missing, besides the one that never is there; None when another complaint is among them."""
    complaints = [line for line in stderr.splitlines() if line.strip()]
    return len(complaints) - 1 if len(set(complaints)) == 1 else None


def _is_whole(text: str) -> bool:
    """Whether an output ends as it begins: with the probe. A part that gets lost on the way is nowhere told.

    A reg.exe that prints nothing of the probe, at either end, is taken at its word.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if f"HKEY_LOCAL_MACHINE\\{_LABEL_PROBE.path}".lower() not in map(str.lower, lines):
        return True
    return len(lines) > _PROBE_LINES and lines[:_PROBE_LINES] == lines[-_PROBE_LINES:]


# The last is the first once more, so that it is known where the output ends.
_END_PROBE = f"reg.exe query {_quoted(_LABEL_PROBE)} /ve"
_PROBES = (_END_PROBE, f"reg.exe query {_quoted(_MISSING_PROBE)}")
