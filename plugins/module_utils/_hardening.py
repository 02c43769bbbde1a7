# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""KB5004442 on one host as it really counts, what to look at, and what the patch levels of two hosts mean together.

A value is worth what the phase makes of it: before June 2021 nobody reads it, since March 2023 one of the two is
ignored. Advice follows the cases of a vendor's guide (Prediktor, 2023): no updates, hardened client, both hardened, a
server that cannot be updated. Source: dcom.md 1.3, 7 and KB5004442; that a hardened client reaches a server that is not
hardened is that vendor's observation and consistent with KB5004442.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ._dcom import MACHINE_DEFAULTS, NamedSetting
from ._findings import Finding, Severity
from ._patch_level import Phase, phase_of, phase_of_file, raises_activation, requires_integrity
from ._registry import RegistryType, RegistryValue

LOGGING_OFF = "DisableAuthenticationLevelHardeningLog"
# The update that began each phase.
PHASE_DATES: Mapping[Phase, str] = MappingProxyType(
    {
        Phase.AVAILABLE: "2021-06-08",
        Phase.ON_BY_DEFAULT: "2022-06-14",
        Phase.CLIENTS_RAISED: "2022-11-08",
        Phase.ENFORCED: "2023-03-14",
    }
)
NO_UPDATES, HARDENED_CLIENT, HARDENED_SERVER = "no_updates", "hardened_client", "hardened_server"
BOTH_HARDENED, SERVER_NOT_UPDATED = "both_hardened", "server_not_updated"
NOT_IN_FORCE, NOT_KNOWN = "not_in_force", "not_known"

_GATEWAY = (
    "install an OPC DA/UA gateway on the server or on a host beside it, so that no DCOM crosses the network between "
    "a hardened host and one that is not"
)
_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        NO_UPDATES: "neither side has the updates of KB5004442: nothing is refused because of them until one is "
        "installed. Update both sides, clients first, and set packet_integrity before",
        NOT_IN_FORCE: "the server has updates and does not refuse anything because of them yet: an update or a value "
        "will turn that on. Update the clients first, and set packet_integrity on both sides",
        HARDENED_CLIENT: "the client raises its activations and the server does not ask for it yet: the link works, by "
        "a vendor's observation. Set packet_integrity on the server too, before its next update",
        HARDENED_SERVER: "the server refuses activations below packet_integrity and the client does not raise all of "
        "its own: update the client to November 2022 or later, or set its machine default and its application to "
        "packet_integrity and reboot it; a client that sets a lower level in its code must be updated by its vendor",
        BOTH_HARDENED: "both sides are hardened: the client raises its activations, so the link works without a change "
        "to the applications. Keep packet_integrity set on both, so that it stays so",
        SERVER_NOT_UPDATED: "the client has the updates and the server has none: update the server. If that is "
        f"impossible, {_GATEWAY}",
        NOT_KNOWN: "the patch level of one side is not known; look at the installed updates there",
    }
)


@dataclass(frozen=True, slots=True)
class Hardening:
    """The state of one host. None in `requires` and `raises`: it is not known.

    `evidence` is what the phase was concluded from; `is_certain` is False for an estimate from a file's version.
    """

    phase: Phase | None
    evidence: str
    is_certain: bool = True
    require_value: RegistryValue | None = None
    raise_value: RegistryValue | None = None
    logging_off: bool = False

    @property
    def requires(self) -> bool | None:
        """Whether it refuses activations below packet integrity as a server."""
        if _is_invalid(self.require_value) and self.phase in (Phase.AVAILABLE, *_SWITCHABLE):
            return None
        return requires_integrity(self.phase, _data(self.require_value))

    @property
    def raises(self) -> str | None:
        """What it raises as a client: nothing, default_level_only or all_requests."""
        if _is_invalid(self.raise_value) and self.phase is not Phase.NOT_PATCHED:
            return None
        return raises_activation(self.phase, _data(self.raise_value))

    def to_dict(self) -> dict[str, object]:
        return {
            "phase": None if self.phase is None else self.phase.name.lower(),
            "since": PHASE_DATES.get(self.phase) if self.phase else None,
            "evidence": self.evidence,
            "is_certain": self.is_certain,
            "requires_integrity": self.requires,
            "requires_integrity_because": self._why(_REQUIRE, self.require_value),
            "raises_activation": self.raises,
            "raises_activation_because": self._why(_RAISE, self.raise_value),
            "logs_refusals": not self.logging_off if self.phase not in (None, Phase.NOT_PATCHED) else None,
            "advice": [item.to_dict() for item in advise_host(self)],
        }

    def _why(self, setting: NamedSetting, value: RegistryValue | None) -> str:
        if self.phase is None:
            return "the patch level is not known"
        if self.phase is Phase.NOT_PATCHED:
            return f"Windows reads {setting.value_name} from the update of {PHASE_DATES[Phase.AVAILABLE]} on"
        if setting is _REQUIRE and self.phase is Phase.ENFORCED:
            said = "" if value is None else f"; {setting.describe(value)} is ignored"
            return f"enforced since the update of {PHASE_DATES[Phase.ENFORCED]}{said}"
        if value is None:
            return f"{setting.value_name} is absent, so the default of this patch level counts"
        if setting.word_of(value) is None:
            return f"{setting.value_name} is {setting.describe(value)}; what Windows then does is not documented"
        return f"{setting.value_name} is {setting.describe(value)}"


