# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activation on the state in force: levels and KB5004442 (dcom.md 1.3), launch (3.2, 2.1), what counts when (1.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.com_state import APP_COMPAT, APP_IDS, OLE, ComProgram
from simulator.host import SimulatedHost
from simulator.opc import administration as admin
from simulator.opc import plants
from simulator.opc.connection import LinkError, connect
from simulator.opc.descriptor import AceKind
from simulator.opc.layers import Direction, Layer, Link, Mode, Outcome
from simulator.opc.network import Network
from simulator.opc.plants import CLIENT, CLIENT_ACCOUNT, CLIENT_PASSWORD, SERVER, SERVICE, Plant
from simulator.opc.scenario import set_levels
from simulator.profiles import SERVER_2019, SERVER_2022, Profile
from simulator.software import (
    APIS_APP_ID,
    APIS_PROGRAM,
    OPC_ENUM_APP_ID,
    Software,
    da_server_32,
    hda_server,
    opc_client,
)
from simulator.subsystems import well_known
from simulator.subsystems.registry_value import RegistryValue

NONE_PHASE, PHASE_1, PHASE_2, RAISED, PHASE_3 = (SERVER_2019.with_revision(n) for n in (1879, 2366, 3046, 3650, 5329))
REQUIRE = "RequireIntegrityActivationAuthenticationLevel"
RAISE = "RaiseActivationAuthenticationLevel"


def first(plant: Plant, **changes: object) -> Outcome:
    """The connection alone: no browsing, no subscription."""
    link = replace(plant.link, mode=Mode.POLL, browse=False, **changes)  # type: ignore[arg-type]
    return connect(plant.network, link)


def weak(server: Profile, client: Profile, **values: int) -> Plant:
    """Applications at Connect on both hosts, with AppCompat values on both, in force."""
    plant = plants.named_accounts(server, client)
    for host in plant.hosts.values():
        set_levels(host, 2)
        for name, number in values.items():
            admin.put_number(host, APP_COMPAT, name, number)
        admin.reboot(host)
    return plant


# KB5004442


@pytest.mark.parametrize(
    ("server", "client", "values", "works"),
    [  # dcom.md 1.3: server phase, client phase, values
        (NONE_PHASE, NONE_PHASE, {}, True),
        (PHASE_1, NONE_PHASE, {}, True),
        (PHASE_1, NONE_PHASE, {REQUIRE: 1}, False),
        (PHASE_2, NONE_PHASE, {}, False),
        (PHASE_2, NONE_PHASE, {REQUIRE: 0}, True),
        (PHASE_3, NONE_PHASE, {REQUIRE: 0}, False),
        (PHASE_3, PHASE_1, {}, True),  # the default level is raised from June 2021 on
        (PHASE_3, RAISED, {}, True),
        (NONE_PHASE, PHASE_3, {}, True),  # the seed: a raised client may talk to an unraised server
    ],
)
def test_the_default_level_against_the_phases(
    server: Profile, client: Profile, values: dict[str, int], works: bool
) -> None:
    outcome = first(weak(server, client, **values))
    assert outcome.ok is works
    assert outcome.layer is (None if works else Layer.AUTHENTICATION_LEVEL)
    assert outcome.hresult == (0 if works else 0x80070005)


@pytest.mark.parametrize(
    ("client", "values", "level", "works"),
    [
        (PHASE_1, {}, 2, False),  # only the default is raised
        (PHASE_1, {RAISE: 2}, 2, True),
        (RAISED, {}, 2, True),  # a level the program passes is raised from November 2022 on
        (RAISED, {RAISE: 1}, 2, False),
        (RAISED, {RAISE: 1}, 5, True),
        (RAISED, {RAISE: 1}, 6, True),
        (NONE_PHASE, {RAISE: 2}, 4, False),
    ],
)
def test_a_level_the_program_passes(client: Profile, values: dict[str, int], level: int, works: bool) -> None:
    assert first(weak(PHASE_3, client, **values), level=level).ok is works


