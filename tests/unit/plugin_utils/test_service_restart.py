# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts on simulated hosts: exactly the services that run with old values, with what depends on them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._host import Host
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._reboot import RebootRequest, reboot
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._restart import (
    RestartRequest,
    plan_restart,
    restart_services,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import OpcHost
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2008_R2, SERVER_2019
from simulator.software import opc_core_components, prediktor_apis
from simulator.subsystems.clock import VirtualClock
from simulator.subsystems.registry_value import RegistryValue
from simulator.subsystems.service_record import ServiceConfig, StartMode, State

APIS = "Prediktor.ApisOPCServer.1"
RAISED: dict[str, Any] = {"applications": [{"prog_id": APIS, "authentication_level": "packet_privacy"}]}


@pytest.fixture
def host(live: LiveHostFactory) -> LiveHost:
    return live(software=[opc_core_components(), prediktor_apis()])


def restart(host: LiveHost, *services: str, timeout_s: float = 5.0) -> Sequence[str]:
    """What opc_service_restart does."""

    def act(opened: Host) -> Sequence[str]:
        request = RestartRequest(services, timeout_s)
        plan = plan_restart(opened, request, opened.read_kept_state().pending_restart)
        return restart_services(opened, plan.services, timeout_s)

    found: Sequence[str] = host.ask(act)
    return found


def process_id(simulated: SimulatedHost, name: str) -> int:
    process = simulated.services.service(name).process
    assert process is not None
    return process.process_id


def add_service(simulated: SimulatedHost, name: str, *depends_on: str, start: bool = True) -> None:
    program = rf"C:\opc\{name}.exe"
    simulated.files.add(program)
    simulated.services.create(None, ServiceConfig(name, program, name, StartMode.AUTO, depends_on=depends_on))
    if start:
        simulated.services.start(None, name)
    simulated.journal.records.clear()


def controls(host: LiveHost) -> list[str]:
    return [item.removeprefix("services ") for item in host.writes if item.startswith("services")]


def test_only_the_service_whose_settings_changed_is_restarted(host: LiveHost) -> None:
    host.simulated.services.start(None, "OpcEnum")
    before = process_id(host.simulated, "ApisHive")
    result = host.run(OpcHost(), RAISED)
    assert result["restart_required"] == ["ApisHive"]
    assert host.simulated.com_process(r"C:\apis\bin64\apishivex64.exe").authentication_level != 6

    assert restart(host) == ("ApisHive",)

    assert process_id(host.simulated, "ApisHive") != before
    assert host.simulated.com_process(r"C:\apis\bin64\apishivex64.exe").authentication_level == 6
    assert controls(host) == ["start OpcEnum", "stop ApisHive", "start ApisHive"][1:]
    assert host.run(OpcHost(), RAISED)["restart_required"] == []
    assert restart(host) == ()


def test_a_run_that_failed_before_the_restart_is_repaired_by_the_next(host: LiveHost) -> None:
    host.run(OpcHost(), RAISED)
    again = host.run(OpcHost(), RAISED)
    assert not again["changed"]
    assert again["restart_required"] == ["ApisHive"]
    assert restart(host) == ("ApisHive",)


def test_what_somebody_else_restarted_is_not_restarted_again(host: LiveHost) -> None:
    host.run(OpcHost(), RAISED)
    host.simulated.services.stop(None, "ApisHive")
    host.simulated.services.start(None, "ApisHive")
    assert restart(host) == ()


def test_a_reboot_renews_every_process(host: LiveHost) -> None:
    host.run(OpcHost(), RAISED)
    host.simulated.reboot()
    host.simulated.clock.advance(60)
    assert host.run(OpcHost(), RAISED)["restart_required"] == []


def test_opc_reboot_forgets_the_restarts(live: LiveHostFactory) -> None:
    host = live(software=[prediktor_apis()], clock=VirtualClock(ticker=time.monotonic))
    host.run(OpcHost(), RAISED)
    request = RebootRequest(only_if_pending=False, comment="", delay_s=0, timeout_s=20, interval_s=0.1, settle_s=0.0)
    host.ask(lambda opened: reboot(opened, request))
    key = r"HKLM\SOFTWARE\otsec\opc_dcom"
    assert host.simulated.registry.get(key, "PendingRestart") is None


@pytest.mark.parametrize("profile", [SERVER_2008_R2, SERVER_2019])
def test_dependents_stop_first_and_start_last(live: LiveHostFactory, profile: Any) -> None:
    host = live(profile=profile, software=[prediktor_apis()])
    add_service(host.simulated, "Bridge", "ApisHive")
    add_service(host.simulated, "Web", "Bridge")
    add_service(host.simulated, "Idle", "ApisHive", start=False)
    host.run(OpcHost(), RAISED)

    assert restart(host) == ("ApisHive", "Bridge", "Web")

    assert controls(host) == [
        "stop Web", "stop Bridge", "stop ApisHive", "start ApisHive", "start Bridge", "start Web",
    ]  # fmt: skip
    assert host.simulated.services.service("Idle").state is State.STOPPED


def test_a_service_that_does_not_stop_is_reported_and_the_others_are_restarted(host: LiveHost) -> None:
    add_service(host.simulated, "Other")
    add_service(host.simulated, "Hung")
    add_service(host.simulated, "OnTop", "Hung")
    host.simulated.services.behaviour("Hung").hangs_on_stop = True
    with pytest.raises(HostStateError, match=r"Hung is Stop Pending after 0.5 s.*") as failed:
        restart(host, "Hung", "Other", timeout_s=0.5)
    assert "restarted: Other" in str(failed.value)


def test_what_was_stopped_on_the_way_to_a_service_that_does_not_start_is_said(host: LiveHost) -> None:
    host.run(OpcHost(), RAISED)
    host.simulated.services.behaviour("ApisHive").start_error = 1053
    with pytest.raises(HostStateError, match="ApisHive"):
        restart(host)
    host.simulated.services.behaviour("ApisHive").start_error = None
    assert host.run(OpcHost(), RAISED)["restart_required"] == []  # it does not run: it will start with the new values


def test_a_service_in_svchost_asks_for_a_reboot(host: LiveHost) -> None:
    host.simulated.registry.put(
        r"HKLM\SOFTWARE\Classes\AppID\{6C1F2E80-5D4B-4B7E-9E0A-41D05A6B7C01}",
        "LocalService",
        RegistryValue.sz("EventSystem"),
    )
    result = host.run(OpcHost(), RAISED)
    assert result["restart_required"] == []
    assert "service EventSystem" in result["reboot_reasons"]
    with pytest.raises(HostStateError, match="shares its process"):
        restart(host, "EventSystem")


def test_a_named_service_that_is_not_there_is_an_error(host: LiveHost) -> None:
    with pytest.raises(HostStateError, match="no service Nope"):
        restart(host, "Nope")


def test_a_duration_is_positive() -> None:
    with pytest.raises(ParameterError, match="timeout_s"):
        RestartRequest((), 0)
