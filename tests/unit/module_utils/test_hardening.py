# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""KB5004442 as it counts. Expectations are KB5004442's timeline and the four cases of the vendor's guide (dcom.md)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._hardening import (
    LOGGING_OFF,
    Hardening,
    advise_host,
    advise_pair,
    find_in_hardening,
    read_hardening,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._patch_level import (
    FILE_FLOORS,
    FLOORS,
    Phase,
    phase_of_file,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryType, RegistryValue

REFERENCE = Path(__file__).parents[3].parent / "shared" / "reference" / "dcom.md"
OFF, ON = RegistryValue.dword(0), RegistryValue.dword(1)


def host(phase: Phase | None, **values: RegistryValue | None) -> Hardening:
    return Hardening(phase, "", require_value=values.get("require"), raise_value=values.get("raise_"))


def table_rows() -> dict[int, list[int | None]]:
    """Build -> revisions of the four columns of the table in dcom.md 7; None where it names none."""
    if not REFERENCE.is_file():
        pytest.skip("the reference documents are not on this machine (shared/reference/dcom.md)")
    section = REFERENCE.read_text(encoding="utf-8").partition("## 7. Patch levels")[2].partition("## 8.")[0]
    rows = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        builds = re.findall(r"\((\d{4,5})\)", cells[0])
        if len(cells) == 5 and len(builds) == 1 and re.search(r"\.\d+", line):
            rows[int(builds[0])] = [_revision(cell) for cell in cells[1:]]
    return rows


def _revision(cell: str) -> int | None:
    if cell == "born patched":
        return 0
    found = re.search(r"\.(\d+)", cell)
    return int(found[1]) if found else None


def test_the_floors_are_those_of_the_reference() -> None:
    rows = table_rows()
    assert len(rows) == 16
    for build, revisions in rows.items():
        floors = {**FLOORS, **FILE_FLOORS}[build]
        assert [floors.available, floors.on_by_default, floors.clients_raised, floors.enforced] == revisions, build


@pytest.mark.parametrize(
    ("build", "version", "phase"),
    [  # fixed-in file revisions of CVE-2021-26414
        (7601, "6.1.7601.26415", Phase.ENFORCED),
        (7601, "6.1.7601.24545", Phase.NOT_PATCHED),
        (9600, "6.3.9600.20865", Phase.ENFORCED),
        (9600, "6.3.9600.20864", Phase.CLIENTS_RAISED),
        (9200, "6.2.9200.23736", Phase.ON_BY_DEFAULT),
        (6003, "6.0.6003.21500", Phase.AVAILABLE),
        (7601, "6.1.7600.26415", None),
        (7601, "6.1.7601", None),
        (7601, "a.b.c.d", None),
        (7601, None, None),
        (17763, "10.0.17763.5329", None),
    ],
)
def test_old_systems_are_judged_by_a_file(build: int, version: str | None, phase: Phase | None) -> None:
    assert phase_of_file(build, version) is phase


def test_an_estimate_says_that_it_is_one() -> None:
    estimated = read_hardening(7601, None, "6.1.7601.26415", {})
    assert (estimated.phase, estimated.is_certain) == (Phase.ENFORCED, False)
    assert estimated.evidence == "build 7601, rpcss.dll 6.1.7601.26415"
    certain = read_hardening(17763, 4131, None, {})
    assert (certain.phase, certain.is_certain) == (Phase.ENFORCED, True)
    unknown = read_hardening(7601, None, None, {})
    assert (unknown.phase, unknown.is_certain, unknown.requires) == (None, False, None)


@pytest.mark.parametrize(
    ("phase", "value", "requires", "because"),
    [
        (Phase.NOT_PATCHED, ON, False, "Windows reads"),
        (Phase.AVAILABLE, None, False, "is absent"),
        (Phase.AVAILABLE, ON, True, "enforced (1)"),
        (Phase.ON_BY_DEFAULT, None, True, "is absent"),
        (Phase.ON_BY_DEFAULT, OFF, False, "off (0)"),
        (Phase.CLIENTS_RAISED, RegistryValue.string("0"), None, "not documented"),
        (Phase.ENFORCED, OFF, True, "off (0) is ignored"),
        (Phase.ENFORCED, RegistryValue.string("0"), True, "is ignored"),
        (None, ON, None, "not known"),
    ],
)
def test_the_server_value_counts_as_its_phase_lets_it(
    phase: Phase | None, value: RegistryValue | None, requires: bool | None, because: str
) -> None:
    shown = host(phase, require=value).to_dict()
    assert shown["requires_integrity"] is requires
    assert because in str(shown["requires_integrity_because"])


@pytest.mark.parametrize(
    ("phase", "value", "raises"),
    [
        (Phase.NOT_PATCHED, RegistryValue.dword(2), "nothing"),
        (Phase.AVAILABLE, None, "default_level_only"),
        (Phase.CLIENTS_RAISED, None, "all_requests"),
        (Phase.ENFORCED, ON, "default_level_only"),
        (Phase.ENFORCED, RegistryValue.string("1"), None),
    ],
)
def test_the_client_value_counts_as_its_phase_lets_it(
    phase: Phase, value: RegistryValue | None, raises: str | None
) -> None:
    assert host(phase, raise_=value).raises == raises


@pytest.mark.parametrize(
    ("client", "server", "case", "works"),
    [
        # 1. No updates: no action needed until updates are installed.
        (Phase.NOT_PATCHED, Phase.NOT_PATCHED, "no_updates", True),
        # 2. Only one side is updated: a client on Connect cannot reach an updated server, an updated client can.
        (Phase.NOT_PATCHED, Phase.ENFORCED, "hardened_server", False),
        (Phase.AVAILABLE, Phase.ENFORCED, "hardened_server", None),
        (Phase.ENFORCED, Phase.AVAILABLE, "hardened_client", True),
        (Phase.AVAILABLE, Phase.AVAILABLE, "not_in_force", True),
        # 3. Both updated: the client update raises the level.
        (Phase.ENFORCED, Phase.ENFORCED, "both_hardened", True),
        # 4. The server cannot be updated: a gateway.
        (Phase.ENFORCED, Phase.NOT_PATCHED, "server_not_updated", True),
        (None, Phase.ENFORCED, "not_known", None),
    ],
)
def test_the_cases_of_the_guide(client: Phase | None, server: Phase, case: str, works: bool | None) -> None:
    advice = advise_pair(host(client), host(server))
    assert (advice.case, advice.works) == (case, works)
    assert ("gateway" in advice.text) == (case == "server_not_updated")


def test_one_host_is_advised_for_both_roles_and_both_kinds_of_peers() -> None:
    cases = {(item.role, item.peer): item.case for item in advise_host(host(Phase.NOT_PATCHED))}
    assert cases == {
        ("server", "updated_client"): "server_not_updated",
        ("client", "updated_server"): "hardened_server",
        ("server", "not_updated_client"): "no_updates",
        ("client", "not_updated_server"): "no_updates",
    }
    assert advise_host(host(None)) == ()


@pytest.mark.parametrize(
    ("state", "codes"),
    [
        (host(Phase.ENFORCED), []),
        (host(Phase.ENFORCED, require=OFF), ["ignored_setting"]),
        (host(Phase.ON_BY_DEFAULT, require=OFF), ["hardening_off"]),
        (host(Phase.AVAILABLE), ["hardening_off"]),
        (host(Phase.NOT_PATCHED, require=ON), ["hardening_not_installed"]),
        (host(Phase.ENFORCED, raise_=ON), ["activation_not_raised"]),
        (host(None), ["hardening_unknown"]),
    ],
)
def test_findings(state: Hardening, codes: list[str]) -> None:
    assert [item.code for item in find_in_hardening(state)] == codes


def test_a_muted_log_is_found() -> None:
    muted = read_hardening(17763, 4131, None, {LOGGING_OFF: ON})
    assert [item.code for item in find_in_hardening(muted)] == ["hardening_log_off"]
    assert muted.to_dict()["logs_refusals"] is False
    assert read_hardening(17763, 4131, None, {LOGGING_OFF: OFF}).to_dict()["logs_refusals"] is True


# KB5004442: which update came when.
DATES = {
    "available": "2021-06-08",
    "on_by_default": "2022-06-14",
    "clients_raised": "2022-11-08",
    "enforced": "2023-03-14",
}


@pytest.mark.parametrize("phase", Phase)
def test_a_phase_began_with_its_update(phase: Phase) -> None:
    shown = host(phase).to_dict()
    assert (shown["phase"], shown["since"]) == (phase.name.lower(), DATES.get(phase.name.lower()))
    # Before June 2021 nothing was refused, so nothing was logged.
    assert shown["logs_refusals"] is (None if phase is Phase.NOT_PATCHED else True)
    assert len(shown["advice"]) == 4  # type: ignore[arg-type]


def test_nothing_is_said_of_a_host_that_is_not_known() -> None:
    shown = host(None).to_dict()
    assert [shown[name] for name in ("phase", "since", "requires_integrity", "raises_activation", "logs_refusals")] == [
        None
    ] * 5
    assert shown["advice"] == []
    assert host(Phase.ENFORCED).is_certain
    assert host(Phase.ENFORCED).to_dict()["is_certain"] is True


@pytest.mark.parametrize("phase", [Phase.AVAILABLE, Phase.ON_BY_DEFAULT, Phase.CLIENTS_RAISED])
@pytest.mark.parametrize("text", [RegistryValue.string("1"), RegistryValue(RegistryType.QWORD, 1)])
def test_a_value_of_another_type_is_not_guessed_where_it_could_count(phase: Phase, text: RegistryValue) -> None:
    assert host(phase, require=text).requires is None
    assert host(phase, raise_=text).raises is None
    assert host(Phase.NOT_PATCHED, require=text).requires is False
    assert host(Phase.NOT_PATCHED, raise_=text).raises == "nothing"


@pytest.mark.parametrize(
    ("state", "codes"),
    [
        # While a value can still turn it off, off and absent are told apart from on.
        (host(Phase.AVAILABLE, require=OFF), ["hardening_off"]),
        (host(Phase.AVAILABLE, require=ON), []),
        (host(Phase.ON_BY_DEFAULT), []),
        (host(Phase.CLIENTS_RAISED, require=OFF), ["hardening_off"]),
        (host(Phase.CLIENTS_RAISED), []),
        (host(Phase.ENFORCED, require=ON), []),
        # Raising only the default level is a step back from November 2022 on, and the default before.
        (host(Phase.CLIENTS_RAISED, raise_=ON), ["activation_not_raised"]),
        (host(Phase.ON_BY_DEFAULT, raise_=ON), []),
        (host(Phase.ENFORCED, raise_=RegistryValue.dword(2)), []),
        (host(Phase.NOT_PATCHED, raise_=ON), ["hardening_not_installed"]),
    ],
)
def test_findings_of_a_phase(state: Hardening, codes: list[str]) -> None:
    assert [item.code for item in find_in_hardening(state)] == codes


def test_a_muted_log_of_a_host_without_updates_is_none() -> None:
    muted = read_hardening(17763, 1, None, {LOGGING_OFF: ON})
    assert [item.code for item in find_in_hardening(muted)] == ["hardening_not_installed"]
    assert not read_hardening(17763, 4131, None, {LOGGING_OFF: RegistryValue.string("1")}).logging_off
    assert read_hardening(17763, 4131, None, {LOGGING_OFF: RegistryValue.dword(2)}).logging_off


def test_what_a_phase_was_concluded_from() -> None:
    assert read_hardening(17763, 4131, "6.1.7601.26415", {}).evidence == "build 17763, revision 4131"
    assert read_hardening(7601, 5, None, {}).evidence == "build 7601, revision 5"
    assert read_hardening(7601, None, "x", {}).evidence == "build 7601, revision unknown"
    values = {"require_integrity_activation": OFF, "raise_activation": ON}
    read = read_hardening(17763, 4131, None, values)
    assert (read.require_value, read.raise_value, read.logging_off) == (OFF, ON, False)


@pytest.mark.parametrize("client", [None, *Phase])
@pytest.mark.parametrize("server", [None, *Phase])
def test_only_a_client_that_does_not_raise_fails_at_a_server_that_requires(
    client: Phase | None, server: Phase | None
) -> None:
    """KB5004442: only activations below Packet Integrity are refused, and only where it is in force."""
    advice = advise_pair(host(client), host(server))
    if client is None or server is None:
        assert (advice.case, advice.works) == ("not_known", None)
    elif server < Phase.ON_BY_DEFAULT:
        assert advice.works is True
    elif client >= Phase.CLIENTS_RAISED:
        assert (advice.case, advice.works) == ("both_hardened", True)
    else:
        # June 2021 raised the default level of clients; a program may set a lower one of its own.
        assert (advice.case, advice.works) == ("hardened_server", False if client is Phase.NOT_PATCHED else None)