def test_an_activation_without_authentication_is_exempt_and_refused_by_good_permissions() -> None:
    plant = plants.named_accounts()
    outcome = first(plant, level=1)
    assert (outcome.layer, outcome.event_ids(SERVER)) == (Layer.ACCESS_LIMIT, [10027])
    for door in (admin.ACCESS_LIMIT, admin.LAUNCH_LIMIT, admin.launch_of(APIS_APP_ID)):
        admin.grant(plant.server, door, well_known.ANONYMOUS, admin.EVERYTHING)
    admin.reboot(plant.server)
    outcome = first(plant, level=1)  # the call that follows is authenticated again
    assert outcome.ok
    assert outcome.event_ids(SERVER) == [4624]


def test_default_level_none_is_without_authentication_only_before_the_updates() -> None:
    plant = weak(NONE_PHASE, NONE_PHASE)
    for host in plant.hosts.values():
        set_levels(host, 1)
        admin.reboot(host)
    assert first(plant).layer is Layer.ACCESS_LIMIT  # Anonymous
    updated = plants.named_accounts(client=PHASE_1)
    set_levels(updated.client, 1)
    admin.reboot(updated.client)
    assert first(updated).ok


# When a value counts


def test_a_level_written_but_not_in_force_does_not_count() -> None:
    plant = weak(PHASE_3, NONE_PHASE)
    set_levels(plant.client, 5)
    assert first(plant).layer is Layer.AUTHENTICATION_LEVEL
    admin.restart_service(plant.client, SERVICE)  # the process that asks starts again
    assert first(plant).ok


def test_the_hardening_values_wait_for_a_reboot() -> None:
    plant = weak(PHASE_2, NONE_PHASE)
    admin.put_number(plant.server, APP_COMPAT, REQUIRE, 0)
    assert first(plant).layer is Layer.AUTHENTICATION_LEVEL
    admin.reboot(plant.server)
    assert first(plant).ok


def test_a_local_limit_waits_for_the_reboot_and_a_policy_does_not() -> None:
    plant = plants.named_accounts()
    admin.revoke(plant.server, admin.LAUNCH_LIMIT, CLIENT_ACCOUNT)
    assert first(plant).ok
    admin.reboot(plant.server)
    assert first(plant).layer is Layer.LAUNCH_AND_ACTIVATION_LIMIT
    everyone = "O:BAG:BAD:(A;;CCDCLCSWRP;;;WD)"
    key = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\DCOM"
    admin.put_text(plant.server, key, "MachineLaunchRestriction", everyone)
    assert first(plant).ok


def test_a_launch_permission_counts_at_once_and_an_access_permission_at_the_next_start() -> None:
    plant = plants.named_accounts()
    admin.revoke(plant.server, admin.access_of(APIS_APP_ID), CLIENT_ACCOUNT)
    assert first(plant).ok
    admin.revoke(plant.server, admin.launch_of(APIS_APP_ID), CLIENT_ACCOUNT)
    assert first(plant).layer is Layer.APPLICATION_LAUNCH
    admin.grant(plant.server, admin.launch_of(APIS_APP_ID), CLIENT_ACCOUNT, admin.REMOTE_ACTIVATION)
    admin.restart_service(plant.server, SERVICE)
    assert first(plant).layer is Layer.APPLICATION_ACCESS


def test_the_access_limit_in_the_process_is_older_than_that_of_rpcss() -> None:
    """RPCSS and each process captured the limit on their own: the service may lag behind, or run ahead."""
    plant = plants.named_accounts()
    admin.put_entries(plant.server, admin.ACCESS_LIMIT, [(well_known.ADMINISTRATORS, 0x7)])
    admin.restart_service(plant.server, SERVICE)
    outcome = first(plant)
    assert outcome.layer is Layer.ACCESS_LIMIT
    assert outcome.event_ids(SERVER) == [10019, 4624]  # refused in the call, not in the activation


def test_at_level_none_the_access_permission_is_not_asked_and_the_limit_is() -> None:
    plant = plants.named_accounts()
    set_levels(plant.server, 1)
    admin.revoke(plant.server, admin.access_of(APIS_APP_ID), CLIENT_ACCOUNT)
    admin.restart_service(plant.server, SERVICE)
    assert first(plant).ok
    admin.put_entries(plant.server, admin.ACCESS_LIMIT, [(well_known.ADMINISTRATORS, 0x7)])
    admin.restart_service(plant.server, SERVICE)
    assert first(plant).layer is Layer.ACCESS_LIMIT


