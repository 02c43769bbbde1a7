# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""opc_conformance against simulated hosts: what holds is confirmed, what does not is refuted, nothing is left.

The simulated host was made from the same documents as the claims, so that it confirms them proves only that the
questions are asked as meant. That they are able to fail is what the deviating hosts show.
"""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory

from ansible_collections.otsec.opc_dcom.plugins.module_utils._conformance import CLAIMS
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._conformance._run import CHECKS, chosen_claims, try_out
from simulator.faults import Effect, ScriptedFault
from simulator.profiles import SERVER_2008_R2, SERVER_2022, WINDOWS_7, Profile
from simulator.software import opc_core_components
from simulator.subsystems.account_database import Domain
from simulator.subsystems.registry_value import RegistryValue

OLE = "HKLM\\SOFTWARE\\Microsoft\\Ole"
RULES = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"
SCRATCH = "HKLM\\SOFTWARE\\otsec\\opc_dcom_conformance"
FORBIDDEN = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\Safer\\CodeIdentifiers\\0\\Paths\\{1}"
# What a host is asked on purpose although it cannot know it.
ODD_QUESTIONS = ("OtsecNoSuchClass", "OtsecNoSuchMethod", "select \\* form")


def tried(host: LiveHost, *names: str, allow_writes: bool = False) -> dict[str, Any]:
    claims = chosen_claims({"claims": list(names) or None})
    if not names:
        for pattern in ODD_QUESTIONS:
            host.site.expect_violation(pattern)
    found: dict[str, Any] = host.ask(lambda connected: try_out(connected, claims, allow_writes=allow_writes))
    return found


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["outcome"] for item in result["claims"]}


def outcome(host: LiveHost, name: str) -> tuple[str, str]:
    (claim,) = tried(host, name)["claims"]
    return claim["outcome"], claim["evidence"]


def test_every_claim_has_one_check() -> None:
    assert [claim.name for claim in CLAIMS] == list(CHECKS)


@pytest.mark.parametrize("profile", [WINDOWS_7, SERVER_2008_R2, SERVER_2022], ids=str)
def test_every_claim_is_tried_and_nothing_is_left_behind(live: LiveHostFactory, profile: Profile) -> None:
    domain = Domain("FACTORY", "factory.example")
    host = live("gw01", profile, domain=domain, software=[opc_core_components()])
    host.simulated.registry.put(OLE, "LegacyAuthenticationLevel", RegistryValue.dword(5))
    before = host.simulated.snapshot().text()

    result = tried(host, allow_writes=True)

    assert result["refuted"] == []
    assert result["counts"] == {"confirmed": 42, "refuted": 0, "observed": 6, "unclear": 0, "not_tried": 0}
    assert result["wrote"] is True
    assert host.writes
    assert host.simulated.snapshot().text() == before


def test_without_leave_nothing_is_written(live: LiveHostFactory) -> None:
    host = live()
    result = tried(host)
    assert host.writes == []
    assert result["wrote"] is False
    assert {name for name, said in outcomes(result).items() if said == "not_tried"} == {
        claim.name for claim in CLAIMS if claim.writes
    }


def test_the_result_names_nothing_of_the_site(live: LiveHostFactory) -> None:
    host = live("secretname", domain=Domain("FACTORY", "factory.example"))
    user = host.simulated.accounts.create_user(None, "leitstand", "Secret-Passw0rd")
    host.simulated.accounts.add_member(None, "Administrators", user.sid)
    text = repr(tried(host, allow_writes=True)).lower()
    assert not [word for word in ("secretname", "factory", "leitstand", "127.0.0.1", "passw0rd") if word in text]


def test_a_value_of_another_type_is_refuted(live: LiveHostFactory) -> None:
    host = live()
    host.simulated.registry.put(OLE, "LegacyAuthenticationLevel", RegistryValue.sz("5"))
    assert outcome(host, "com.legacy_level") == ("refuted", "REG_SZ")


def test_limits_that_com_would_not_take_are_refuted(live: LiveHostFactory) -> None:
    host = live()
    host.simulated.registry.put(OLE, "MachineAccessRestriction", RegistryValue.binary(bytes(20)))
    said, evidence = outcome(host, "com.limits")
    assert said in ("refuted", "unclear")
    assert evidence != "both valid"


def test_a_rule_that_cannot_be_read_is_counted_and_not_shown(live: LiveHostFactory) -> None:
    host = live()
    host.simulated.registry.put(RULES, "{odd}", RegistryValue.sz("v2.10|Action=Allow|Dir=In|Name=Secret rule|LPort=x|"))
    said, evidence = outcome(host, "firewall.rules")
    assert said == "refuted"
    assert "1 of them not (numbers [" in evidence
    assert "Secret" not in evidence


def test_a_program_that_policy_forbids(live: LiveHostFactory) -> None:
    host = live()
    for name in ("netsh.exe", "wevtutil.exe", "reg.exe"):
        host.simulated.registry.put(FORBIDDEN + name, "ItemData", RegistryValue.sz(name))
    assert outcome(host, "reg_exe.missing_line")[0] == "unclear"
    assert outcome(host, "netsh.exit_codes")[0] == "refuted"
    assert outcome(host, "wevtutil.xml")[0] == "unclear"


@pytest.mark.parametrize(
    ("claim", "operation"),
    [("accounts.no_group", "Win32_GroupUser.*"), ("accounts.local", "Win32_UserAccount.Enumerate")],
)
def test_a_query_that_is_refused(live: LiveHostFactory, claim: str, operation: str) -> None:
    host = live()
    host.site.add_fault("host", ScriptedFault(Effect.FAULT, operation=operation, code=5))  # ERROR_ACCESS_DENIED
    assert outcome(host, claim)[0] == "refuted"


def test_a_scratch_key_of_somebody_else_is_not_touched(live: LiveHostFactory) -> None:
    host = live()
    host.simulated.registry.put(SCRATCH, "x", RegistryValue.dword(1))
    before = host.simulated.snapshot().text()
    with pytest.raises(HostStateError, match=r"is there already\. Nothing was written"):
        tried(host, "write.number", allow_writes=True)
    assert host.simulated.snapshot().text() == before


def test_an_unknown_claim_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ParameterError, match=r"there is no claim write\.nothing; there are identify, "):
        chosen_claims({"claims": ["identify", "write.nothing"]})


def test_values_go_on_when_commands_have_used_up_the_operations_of_a_user(live: LiveHostFactory) -> None:
    """WinRM 2.0 counts commands that have ended; the request that meets the limit was not carried out."""
    host = live("gw01", WINDOWS_7)

    def many(connected: Any) -> list[bool]:
        outputs = [connected.client.run_command("echo x").stdout for _number in range(15)]
        return [bool(connected.accounts.translated_name(connected.accounts.resolve("SYSTEM"))), *map(bool, outputs)]

    assert all(host.ask(many))
