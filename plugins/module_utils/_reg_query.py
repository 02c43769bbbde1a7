# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reads what `reg.exe query` prints, by its layout and never by its words: headings are full key paths, values are
`    name    REG_TYPE    data` with runs of exactly four blanks. Everything that is not certain is said to be uncertain
(`ambiguous`), so that the caller reads that key again over CIM. The label of the unnamed value is localised; it is
learned from a probe (`default_label`), never from a list of languages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from ._registry import RegistryType, RegistryValue

_GAP = "    "
_HEADING = re.compile(r"HKEY_[A-Z_]+(?:\\.*)?\Z")
_TYPE = re.compile(r"    (REG_[A-Z_]+)(?:    |\Z)")
_TYPES = {item.label: item for item in RegistryType if item is not RegistryType.UNKNOWN}
# In how many ways a line is read. One that can be read in more makes the names of its key uncertain: noting them all
# would take the square of its length.
_MAX_READINGS = 8
# Names are asked for one by one.
_MAX_DOUBTFUL = 100
_LOCAL_MACHINE = "HKEY_LOCAL_MACHINE\\"


@dataclass(slots=True)
class QueriedKey:
    """The values of one key as printed. `doubtful` names the values that a line which could be read in two ways may
    belong to; `is_lost` when even that cannot be told.
    """

    path: str
    values: dict[str, RegistryValue] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    is_lost: bool = False
    last_name: str | None = None

    @property
    def is_certain(self) -> bool:
        return not self.doubtful and not self.is_lost

    def value(self, name: str) -> RegistryValue | None:
        """The value of that name, compared without case; None when the key does not have it."""
        return next((value for key, value in self.values.items() if key.lower() == name.lower()), None)


def parse_reg_query(output: str, default_label: str | None = None) -> Mapping[str, QueriedKey]:
    """Return the keys of a `reg query` output by lower-case path below HKEY_LOCAL_MACHINE.

    `default_label` is what this host prints for the unnamed value; that value is then found under the name "".
    """
    keys: dict[str, QueriedKey] = {}
    current: QueriedKey | None = None
    for line in output.replace("\r\n", "\n").split("\n"):
        if not line.strip():
            continue
        if _HEADING.match(line) and not line.startswith(_GAP):
            path = line[len(_LOCAL_MACHINE) :] if line.startswith(_LOCAL_MACHINE) else line
            current = keys.setdefault(path.lower(), QueriedKey(path))
        elif current is not None and not _add_value(current, line, default_label):
            _doubt(current, line, default_label)
    return keys


def find_default_label(output: str) -> str | None:
    """The localised label of the unnamed value, from the output of `reg query KEY /ve`; None if it is not there."""
    for line in output.replace("\r\n", "\n").split("\n"):
        match = _TYPE.search(line)
        if line.startswith(_GAP) and match:
            return line[len(_GAP) : match.start()]
    return None


def _add_value(key: QueriedKey, line: str, default_label: str | None) -> bool:
    """Add the value on this line; False when the line is not certainly one value."""
    matches = list(islice(_TYPE.finditer(line), 2))
    if not line.startswith(_GAP) or len(matches) != 1:
        return False
    (match,) = matches
    name, kind, text = line[len(_GAP) : match.start()], match.group(1), line[match.end() :]
    value = _decode(kind, text)
    name = "" if name == default_label else name
    if value is None or name in key.values:
        return False
    key.last_name = name
    key.values[name] = value
    return True


def _doubt(key: QueriedKey, line: str, default_label: str | None) -> None:
    """Note whose line this may be: it goes on with the value before it, or it is a value of one of these names."""
    matches = islice(_TYPE.finditer(line), _MAX_READINGS + 1) if line.startswith(_GAP) else ()
    names = {line[len(_GAP) : match.start()] for match in matches}
    if len(names) > _MAX_READINGS or len(key.doubtful) > _MAX_DOUBTFUL:
        key.is_lost = True
        return
    key.doubtful.update("" if name == default_label else name for name in names)
    if key.last_name is not None:
        key.doubtful.add(key.last_name)
    elif not names:
        key.is_lost = True


def _decode(kind: str, text: str) -> RegistryValue | None:
    """The typed value, or None when the text is not what this type prints."""
    registry_type = _TYPES.get(kind)
    if registry_type is None:
        return None
    if registry_type in (RegistryType.DWORD, RegistryType.QWORD):
        return _decode_number(registry_type, text)
    if registry_type in (RegistryType.BINARY, RegistryType.NONE):
        return RegistryValue(registry_type, bytes.fromhex(text)) if _is_hex(text) else None
    if registry_type is RegistryType.MULTI_SZ:
        # reg.exe joins the strings by the two characters \0, which a string may contain itself.
        return RegistryValue(registry_type, tuple(text.split("\\0")) if text else ())
    return RegistryValue(registry_type, text)


def _decode_number(registry_type: RegistryType, text: str) -> RegistryValue | None:
    digits = 8 if registry_type is RegistryType.DWORD else 16
    if not re.fullmatch(rf"0x[0-9a-fA-F]{{1,{digits}}}", text):
        return None
    return RegistryValue(registry_type, int(text, 16))


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]*", text) is not None