# What is first


def test_the_symptom_is_what_windows_meets_first_and_the_cause_what_stands_first() -> None:
    plant = plants.named_accounts()
    admin.revoke(plant.server, admin.launch_of(APIS_APP_ID), CLIENT_ACCOUNT)
    admin.delete_rules(plant.server, plants.APIS_RULE)
    outcome = first(plant)
    assert (outcome.layer, outcome.hresult) == (Layer.APPLICATION_LAUNCH, 0x80070005)
    assert outcome.link_layer is Layer.SERVER_FIREWALL
    admin.put_entries(plant.server, admin.ACCESS_LIMIT, [(well_known.ADMINISTRATORS, 0x7)])
    admin.add_rule(plant.server, plants.APIS_RULE, plants.program_fields(APIS_PROGRAM, None))
    admin.reboot(plant.server)
    outcome = first(plant)
    assert (outcome.layer, outcome.link_layer) == (Layer.ACCESS_LIMIT, Layer.APPLICATION_LAUNCH)
    assert outcome.event_ids(SERVER) == [10027, 4624]


# Programs that COM starts


def bench(*software: Software, account: str = CLIENT_ACCOUNT) -> tuple[Network, Link, SimulatedHost]:
    """A 32-bit server without a service and a pure client, everything open and the account granted."""
    core = plants.opc_core_components()
    server = SimulatedHost(SERVER, software=[core, da_server_32(), *software])
    client = SimulatedHost(CLIENT, software=[core, opc_client()])
    for host in (server, client):
        admin.create_account(host, CLIENT_ACCOUNT, CLIENT_PASSWORD)
        admin.add_rule(host, "Everything in", "Dir=In|Protocol=6")
    for door in (admin.LAUNCH_LIMIT, admin.DEFAULT_LAUNCH, admin.DEFAULT_ACCESS):
        admin.grant(server, door, CLIENT_ACCOUNT, admin.EVERYTHING)
    admin.reboot(server)
    link = Link(CLIENT, SERVER, "Example.DaServer.1", CLIENT_PROGRAM, client_account=account)
    return Network({SERVER: server, CLIENT: client}), link, server


CLIENT_PROGRAM = r"C:\Program Files\Example\OpcClient.exe"
DA_APP_ID = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0100}"
DA_PROGRAM = r"C:\Program Files (x86)\Example\DaServer.exe"


def run_as(server: SimulatedHost, account: str) -> None:
    server.registry.put(f"{APP_IDS}\\{DA_APP_ID}", "RunAs", RegistryValue.sz(account))


def test_a_program_without_a_service_is_launched() -> None:
    network, link, server = bench()
    assert connect(network, link).ok
    admin.grant(server, admin.DEFAULT_LAUNCH, CLIENT_ACCOUNT, 0x5, kind=AceKind.DENY)
    assert connect(network, link).layer is Layer.APPLICATION_LAUNCH
    network.start_program(SERVER, DA_PROGRAM, "Administrator")  # it runs, so nobody has to launch it
    assert connect(network, link).ok


def test_a_program_that_is_not_there() -> None:
    network, link, server = bench()
    server.files.remove(DA_PROGRAM)
    outcome = connect(network, link)
    assert (outcome.layer, outcome.hresult) == (Layer.APPLICATION_START, 0x80080005)
    (event,) = [item for item in outcome.logged if item.event_id == 10000]
    assert event.data == (f'"{DA_PROGRAM}" -Embedding', "2", "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0101}")


@pytest.mark.parametrize(
    ("account", "error"),
    [(r".\nobody", "1326"), (CLIENT_ACCOUNT, "1385")],  # no such account; without the right to log on as a batch job
)
def test_a_run_as_account_that_cannot_log_on(account: str, error: str) -> None:
    network, link, server = bench()
    run_as(server, account)
    outcome = connect(network, link)
    assert (outcome.layer, outcome.hresult) == (Layer.APPLICATION_START, 0x8000401A)
    (event,) = [item for item in outcome.logged if item.event_id == 10004]
    assert event.data[0] == error