@dataclass(frozen=True, slots=True)
class Advice:
    """What two patch levels mean for a link.

    `works` is about KB5004442 alone, for a program on the defaults; None where it is not known or the program decides.
    """

    case: str
    works: bool | None
    role: str = ""
    peer: str = ""

    @property
    def text(self) -> str:
        return _TEXTS[self.case]

    def to_dict(self) -> dict[str, object]:
        return {"case": self.case, "works": self.works, "as": self.role, "with": self.peer, "text": self.text}


def read_hardening(
    build: int, revision: int | None, file_version: str | None, values: Mapping[str, RegistryValue | None]
) -> Hardening:
    """The state of a host.

    `file_version` is that of rpcss.dll, looked at where the revision is of no use; `values` are those of AppCompat by
    option (require_integrity_activation, raise_activation) and LOGGING_OFF.
    """
    phase = phase_of(build, revision)
    is_certain, evidence = phase is not None, f"build {build}, revision {'unknown' if revision is None else revision}"
    if phase is None:
        phase = phase_of_file(build, file_version)
        evidence = f"build {build}, rpcss.dll {file_version or 'not read'}" if phase is not None else evidence
    off = values.get(LOGGING_OFF)
    return Hardening(
        phase,
        evidence,
        is_certain,
        values.get(_REQUIRE.option),
        values.get(_RAISE.option),
        logging_off=off is not None and isinstance(off.data, int) and off.data != 0,
    )


def advise_pair(client: Hardening, server: Hardening) -> Advice:
    """The case of a link between these two hosts, as far as KB5004442 goes."""
    if client.raises is None or server.requires is None:
        return Advice(NOT_KNOWN, None)
    is_raised = client.raises == "all_requests"
    if server.requires:
        works = None if client.raises == "default_level_only" else is_raised
        return Advice(BOTH_HARDENED if is_raised else HARDENED_SERVER, works)
    if server.phase is Phase.NOT_PATCHED:
        return Advice(NO_UPDATES if client.phase is Phase.NOT_PATCHED else SERVER_NOT_UPDATED, True)
    return Advice(HARDENED_CLIENT if is_raised else NOT_IN_FORCE, True)


def advise_host(host: Hardening) -> tuple[Advice, ...]:
    """What the state of one host means with peers that are updated and with peers that are not."""
    if host.phase is None:
        return ()
    found = []
    for peer, state in (("updated", _UPDATED), ("not_updated", _NOT_UPDATED)):
        as_server, as_client = advise_pair(state, host), advise_pair(host, state)
        found.append(Advice(as_server.case, as_server.works, "server", f"{peer}_client"))
        found.append(Advice(as_client.case, as_client.works, "client", f"{peer}_server"))
    return tuple(found)


def find_in_hardening(host: Hardening) -> tuple[Finding, ...]:
    """Findings about the patch level and its two values."""
    if host.phase is None:
        return (_finding("hardening_unknown", Severity.INFO, host.evidence, _TEXTS[NOT_KNOWN]),)
    found = []
    if host.phase is Phase.NOT_PATCHED:
        advice = f"install the updates, clients first. If this host cannot be updated, {_GATEWAY}"
        found.append(_finding("hardening_not_installed", Severity.WARNING, host.evidence, advice))
    elif host.requires is False:
        advice = "set require_integrity_activation to enforced once every client raises its level, or update the host"
        found.append(_finding("hardening_off", Severity.WARNING, host._why(_REQUIRE, host.require_value), advice))
    if host.phase is Phase.ENFORCED and _REQUIRE.word_of(host.require_value) == "off":
        advice = "delete the value; it does nothing since March 2023 and makes people believe the hardening is off"
        found.append(_finding("ignored_setting", Severity.INFO, host._why(_REQUIRE, host.require_value), advice))
    if host.phase >= Phase.CLIENTS_RAISED and host.raises == "default_level_only":
        advice = "set raise_activation to default or all_requests; programs with a lower level of their own are refused"
        found.append(_finding("activation_not_raised", Severity.WARNING, host._why(_RAISE, host.raise_value), advice))
    if host.logging_off and host.phase is not Phase.NOT_PATCHED:
        advice = "delete the value to see events 10036 to 10038 again (known from a public script only)"
        found.append(_finding("hardening_log_off", Severity.WARNING, f"{LOGGING_OFF} is set", advice))
    return tuple(found)


def _finding(code: str, severity: Severity, evidence: str, advice: str) -> Finding:
    return Finding(code, severity, "KB5004442", evidence, advice)


def _setting(option: str) -> NamedSetting:
    return next(item for item in MACHINE_DEFAULTS if item.option == option)


def _data(value: RegistryValue | None) -> int | None:
    return value.data if value is not None and isinstance(value.data, int) else None


def _is_invalid(value: RegistryValue | None) -> bool:
    return value is not None and value.type is not RegistryType.DWORD


_REQUIRE, _RAISE = _setting("require_integrity_activation"), _setting("raise_activation")
_SWITCHABLE = (Phase.ON_BY_DEFAULT, Phase.CLIENTS_RAISED)
_UPDATED = Hardening(Phase.ENFORCED, "")
_NOT_UPDATED = Hardening(Phase.NOT_PATCHED, "")
