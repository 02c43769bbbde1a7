# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Claims that only a write can try out: in a key of its own, which is gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...module_utils._conformance import Observation, held
from ...module_utils._errors import HostStateError
from ...module_utils._plan import CreateKey, DeleteKey, SetValue
from ...module_utils._registry import RegistryKey, RegistryType, RegistryValue
from .._host._host import Host
from .._host._registry import HKEY_LOCAL_MACHINE, KEY_MISSING, SUCCESS, RegistryGateway
from .._wsman._schema import STD_REG_PROV

SCRATCH = RegistryKey("SOFTWARE\\otsec\\opc_dcom_conformance")
_ALL_BYTES = bytes(range(256))
_TEXTS = ("plain", "two  blanks", "<&>\"'%PATH%^|", "Ä ß é Ω 日本 \U0001f512")


@contextmanager
def scratch_key(host: Host) -> Iterator[None]:
    """The key, and those above it that were not there, exist inside the block only.

    Raises: HostStateError when the key is there already: it is not ours to delete then.
    """
    gateway = RegistryGateway(host.client)
    missing = [key for key in _with_parents(SCRATCH) if gateway.value_types(key) is None]
    if SCRATCH not in missing:
        raise HostStateError(f"{SCRATCH} is there already. Nothing was written; delete it if no other run uses it")
    gateway.create_key(CreateKey(SCRATCH))
    try:
        yield
    finally:
        for key in missing:
            gateway.delete_key(DeleteKey(key))


def _with_parents(key: RegistryKey) -> Sequence[RegistryKey]:
    """The key and its parents, deepest first; SOFTWARE itself is always there."""
    parent = key.parent
    return [key] if parent is None or parent.parent is None else [key, *_with_parents(parent)]


def numbers(host: Host) -> Observation:
    return _come_back(
        host,
        [RegistryValue.dword(number) for number in (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)]
        + [RegistryValue(RegistryType.QWORD, number) for number in (1 << 32, (1 << 64) - 1)],
    )


def binary(host: Host) -> Observation:
    return _come_back(host, [RegistryValue.binary(data) for data in (_ALL_BYTES, b"\x00", b"\xff")])


def text(host: Host) -> Observation:
    return _come_back(host, [RegistryValue.string(item) for item in _TEXTS])


def texts(host: Host) -> Observation:
    return _come_back(host, [RegistryValue.multi_string("one"), RegistryValue.multi_string(*_TEXTS[:3])])


def expand(host: Host) -> Observation:
    """What is stored is what reg.exe prints; StdRegProv gives it with its variables expanded."""
    written = RegistryValue(RegistryType.EXPAND_SZ, "%SystemRoot%\\otsec")
    with _written(host, "expand", written):
        printed = _printed(host, "expand")
        singly = RegistryGateway(host.client).value(SCRATCH, "expand", RegistryType.EXPAND_SZ)
    return held(printed == written != singly, f"stored as {printed}, StdRegProv reads {singly}")


def unnamed(host: Host) -> Observation:
    return _come_back(host, [RegistryValue.string("unnamed")], names=[""])


def names(host: Host) -> Observation:
    wanted = ["two  blanks", "a&b^c|d", '"quoted"', "Ä 日本", "%PATH%"]
    return _come_back(host, [RegistryValue.dword(1)] * len(wanted), names=wanted)


def one_value(host: Host) -> Observation:
    with _written(host, "only", RegistryValue.dword(1)):
        found = RegistryGateway(host.client).value_types(SCRATCH)
    return held(found == {"only": RegistryType.DWORD}, f"{len(found or {})} names")


def missing_key(host: Host) -> Observation:
    arguments = {**_place(SCRATCH.child("absent")), "sValueName": "x", "uValue": 1}
    answer = host.client.invoke(STD_REG_PROV, "SetDWORDValue", arguments)
    if answer.return_value == SUCCESS:
        RegistryGateway(host.client).delete_key(DeleteKey(SCRATCH.child("absent")))
    return held(answer.return_value == KEY_MISSING, f"ReturnValue {answer.return_value}")


def full_key(host: Host) -> Observation:
    gateway = RegistryGateway(host.client)
    parent = SCRATCH.child("parent")
    gateway.create_key(CreateKey(parent.child("child")))
    answer = host.client.invoke(STD_REG_PROV, "DeleteKey", _place(parent))
    is_kept = gateway.value_types(parent.child("child")) is not None
    for key in (parent.child("child"), parent):
        gateway.delete_key(DeleteKey(key))
    return held(is_kept and answer.return_value != SUCCESS, f"ReturnValue {answer.return_value}, kept: {is_kept}")


def _come_back(host: Host, values: Sequence[RegistryValue], names: Sequence[str] = ()) -> Observation:
    """Write each value and read it by both ways; reg.exe may leave in doubt where a value ends, never what it is."""
    for number, value in enumerate(values):
        name = names[number] if names else f"value {number}"
        with _written(host, name, value):
            singly = RegistryGateway(host.client).value(SCRATCH, name, value.type)
            printed = _printed(host, name)
        if (singly, printed) != (value, value):
            return held(False, f"number {number}: wrote {value}, read {singly}, through reg.exe {printed}")
    return held(True, f"{len(values)} values")


@contextmanager
def _written(host: Host, name: str, value: RegistryValue) -> Iterator[None]:
    """A value of the scratch key, inside the block only. Raises: HostStateError when it does not stick."""
    gateway = RegistryGateway(host.client)
    try:
        gateway.set_value(SetValue(SCRATCH, name, None, value))
        yield
    finally:
        gateway.set_value(SetValue(SCRATCH, name, value, None))


def _printed(host: Host, name: str) -> RegistryValue | None:
    gateway = RegistryGateway(host.client)
    gateway.prefetch([SCRATCH])
    return (gateway.values(SCRATCH) or {}).get(name)


def _place(key: RegistryKey) -> dict[str, object]:
    return {"hDefKey": HKEY_LOCAL_MACHINE, "sSubKeyName": key.path}