def test_run_as_accounts_that_can() -> None:
    network, link, server = bench()
    sid = admin.sid_of(server, CLIENT_ACCOUNT)
    server.accounts.set_holders(None, "SeBatchLogonRight", {sid})
    for account in (CLIENT_ACCOUNT, r"nt authority\localservice"):
        run_as(server, account)
        assert connect(network, link).ok


@pytest.mark.parametrize(("field", "error"), [("is_enabled", "1331"), ("is_locked_out", "1909")])
def test_run_as_accounts_in_a_bad_state(field: str, error: str) -> None:
    network, link, server = bench()
    admin.create_account(server, "runner", "Runner-Secret-1")
    server.accounts.update_user(None, "runner", **{field: field == "is_locked_out"})
    run_as(server, "runner")
    (event,) = [item for item in connect(network, link).logged if item.event_id == 10004]
    assert event.data == (error, SERVER.upper(), "runner", "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0101}")


def test_the_interactive_user_must_be_there() -> None:
    network, link, server = bench()
    run_as(server, "Interactive User")
    assert connect(network, link).hresult == 0x8000401A
    network.interactive_users[SERVER] = CLIENT_ACCOUNT
    assert connect(network, link).ok


def test_a_server_launched_for_a_remote_user_calls_back_as_anonymous() -> None:
    """It has no credentials of its own; the seed: callbacks with unknown identity, different than the caller."""
    network, link, _server = bench()
    outcome = connect(network, replace(link, mode=Mode.SUBSCRIBE))
    assert outcome.connection.ok
    assert (outcome.direction, outcome.layer) == (Direction.CALLBACK, Layer.ACCESS_LIMIT)
    assert "ANONYMOUS LOGON" in outcome.evidence


def test_a_client_program_captures_at_its_start_and_ends_with_the_boot() -> None:
    network, link, _server = bench()
    client = network.node(CLIENT).host
    admin.put_number(client, OLE, "LegacyAuthenticationLevel", 9)  # impossible: counts as Connect
    program = network.start_program(CLIENT, CLIENT_PROGRAM, CLIENT_ACCOUNT)
    assert program.com.authentication_level == 2
    admin.put_number(client, OLE, "LegacyAuthenticationLevel", 6)
    running = network.running(network.node(CLIENT), CLIENT_PROGRAM)
    assert running is not None
    assert running.com.authentication_level == 2
    assert connect(network, replace(link, client_account=None)).ok
    admin.reboot(client)
    outcome = connect(network, replace(link, client_account=None))
    assert outcome.layer is Layer.CLIENT_PROGRAM


def test_a_program_that_sets_null_lets_everybody_call() -> None:
    own = Software("own", programs=(ComProgram(DA_PROGRAM, passes_null_descriptor=True),))
    network, link, server = bench(own)
    admin.revoke(server, admin.DEFAULT_ACCESS, CLIENT_ACCOUNT)
    assert connect(network, link).ok


def test_a_server_that_takes_longer_than_a_minute_to_start() -> None:
    plant = plants.named_accounts()
    for door in (admin.LAUNCH_LIMIT, admin.launch_of(APIS_APP_ID)):
        admin.grant(plant.server, door, CLIENT_ACCOUNT, admin.EVERYTHING)
    admin.reboot(plant.server)
    behaviour = plant.server.services.behaviour(SERVICE)
    for start_s, works in ((59.0, True), (90.0, False)):
        plant.server.services.kill(SERVICE)
        behaviour.start_s = start_s
        outcome = first(plant)
        assert outcome.ok is works
    assert (outcome.hresult, 10010 in outcome.event_ids(SERVER)) == (0x80080005, True)


def test_a_service_that_hangs_while_it_stops() -> None:
    plant = plants.named_accounts()
    for door in (admin.LAUNCH_LIMIT, admin.launch_of(APIS_APP_ID)):
        admin.grant(plant.server, door, CLIENT_ACCOUNT, admin.EVERYTHING)
    admin.reboot(plant.server)
    plant.server.services.behaviour(SERVICE).hangs_on_stop = True
    plant.server.services.stop(None, SERVICE)
    outcome = first(plant)
    assert (outcome.layer, "STOP_PENDING" in outcome.evidence) == (Layer.APPLICATION_START, True)


