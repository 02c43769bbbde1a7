# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host, or something between it and us, answers badly: the error says what happened and nothing is half done."""

from __future__ import annotations

import pytest
from five_hosts import simulated

from playbooks import Ansible
from simulator.faults import QUOTA, TIMED_OUT, Effect, ScriptedFault
from simulator.site import SimulatedSite

pytestmark = pytest.mark.e2e

SET = {
    "name": "Set",
    "otsec.opc_dcom.dcom_defaults": {"authentication_level": "packet_integrity", "impersonation_level": "identify"},
}
OLE = r"HKLM\SOFTWARE\Microsoft\Ole"
LEVEL, IMPERSONATION = "LegacyAuthenticationLevel", "LegacyImpersonationLevel"

# (what happens to the first read, status of the task, what its message says)
BAD = [
    (ScriptedFault(Effect.HTML, operation="StdRegProv.GetDWORDValue"), "failed", "not"),
    (ScriptedFault(Effect.TRUNCATED, operation="StdRegProv.GetDWORDValue"), "failed", "xml"),
    (ScriptedFault(Effect.XML_BOMB, operation="StdRegProv.GetDWORDValue"), "failed", "document type"),
    (ScriptedFault(Effect.WRONG_RELATES_TO, operation="StdRegProv.GetDWORDValue"), "failed", "relates to"),
    (ScriptedFault(Effect.UNAUTHORIZED, operation="StdRegProv.GetDWORDValue", times=9), "unreachable", "401"),
    (ScriptedFault(Effect.TOO_LARGE, operation="StdRegProv.GetDWORDValue"), "failed", "413"),
    (ScriptedFault(Effect.FAULT, operation="StdRegProv.GetDWORDValue", code=5), "failed", "fault"),
    (ScriptedFault(Effect.FAULT, operation="StdRegProv.GetDWORDValue", code=QUOTA), "failed", f"0x{QUOTA:x}"),
    (ScriptedFault(Effect.FAULT, operation="StdRegProv.GetDWORDValue", code=TIMED_OUT), "failed", f"0x{TIMED_OUT:x}"),
    (ScriptedFault(Effect.DROP_BEFORE, operation="StdRegProv.GetDWORDValue", times=9), "unreachable", "connection"),
]


@pytest.mark.parametrize(
    ("fault", "status", "said"), BAD, ids=[f"{fault.effect.value}-{fault.code}" for fault, *_unused in BAD]
)
def test_a_bad_answer_while_reading_changes_nothing(
    site: SimulatedSite, ansible: Ansible, fault: ScriptedFault, status: str, said: str
) -> None:
    site.add_fault("gw01", fault)
    run = ansible.tasks([SET], hosts="gw01")
    assert run.statuses(status) == ["gw01: Set"], run.output
    (result,) = run.results
    assert said in result.result["msg"].lower(), result.result["msg"]
    assert "LegacyAuthenticationLevel" in result.result["msg"] or status == "unreachable", result.result["msg"]
    assert not site["gw01"].writes


@pytest.mark.parametrize(
    "effect", [Effect.DROP_BEFORE, Effect.DROP_AFTER, Effect.TRUNCATED, Effect.FAULT, Effect.FAULT_AFTER]
)
def test_a_bad_answer_while_writing_is_undone(site: SimulatedSite, ansible: Ansible, effect: Effect) -> None:
    # The first SetDWORDValue is the authentication level, the second the impersonation level.
    site.add_fault("gw01", ScriptedFault(effect, at=2, operation="StdRegProv.SetDWORDValue", code=5))
    run = ansible.tasks([SET], hosts="gw01")
    assert run.returncode != 0
    registry = simulated(site, "gw01").registry
    assert registry.get(OLE, LEVEL) is None
    assert registry.get(OLE, IMPERSONATION) is None
    assert registry.get(r"HKLM\SOFTWARE\otsec\opc_dcom", "Journal") is None
    again = ansible.tasks([SET], hosts="gw01")
    assert again.statuses("changed") == ["gw01: Set"]


def test_no_change_costs_few_messages_and_opens_no_shell(site: SimulatedSite, ansible: Ansible) -> None:
    options = {
        "enable_dcom": True,
        "authentication_level": "packet_integrity",
        "impersonation_level": "identify",
        "secure_references": False,
        "require_integrity_activation": "enforced",
        "raise_activation": "all_requests",
    }
    task = {"name": "Set", "otsec.opc_dcom.dcom_defaults": options}
    assert ansible.tasks([task], hosts="gw01").statuses("changed") == ["gw01: Set"]
    site.run_in_loop(simulated(site, "gw01").reboot)
    ansible.tasks([task], hosts="gw01")  # the first run after the reboot clears the marker away
    site["gw01"].statistics.reset()
    run = ansible.tasks([task], hosts="gw01")
    assert run.statuses("ok") == ["gw01: Set"]
    assert site["gw01"].statistics.messages <= 8
    assert site["gw01"].statistics.shells_opened == 0
    assert site["gw01"].statistics.connections == 1


def test_certificates_that_are_not_verified_are_told_once(site: SimulatedSite, ansible: Ansible) -> None:
    ansible.choice = {"scheme": "https", "auth": "ntlm"}
    ansible.host_vars = {"ansible_winrm_server_cert_validation": "ignore"}
    run = ansible.tasks([SET, {**SET, "name": "Again"}], "--check", hosts="gw01:gw02")
    assert run.returncode == 0, run.output
    assert " ".join(run.output.split()).count("certificates of hosts are not verified") == 1


def test_a_password_is_not_sent_readable(site: SimulatedSite, ansible: Ansible) -> None:
    ansible.choice = {"scheme": "http", "auth": "basic"}
    ansible.host_vars = {"ansible_winrm_message_encryption": "auto"}
    run = ansible.tasks([SET], hosts="gw01")
    assert run.returncode != 0
    assert "sends the password readable over the network" in run.output
    assert site["gw01"].statistics.messages == 0
