# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Settings of Windows that OPC guides tell people to change: UAC, remote UAC, anonymous, the sharing model, RPC ports.

Most of that advice weakens the host and is not needed. So these are here to be put back to what is safe, and to be
changed against better advice only when asked for explicitly, and reported then. Source: dcom.md 3.5, 5.1, 8.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ._dcom import DEFAULT, NamedSetting
from ._errors import LockoutError, ParameterError
from ._plan import Effect, Operation, Plan, SetValue
from ._registry import RegistryKey, RegistryType, RegistryValue

_POLICIES = RegistryKey("SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System")
_LSA = RegistryKey("SYSTEM\\CurrentControlSet\\Control\\Lsa")
RPC_PORTS = RegistryKey("SOFTWARE\\Microsoft\\Rpc\\Internet")

UAC = "uac"
REMOTE_LOCAL_ADMINISTRATORS = "remote_local_administrators"
DCOM_PORTS = "dcom_ports"

HOST_POLICY: tuple[NamedSetting, ...] = (
    NamedSetting(
        UAC,
        _POLICIES,
        "EnableLUA",
        RegistryType.DWORD,
        {"enabled": 1, "disabled": 0, DEFAULT: None},
        "Windows has it on",
        Effect.REBOOT,
        "seed: 'If possible, turn off UAC'; never needed for DCOM access",
        weak_words=frozenset({"disabled"}),
    ),
    NamedSetting(
        REMOTE_LOCAL_ADMINISTRATORS,
        _POLICIES,
        "LocalAccountTokenFilterPolicy",
        RegistryType.DWORD,
        {"filtered": 0, "full": 1, DEFAULT: None},
        "filtered",
        Effect.AT_ONCE,
        "KB951016; use a group with entries of its own instead",
        weak_words=frozenset({"full"}),
    ),
    NamedSetting(
        "everyone_includes_anonymous",
        _LSA,
        "EveryoneIncludesAnonymous",
        RegistryType.DWORD,
        {"true": 1, "false": 0},
        "Windows does not",
        Effect.AT_ONCE,
        "security policy 'Let Everyone permissions apply to anonymous users'; no restart needed",
        weak_words=frozenset({"true"}),
    ),
    NamedSetting(
        "network_logons",
        _LSA,
        "ForceGuest",
        RegistryType.DWORD,
        {"as_themselves": 0, "as_guest": 1},
        "as themselves on servers and domain members",
        Effect.AT_ONCE,
        "security policy 'Sharing and security model for local accounts'; as Guest nobody has an identity of their own",
        weak_words=frozenset({"as_guest"}),
    ),
)

# Going from this word to another can take the rights of the account in use: a local administrator other than the
# built-in one has a full token over the network only because of it.
_HOLDS_THE_DOOR = {UAC: "disabled", REMOTE_LOCAL_ADMINISTRATORS: "full"}

_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})\Z")
LEAST_PORTS = 100
LOWEST_PORT = 5001
MAX_PORT = 65535
# WinRM's ports, and the one its compatibility listener has on every host.
_WINRM_PORTS = frozenset({5985, 5986, 47001})
_FLAGS = ("PortsInternetAvailable", "UseInternetPorts")
PORT_VALUES: Mapping[str, RegistryType] = {
    "Ports": RegistryType.MULTI_SZ,
    **dict.fromkeys(_FLAGS, RegistryType.SZ),
}


@dataclass(frozen=True, slots=True)
class PortRange:
    """Where RPC servers get their TCP ports from, inclusive. An invalid entry breaks every RPC server of a host."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> PortRange | None:
        """A range such as ``50000-50200``; None for the word default. Raises: ParameterError.

        Source: dcom.md 5.1 (KB154596: at least 100 ports, above 5000).
        """
        if text.strip().lower() == DEFAULT:
            return None
        match = _RANGE.match(text.strip())
        if match is None:
            raise ParameterError(DCOM_PORTS, f"{text!r} is not a range such as 50000-50200, and not {DEFAULT}")
        first, last = int(match.group(1)), int(match.group(2))
        if not LOWEST_PORT <= first <= last <= MAX_PORT:
            raise ParameterError(DCOM_PORTS, f"ports run from {LOWEST_PORT} to {MAX_PORT}, ascending: {text!r}")
        if last - first + 1 < LEAST_PORTS:
            raise ParameterError(
                DCOM_PORTS,
                f"{last - first + 1} ports are too few: all RPC servers of the host share them, Microsoft asks for at "
                f"least {LEAST_PORTS}",
            )
        return cls(first, last)

    def values(self) -> dict[str, RegistryValue]:
        """The values of RPC_PORTS."""
        return {
            "Ports": RegistryValue.multi_string(f"{self.first}-{self.last}"),
            **{name: RegistryValue.string("Y") for name in _FLAGS},
        }


def refuse_lockout(before: Mapping[str, str | None], desired: Mapping[str, str]) -> None:
    """Raises: LockoutError when the account in use may lose its rights over the network. Both map options to words."""
    for option, word in _HOLDS_THE_DOOR.items():
        if option in desired and before.get(option) == word and desired[option] != word:
            raise LockoutError(
                f"{option}: while it is {word}, every local administrator has full rights over the network; without it "
                "only the built-in Administrator and domain accounts do, perhaps not the account of this run. Set "
                "allow_lockout: true when that is certain"
            )


def plan_ports(
    present: Mapping[str, RegistryValue | None], wanted: PortRange | None, management_ports: Collection[int]
) -> Plan:
    """Plan the port range; None takes the three values away, so that Windows decides.

    Raises: LockoutError for a range that holds a port of WinRM.
    """
    if wanted is not None:
        taken = sorted(port for port in _WINRM_PORTS.union(management_ports) if wanted.first <= port <= wanted.last)
        if taken:
            raise LockoutError(
                f"{DCOM_PORTS}: the range holds {', '.join(map(str, taken))}, which WinRM listens on; an RPC server "
                "could take it at the next start. Choose another range"
            )
    values: Mapping[str, RegistryValue] = wanted.values() if wanted else {}
    operations: list[Operation] = [
        SetValue(RPC_PORTS, name, before=present.get(name), after=values.get(name))
        for name in PORT_VALUES
        if present.get(name) != values.get(name)
    ]
    return Plan(
        tuple(operations),
        before={DCOM_PORTS: _describe(present)},
        after={DCOM_PORTS: _describe(values)},
        reboot_reasons=(DCOM_PORTS,) if operations else (),
    )


def _describe(values: Mapping[str, RegistryValue | None]) -> str:
    found = {name: value for name, value in values.items() if value is not None}
    if not found:
        return f"{DEFAULT} (Windows decides, 49152-65535)"
    ports = found.get("Ports")
    if ports is not None and ports.type is RegistryType.MULTI_SZ and isinstance(ports.data, tuple):
        flags = [found.get(name) for name in _FLAGS]
        if all(flag is not None and flag.data == "Y" for flag in flags):
            return ", ".join(ports.data)
    return "; ".join(f"{name}: {value}" for name, value in found.items())