def test_without_any_level_a_call_is_anonymous_to_the_limit() -> None:
    """Both sides at None, without the updates of October 2022: the activation may be authenticated, the call is not."""
    plant = weak(NONE_PHASE, NONE_PHASE)
    for host in plant.hosts.values():
        set_levels(host, 1)
        admin.reboot(host)
    outcome = first(plant, level=2)
    assert outcome.layer is Layer.ACCESS_LIMIT
    assert "ANONYMOUS LOGON" in outcome.evidence
    assert outcome.event_ids(SERVER) == [10019, 4624]


def test_a_history_server_is_asked_for_no_interface_that_is_not_simulated() -> None:
    network, link, _server = bench(hda_server())
    assert connect(network, replace(link, application="Example.HdaServer.1")).ok


def test_a_class_of_a_service_that_is_gone() -> None:
    plant = plants.named_accounts()
    for door in (admin.LAUNCH_LIMIT, admin.launch_of(APIS_APP_ID)):
        admin.grant(plant.server, door, CLIENT_ACCOUNT, admin.EVERYTHING)
    admin.reboot(plant.server)
    admin.put_text(plant.server, f"{APP_IDS}\\{APIS_APP_ID}", "LocalService", "Gone")
    outcome = first(plant)
    (event,) = [item for item in outcome.logged if item.event_id == 10005]
    assert event.data[:3] == ("1060", "Gone", "Unavailable")
    assert outcome.layer is Layer.APPLICATION_START


def test_an_absent_default_launch_permission_admits_whom_windows_ships() -> None:
    network, link, server = bench()
    server.registry.delete_value(None, OLE, "DefaultLaunchPermission")
    assert connect(network, link).layer is Layer.APPLICATION_LAUNCH


# Links that make no sense, and applications named in other ways


@pytest.mark.parametrize(
    "changes", [{"client": "nobody"}, {"server": CLIENT}, {"client_account": "nobody"}, {"client": SERVER}]
)
def test_links_that_make_no_sense(changes: dict[str, str]) -> None:
    plant = plants.named_accounts()
    with pytest.raises(LinkError):
        first(plant, **changes)


def test_a_client_that_is_down_asks_nobody() -> None:
    plant = plants.named_accounts()
    plant.client.boot.power_off()
    outcome = plant.connect()
    assert (outcome.layer, outcome.ok, outcome.logged, outcome.client_log) == (Layer.CLIENT_PROGRAM, False, (), ())


@pytest.mark.parametrize("application", ["{8e423571-a67b-11d2-9418-00608cf4c421}", APIS_PROGRAM.upper()])
def test_an_application_by_clsid_or_program(application: str) -> None:
    assert first(plants.named_accounts(SERVER_2022), application=application).ok


def test_an_application_nobody_knows() -> None:
    outcome = first(plants.named_accounts(), application="Example.Unknown.1")
    assert (outcome.layer, outcome.hresult) == (Layer.CLASS_REGISTRATION, 0x80040154)


def test_a_64_bit_client_of_a_32_bit_server_needs_both_proxies() -> None:
    network, link, server = bench()
    key = r"HKLM\SOFTWARE\Classes\{}Interface\{{39C13A4D-011E-11D0-9675-0020AFD8ADB3}}"
    server.registry.delete_tree(key.format(""))  # the 64-bit one of the server: not needed
    assert connect(network, link).ok
    server.registry.delete_tree(key.format("Wow6432Node\\"))
    assert connect(network, link).hresult == 0x80004002


def test_an_opc_enum_that_was_started_keeps_what_it_captured() -> None:
    plant = plants.named_accounts()
    assert plant.connect().ok
    admin.revoke(plant.server, admin.access_of(OPC_ENUM_APP_ID), CLIENT_ACCOUNT)
    assert plant.connect().ok
    admin.restart_service(plant.server, "OpcEnum")
    outcome = plant.connect()
    assert (outcome.direction, outcome.layer, outcome.servers) == (Direction.BROWSE, Layer.APPLICATION_ACCESS, ())
