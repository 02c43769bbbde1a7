# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A link that works, and what each single change of a fact makes of it: which layer, on which host, why, what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._end_facts import (
    AccountFacts,
    ConnectionFacts,
    EndFacts,
    ProgramFacts,
    StoredDescriptor,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_check import (
    LayerResult,
    LayerState,
    LinkLayer,
    LinkVerdict,
    Way,
    check_link,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import EndSpec, LinkSpec, link_from_dict
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import from_sddl
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_needs import ANONYMOUS_LOGON

DOMAIN = "S-1-5-21-1-2-3"
USER = f"{DOMAIN}-1001"
# Execute, local and remote; for launch also activate, local and remote (MS-DCOM 3.1.1.5, COM_RIGHTS).
ACCESS, LAUNCH = "CCDCLC", "CCDCLCSWRP"
NO_PASSWORD = "that both hosts have the same password for it is not looked at"
DOES_NOT_TELL = "and the patch level does not tell whether that is enough"
CHECK_HOST = "see whether the host is up, then its address and the way there"


def stored(sddl: str) -> StoredDescriptor:
    return StoredDescriptor(data=from_sddl(sddl).to_bytes().hex())


def letting_in(rights: str, sid: str = USER) -> StoredDescriptor:
    return stored(f"O:BAG:BAD:(A;;{rights};;;{sid})")


def end(host: str, application: str, address: str) -> EndSpec:
    return EndSpec(
        host=host, computer_name=host.upper(), addresses=(address,), domain="", application=application,
        selector=("service", application), program="", service=application, account="opc", principal=f"{host}\\opc",
    )  # fmt: skip


SERVER, CLIENT = end("plc", "Gateway", "10.0.0.1"), end("scada", "Historian", "10.0.0.2")
LINK = LinkSpec(
    name="tags", path="links[0]", subscribes=False, browses=False, is_local=False, server=SERVER, client=CLIENT
)
DOORS = {
    "machine_access_limit": letting_in(ACCESS, "WD"),
    "machine_launch_limit": letting_in(LAUNCH, "WD"),
    "default_access": letting_in(ACCESS, "SY"),
    "default_launch": letting_in(LAUNCH, "SY"),
}


def connections(inbound: bool, peer: str, program: str) -> tuple[ConnectionFacts, ...]:
    return tuple(
        ConnectionFacts(inbound, peer, target, True, f"{target} passes") for target in ("endpoint_mapper", program)
    )


def facts(own: EndSpec, peer: EndSpec, programs: tuple[str, ...], *, inbound: tuple[str, ...]) -> EndFacts:
    program = ProgramFacts(
        program=rf"C:\{own.application}.exe", has_program=True, service=own.application, service_runs=True,
        run_as=r".\opc", level=5, access=letting_in(ACCESS), launch=letting_in(LAUNCH),
    )  # fmt: skip
    allowed = [item for name in inbound for item in connections(True, peer.addresses[0], name)]
    return EndFacts(
        host=own.host, requires_integrity=True, raises="nothing", phase="enforced", default_level=5, doors=DOORS,
        programs=dict.fromkeys(programs, program),
        accounts={own.principal: AccountFacts(sid=USER, is_local=True, groups=("S-1-1-0",))},
        connections=(*allowed, *connections(False, peer.addresses[0], own.application)),
    )  # fmt: skip


PLC = facts(SERVER, CLIENT, ("Gateway", "opc_enum"), inbound=("Gateway", "opc_enum"))
SCADA = facts(CLIENT, SERVER, ("Historian",), inbound=("Historian",))


def judge(plc: EndFacts | None = PLC, scada: EndFacts | None = SCADA, link: LinkSpec = LINK) -> LinkVerdict:
    return check_link(link, {item.host: item for item in (plc, scada) if item is not None})


def with_program(ends: EndFacts, name: str, **changes: Any) -> EndFacts:
    return replace(ends, programs={**ends.programs, name: replace(ends.programs[name], **changes)})


def with_account(ends: EndFacts, **changes: Any) -> EndFacts:
    return replace(ends, accounts={name: replace(item, **changes) for name, item in ends.accounts.items()})


def with_connection(ends: EndFacts, target: str, allowed: bool | None, *, inbound: bool) -> EndFacts:
    changed = tuple(
        replace(item, allowed=allowed, text=f"a rule about {target}")
        if (item.target, item.is_inbound) == (target, inbound)
        else item
        for item in ends.connections
    )
    return replace(ends, connections=changed)


def layers(verdict: LinkVerdict, way: Way = Way.CONNECT) -> list[LinkLayer]:
    return [item.layer for item in verdict.layers if item.way is way]


def only(verdict: LinkVerdict, state: LayerState) -> LayerResult:
    (found,) = (item for item in verdict.layers if item.state is state)
    return found


# -- a link that works


def test_every_layer_lets_a_link_through_in_the_order_one_looks_for_a_cause() -> None:
    verdict = judge()
    assert verdict.works is True
    assert (verdict.first, verdict.layer) == (None, None)
    assert layers(verdict) == [
        LinkLayer.CLIENT_PROGRAM, LinkLayer.NAME_AND_ADDRESS, LinkLayer.CLIENT_FIREWALL, LinkLayer.SERVER_FIREWALL,
        LinkLayer.ENDPOINT_MAPPER, LinkLayer.ENDPOINT_MAPPER, LinkLayer.ACCOUNT, LinkLayer.AUTHENTICATION_LEVEL,
        LinkLayer.CLASS_REGISTRATION, LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT, LinkLayer.APPLICATION_LAUNCH,
        LinkLayer.ACCESS_LIMIT, LinkLayer.APPLICATION_ACCESS,
    ]  # fmt: skip
    assert [(item.host, item.evidence) for item in verdict.layers] == [
        ("scada", r"the service Historian runs as .\opc"),
        ("plc", "10.0.0.1; that plc has it, and the way there, is not looked at"),
        ("scada", "TCP to 10.0.0.1 passes (Historian, endpoint mapper)"),
        ("plc", "TCP from 10.0.0.2 passes (Gateway, endpoint mapper)"),
        ("scada", "RpcSs runs and DCOM is on"),
        ("plc", "RpcSs runs and DCOM is on"),
        ("plc", f"opc of scada is plc\\opc ({USER}) here; {NO_PASSWORD}"),
        ("plc", "the client activates at packet_integrity"),
        ("plc", r"C:\Gateway.exe"),
        ("plc", r"machine_launch_limit lets plc\opc in"),
        ("plc", r"application_launch of Gateway lets plc\opc in"),
        ("plc", r"machine_access_limit lets plc\opc in"),
        ("plc", r"application_access of Gateway lets plc\opc in"),
    ]  # fmt: skip
    assert {item.fix for item in verdict.layers} == {""}


def test_browsing_and_subscribing_add_their_ways() -> None:
    verdict = judge(link=replace(LINK, browses=True, subscribes=True))
    assert verdict.works is True
    assert [item.way for item in verdict.layers] == [Way.CONNECT] * 13 + [Way.BROWSE] * 12 + [Way.CALLBACK] * 8
    # Nobody is activated on the way back, and it is the client's host that lets the server in.
    assert layers(verdict, Way.CALLBACK) == [
        LinkLayer.NAME_AND_ADDRESS, LinkLayer.CLIENT_FIREWALL, LinkLayer.SERVER_FIREWALL, LinkLayer.ENDPOINT_MAPPER,
        LinkLayer.ENDPOINT_MAPPER, LinkLayer.ACCOUNT, LinkLayer.ACCESS_LIMIT, LinkLayer.APPLICATION_ACCESS,
    ]  # fmt: skip
    back = [item for item in verdict.layers if item.way is Way.CALLBACK]
    assert [item.host for item in back] == ["scada", "scada", "plc", "plc", "scada", "scada", "scada", "scada"]
    assert back[1].evidence == "TCP from 10.0.0.1 passes (Historian, endpoint mapper)"


def test_a_link_within_a_host_meets_no_firewall_and_no_address() -> None:
    local = replace(LINK, is_local=True, client=replace(SERVER, application="Historian"))
    here = replace(PLC, programs={**PLC.programs, **SCADA.programs})
    verdict = check_link(local, {"plc": here})
    assert verdict.works is True
    assert not {LinkLayer.NAME_AND_ADDRESS, LinkLayer.CLIENT_FIREWALL, LinkLayer.SERVER_FIREWALL} & {*layers(verdict)}


# -- one fact is different


Changed = Callable[[], tuple[EndFacts, EndFacts]]
REFUSALS: dict[str, tuple[Changed, LinkLayer, str, str, str]] = {
    "the client's service is stopped": (
        lambda: (PLC, with_program(SCADA, "Historian", service_runs=False)),
        LinkLayer.CLIENT_PROGRAM, "scada", "the service Historian does not run, so nothing asks",
        "start the service Historian",
    ),
    "the client's level is invalid": (
        lambda: (PLC, with_program(replace(SCADA, raises="all_requests"), "Historian", level=0)),
        LinkLayer.CLIENT_PROGRAM, "scada",
        "the level of its AppID is one that COM rejects, so the program cannot use COM at all",
        "dcom_application with authentication_level: default",
    ),
    "the client's firewall": (
        lambda: (PLC, with_connection(SCADA, "Historian", False, inbound=False)),
        LinkLayer.CLIENT_FIREWALL, "scada", "a rule about Historian",
        "run harden_opc for scada, or opc_firewall; see what it says about policies and block rules",
    ),
    "the server's firewall": (
        lambda: (with_connection(PLC, "endpoint_mapper", False, inbound=True), SCADA),
        LinkLayer.SERVER_FIREWALL, "plc", "a rule about endpoint_mapper",
        "run harden_opc for plc, or opc_firewall; see what it says about policies and block rules",
    ),
    "RpcSs is stopped": (
        lambda: (replace(PLC, has_endpoint_mapper=False), SCADA),
        LinkLayer.ENDPOINT_MAPPER, "plc", "the service RpcSs does not run", "start it, or reboot the host",
    ),
    "DCOM is off on the client": (
        lambda: (PLC, replace(SCADA, is_dcom_enabled=False)),
        LinkLayer.ENDPOINT_MAPPER, "scada", "DCOM is switched off (EnableDCOM)",
        "dcom_defaults with enable_dcom: true, then reboot",
    ),
    "the program runs as another account": (
        lambda: (PLC, with_program(SCADA, "Historian", run_as="LocalSystem")),
        LinkLayer.ACCOUNT, "scada", "Historian of scada runs as LocalSystem, not as opc",
        "let the service run as what opc_site says, or say it there",
    ),
    "everybody is Guest": (
        lambda: (replace(PLC, makes_everyone_guest=True), SCADA),
        LinkLayer.ACCOUNT, "plc", "everybody from the network is its Guest (ForceGuest)",
        "opc_host_policy with network_logons: as_themselves",
    ),
    "the client activates below Packet Integrity": (
        lambda: (PLC, with_program(SCADA, "Historian", level=4)),
        LinkLayer.AUTHENTICATION_LEVEL, "plc", "Packet Integrity is required, the client activates at packet",
        "set authentication_level: default for Historian of scada, which has a level of its own (dcom_application), "
        "then start it again; or install updates on scada",
    ),
    "the server is not registered": (
        lambda: (with_program(PLC, "Gateway", trouble="there is no AppID of Gateway"), SCADA),
        LinkLayer.CLASS_REGISTRATION, "plc", "there is no AppID of Gateway", "install or register the OPC server",
    ),
    "the server's level is invalid": (
        lambda: (with_program(PLC, "Gateway", level=0), SCADA),
        LinkLayer.APPLICATION_START, "plc",
        "the level of its AppID is one that COM rejects, so it cannot register its class",
        "dcom_application with authentication_level: default",
    ),
    "the server's service is disabled": (
        lambda: (with_program(PLC, "Gateway", service_runs=False, can_start=False), SCADA),
        LinkLayer.APPLICATION_START, "plc", "the service Gateway is disabled",
        "set the start mode of the service Gateway",
    ),
    "the server's program is gone": (
        lambda: (with_program(PLC, "Gateway", service="", service_runs=None, has_program=False), SCADA),
        LinkLayer.APPLICATION_START, "plc", r"there is no program C:\Gateway.exe", "install it again",
    ),
    "the launch limit": (
        lambda: (replace(PLC, doors={**DOORS, "machine_launch_limit": letting_in("CCDCSW", "WD")}), SCADA),
        LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT, "plc",
        r"machine_launch_limit does not give plc\opc remote_activation (no_ace)", "run harden_opc for plc",
    ),
    "the application's access permission": (
        lambda: (with_program(PLC, "Gateway", access=letting_in(ACCESS, "SY")), SCADA),
        LinkLayer.APPLICATION_ACCESS, "plc",
        r"application_access of Gateway does not give plc\opc remote_access (no_ace)", "run harden_opc for plc",
    ),
    "an access limit of Group Policy": (
        lambda: (
            replace(
                PLC, doors={**DOORS, "machine_access_limit": stored(f"O:BAG:BAD:(D;;CCLC;;;{USER})(A;;CCDCLC;;;WD)")},
                policy_doors=("machine_access_limit",),
            ),
            SCADA,
        ),
        LinkLayer.ACCESS_LIMIT, "plc",
        r"machine_access_limit does not give plc\opc remote_access (denied_by_ace); Group Policy sets it",
        "add the entry to the policy",
    ),
    "a damaged value": (
        lambda: (with_program(PLC, "Gateway", launch=StoredDescriptor(trouble="damaged")), SCADA),
        LinkLayer.APPLICATION_LAUNCH, "plc", "application_launch of Gateway is damaged",
        "dcom_permission with repair: true",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_one_fact_refuses_at_its_layer(name: str) -> None:
    changed, layer, host, evidence, fix = REFUSALS[name]
    verdict = judge(*changed())
    assert verdict.works is False
    assert verdict.layer is layer
    assert verdict.first == LayerResult(Way.CONNECT, layer, host, LayerState.REFUSES, evidence, fix)


@pytest.mark.parametrize("sid", ["WD", "SY"])
def test_a_damaged_permission_of_the_program_counts_whatever_the_default_says(sid: str) -> None:
    plc = replace(PLC, doors={**DOORS, "default_access": letting_in(ACCESS, sid)})
    verdict = judge(with_program(plc, "Gateway", access=StoredDescriptor(trouble="damaged")))
    assert verdict.first == LayerResult(
        Way.CONNECT, LinkLayer.APPLICATION_ACCESS, "plc", LayerState.REFUSES,
        "application_access of Gateway is damaged",
        "dcom_permission with repair: true",
    )  # fmt: skip


def test_a_damaged_default_counts_only_where_the_program_has_nothing() -> None:
    plc = replace(PLC, doors={**DOORS, "default_access": StoredDescriptor(trouble="damaged")})
    assert judge(plc).works is True
    verdict = judge(with_program(plc, "Gateway", access=StoredDescriptor()))
    assert verdict.first is not None
    assert verdict.first.evidence == "default_access is damaged"


def test_a_default_permission_decides_where_the_program_has_none() -> None:
    verdict = judge(with_program(PLC, "Gateway", access=StoredDescriptor(), launch=StoredDescriptor()))
    shut = [item for item in verdict.layers if item.state is LayerState.REFUSES]
    assert [(item.layer, item.evidence.partition(" ")[0]) for item in shut] == [
        (LinkLayer.APPLICATION_LAUNCH, "default_launch"),
        (LinkLayer.APPLICATION_ACCESS, "default_access"),
    ]


def test_a_running_server_is_activated_and_one_that_is_not_is_launched() -> None:
    may_activate = letting_in("CCSWRP")  # but not launch
    running = with_program(PLC, "Gateway", launch=may_activate)
    assert judge(running).works is True
    assert judge(with_program(running, "Gateway", service_runs=False)).layer is LinkLayer.APPLICATION_LAUNCH


def test_what_keeps_a_running_server_from_nothing() -> None:
    assert judge(with_program(PLC, "Gateway", can_start=False, has_program=False)).works is True
    assert judge(with_program(PLC, "Gateway", service_runs=False)).works is True


def test_dcom_that_is_off_does_not_stop_a_callback() -> None:
    verdict = judge(replace(PLC, is_dcom_enabled=False), link=replace(LINK, subscribes=True))
    assert {item.state for item in verdict.layers if item.way is Way.CALLBACK} == {LayerState.OK}


@pytest.mark.parametrize(("way", "changes"), [(Way.BROWSE, {"browses": True}), (Way.CALLBACK, {"subscribes": True})])
def test_opc_enum_and_the_way_back_are_one_layer_each(way: Way, changes: dict[str, Any]) -> None:
    plc = with_program(PLC, "opc_enum", trouble="OpcEnum is not registered") if way is Way.BROWSE else PLC
    scada = with_account(SCADA, sid="", trouble="there is no account opc") if way is Way.CALLBACK else SCADA
    verdict = judge(plc, scada, replace(LINK, **changes))
    assert verdict.layer is {Way.BROWSE: LinkLayer.OPC_ENUM, Way.CALLBACK: LinkLayer.CALLBACK}[way]
    assert verdict.first is not None
    assert verdict.first.way is way


# -- who asks


def test_an_account_that_is_not_there() -> None:
    verdict = judge(with_account(PLC, sid="", trouble="there is no account opc"))
    assert verdict.layer is LinkLayer.ACCOUNT
    assert verdict.first is not None
    assert verdict.first.fix == (
        "run harden_opc for plc, or make the account there with the password it has on its peer"
    )
    # Whom nobody knows no door is asked about.
    assert LinkLayer.ACCESS_LIMIT not in layers(verdict)


@pytest.mark.parametrize(("problem", "evidence"), [("", "nobody can say who asks"), ("no peer", "no peer")])
def test_nobody_can_say_who_asks(problem: str, evidence: str) -> None:
    link = replace(LINK, server=replace(SERVER, principal=""), problem=problem)
    verdict = judge(link=link)
    assert verdict.first is not None
    assert (verdict.layer, verdict.first.host, verdict.first.evidence) == (LinkLayer.ACCOUNT, "plc", evidence)
    assert verdict.first.fix == "run the program as an account that both hosts know, or allow anonymous with a reason"


@pytest.mark.parametrize("spelling", ["opc", ".\\OPC", "SCADA\\opc", "nt authority\\opc"])
def test_spellings_of_one_account(spelling: str) -> None:
    assert judge(scada=with_program(SCADA, "Historian", run_as=spelling)).works is True
    assert judge(scada=with_program(SCADA, "Historian", run_as=f"x{spelling}")).layer is LinkLayer.ACCOUNT


def test_localsystem_and_system_are_one_account() -> None:
    link = replace(LINK, client=replace(CLIENT, account="SYSTEM"))
    assert judge(scada=with_program(SCADA, "Historian", run_as="LocalSystem"), link=link).works is True


def test_a_domain_account_needs_no_second_password_and_is_nobodys_guest() -> None:
    verdict = judge(replace(with_account(PLC, is_local=False), makes_everyone_guest=True))
    assert verdict.works is True
    (account,) = (item for item in verdict.layers if item.layer is LinkLayer.ACCOUNT)
    assert account.evidence == f"opc of scada is plc\\opc ({USER}) here"


def test_anonymous_is_held_to_no_level_and_needs_a_client_that_goes_on_without_authentication() -> None:
    link = replace(LINK, server=replace(SERVER, principal=ANONYMOUS_LOGON))
    doors = {
        **DOORS, "machine_access_limit": letting_in(ACCESS, "AN"), "machine_launch_limit": letting_in(LAUNCH, "AN")
    }  # fmt: skip
    plc = with_program(PLC, "Gateway", access=letting_in(ACCESS, "AN"), launch=letting_in(LAUNCH, "AN"))
    plc = replace(plc, doors=doors, accounts={ANONYMOUS_LOGON: AccountFacts(sid="S-1-5-7")})
    low = with_program(SCADA, "Historian", level=2)
    verdict = judge(plc, low, link)
    assert verdict.works is True
    assert "an anonymous activation is not held to a level" in [item.evidence for item in verdict.layers]
    refused = judge(plc, replace(low, retries_anonymously=False), link)
    assert refused.first == LayerResult(
        Way.CONNECT, LinkLayer.ACCOUNT, "scada", LayerState.REFUSES,
        "the client may not go on without authentication (DCOMSCMRemoteCallFlags)",
        "run the program as an account that both hosts know",
    )  # fmt: skip


# -- the level


@pytest.mark.parametrize(
    ("requires", "raises", "level", "works", "evidence"),
    [
        (True, "nothing", 5, True, "the client activates at packet_integrity"),
        (True, "nothing", 6, True, "the client activates at packet_privacy"),
        (True, "default_level_only", 2, True, "the client activates at connect, raised by the updates of the client"),
        (True, "all_requests", 4, True, "the client activates at packet, raised by the updates of the client"),
        (True, "nothing", 2, False, "Packet Integrity is required, the client activates at connect"),
        (True, None, 2, None, f"the client's level is connect, {DOES_NOT_TELL}"),
        (None, "nothing", 2, None, f"the client's level is connect, {DOES_NOT_TELL}"),
        (False, None, 2, None, f"the client's level is connect, {DOES_NOT_TELL}"),
        (False, "nothing", 2, True, "the client activates at connect, which this server still accepts"),
    ],
)  # fmt: skip
def test_the_level_counts_with_the_updates_of_both_hosts(
    requires: bool | None, raises: str | None, level: int, works: bool | None, evidence: str
) -> None:
    scada = with_program(replace(SCADA, raises=raises), "Historian", level=level)
    verdict = judge(replace(PLC, requires_integrity=requires), scada)
    (found,) = (item for item in verdict.layers if item.layer is LinkLayer.AUTHENTICATION_LEVEL)
    assert (found.evidence, found.host) == (evidence, "plc")
    assert verdict.works is works
    if works is None:
        assert found.fix.startswith("set authentication_level: default for Historian of scada, which has a level")


def test_a_patch_level_that_the_build_does_not_tell_is_said_to_be_an_estimate() -> None:
    scada = with_program(replace(SCADA, phase="", raises="all_requests"), "Historian", level=2)
    (found,) = (item for item in judge(PLC, scada).layers if item.layer is LinkLayer.AUTHENTICATION_LEVEL)
    assert found.state is LayerState.OK
    assert found.evidence.endswith("connect, raised by the updates of the client, as far as its rpcss.dll tells")


def test_a_machine_below_packet_integrity_is_hardened_as_a_whole() -> None:
    scada = with_program(replace(SCADA, default_level=2), "Historian", level=2)
    first = judge(PLC, scada).first
    assert first is not None
    assert first.fix == "run harden_opc for scada (Packet Integrity), then reboot it; or install updates on scada"


def test_a_program_without_an_app_id_has_the_level_of_the_machine() -> None:
    scada = replace(SCADA, programs={}, default_level=4)
    assert "Packet Integrity is required, the client activates at packet" in [
        item.evidence for item in judge(scada=scada).layers
    ]


# -- what is not known


@pytest.mark.parametrize(("plc", "scada", "host"), [(None, SCADA, "plc"), (PLC, None, "scada")])
def test_a_host_that_was_not_read_leaves_its_layers_unknown(
    plc: EndFacts | None, scada: EndFacts | None, host: str
) -> None:
    verdict = judge(plc, scada)
    assert verdict.works is None
    unknown = [item for item in verdict.layers if item.state is LayerState.UNKNOWN]
    assert {(item.host, item.evidence, item.fix) for item in unknown} == {
        (host, f"{host} was not looked at", f"run verify_links with {host} in the inventory and up")
    }
    about_server = [
        LinkLayer.NAME_AND_ADDRESS, LinkLayer.SERVER_FIREWALL, LinkLayer.ENDPOINT_MAPPER, LinkLayer.ACCOUNT,
        LinkLayer.AUTHENTICATION_LEVEL, LinkLayer.CLASS_REGISTRATION, LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT,
        LinkLayer.APPLICATION_LAUNCH, LinkLayer.ACCESS_LIMIT, LinkLayer.APPLICATION_ACCESS,
    ]  # fmt: skip
    about_client = [
        LinkLayer.CLIENT_PROGRAM, LinkLayer.CLIENT_FIREWALL, LinkLayer.ENDPOINT_MAPPER, LinkLayer.AUTHENTICATION_LEVEL,
    ]  # fmt: skip
    assert [item.layer for item in unknown] == (about_server if host == "plc" else about_client)


def test_a_host_that_does_not_answer_is_a_cause() -> None:
    silent_client = check_link(LINK, {"plc": PLC}, unreached=["scada"])
    assert silent_client.first == LayerResult(
        Way.CONNECT, LinkLayer.CLIENT_PROGRAM, "scada", LayerState.REFUSES,
        "scada does not answer Ansible; where nothing runs, nothing asks", CHECK_HOST,
    )  # fmt: skip
    silent_server = check_link(LINK, {"scada": SCADA}, unreached=["plc"])
    assert silent_server.first == LayerResult(
        Way.CONNECT, LinkLayer.NAME_AND_ADDRESS, "plc", LayerState.REFUSES, "plc does not answer Ansible", CHECK_HOST
    )


def test_a_server_without_an_address() -> None:
    verdict = judge(link=replace(LINK, server=replace(SERVER, addresses=())))
    assert verdict.first == LayerResult(
        Way.CONNECT, LinkLayer.NAME_AND_ADDRESS, "plc", LayerState.REFUSES, "no address of plc is known",
        "give hosts.plc.address in opc_site",
    )  # fmt: skip


def test_a_firewall_that_depends_on_what_is_not_known() -> None:
    unsure = only(judge(with_connection(PLC, "Gateway", None, inbound=True)), LayerState.UNKNOWN)
    assert (unsure.layer, unsure.host, unsure.evidence) == (LinkLayer.SERVER_FIREWALL, "plc", "a rule about Gateway")
    unread = replace(PLC, connections=PLC.connections[:1])
    assert only(judge(unread), LayerState.UNKNOWN).evidence == "Gateway: not looked at"
    # A refusal counts more than what is not known, and the endpoint mapper, which is asked first, more than the rest.
    both = with_connection(with_connection(PLC, "Gateway", False, inbound=True), "endpoint_mapper", False, inbound=True)
    first = judge(both).first
    assert first is not None
    assert first.evidence == "a rule about endpoint_mapper"


def test_a_domain_group_may_let_in_whom_only_the_domain_knows() -> None:
    group = "S-1-5-21-9-9-9-2000"
    plc = with_account(with_program(PLC, "Gateway", access=letting_in(ACCESS, group)), knows_all_groups=False)
    found = only(judge(plc), LayerState.UNKNOWN)
    assert found.evidence == (
        r"application_access of Gateway does not give plc\opc remote_access (no_ace), "
        f"unless it is a member of {group} (unknown account)"
    )
    assert found.fix == "run harden_opc for plc"
    # A group that is denied, one that may too little, and one of the host itself let nobody in.
    for sddl in (f"O:BAG:BAD:(D;;LC;;;{group})", f"O:BAG:BAD:(A;;CCDC;;;{group})", "O:BAG:BAD:(A;;CCDCLC;;;BA)"):
        assert judge(with_program(plc, "Gateway", access=stored(sddl))).layer is LinkLayer.APPLICATION_ACCESS
    known = with_account(plc, knows_all_groups=True)
    assert judge(known).layer is LinkLayer.APPLICATION_ACCESS


# -- around it


def test_what_is_configured_and_not_in_force_yet() -> None:
    verdict = judge(
        replace(PLC, reboot_reasons=("EnableDCOM", "a limit")), replace(SCADA, stale_services=("Historian",))
    )
    assert verdict.pending == (
        "plc must reboot before these count: EnableDCOM, a limit",
        "scada: these services run with old values: Historian",
    )
    assert judge().pending == ()


def test_a_verdict_as_plain_data() -> None:
    plain = judge(None).to_dict()
    assert {name: plain[name] for name in ("name", "path", "client", "server", "works", "layer", "first")} == {
        "name": "tags", "path": "links[0]", "client": "scada", "server": "plc", "works": None, "layer": None,
        "first": None,
    }  # fmt: skip
    assert plain["unknown"][0] == {
        "way": "connect", "layer": "name_and_address", "host": "plc", "state": "unknown",
        "evidence": "plc was not looked at", "fix": "run verify_links with plc in the inventory and up",
    }  # fmt: skip
    refused = judge(replace(PLC, has_endpoint_mapper=False)).to_dict()
    assert (refused["works"], refused["layer"], refused["first"]["host"]) == (False, "endpoint_mapper", "plc")
    assert len(refused["layers"]) == 13


def test_a_link_travels_as_plain_data() -> None:
    for link in (LINK, replace(LINK, subscribes=True, browses=True, problem="nobody knows")):
        assert link_from_dict("links[0]", link.to_dict()) == link
    here = replace(LINK, client=replace(CLIENT, host="plc"))
    assert link_from_dict("links[0]", here.to_dict()).is_local is True
    assert LINK.ends_on("plc") == (SERVER,)
    assert here.ends_on("plc") == (SERVER, here.client)
    with pytest.raises(ParameterError, match=r"links\[0\].*is no link as the filter opc_links makes them"):
        link_from_dict("links[0]", {"name": "tags"})
