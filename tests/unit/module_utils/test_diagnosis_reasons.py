# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a refusing layer to its cause, and from what discovery found to the words of a remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis_causes import Cause
from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis_clues import Clue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis_reasons import (
    bitness_of,
    caller_and_called,
    cause_of_clue,
    cause_of_layer,
    cured_at,
    missing_libraries,
    words_of,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._end_facts import (
    AccountFacts,
    EndFacts,
    ProgramFacts,
    StoredDescriptor,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_check import (
    LayerResult,
    LayerState,
    LinkLayer,
    Way,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import EndSpec, LinkSpec
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_needs import ANONYMOUS_LOGON


def end(host: str, application: str) -> EndSpec:
    return EndSpec(
        host=host, computer_name=host, addresses=(), domain="", application=application,
        selector=("prog_id", f"Vendor.{application}"), program=rf"C:\{application}.exe", service=f"{application}Svc",
        account=f"{host}user", principal=f".\\{application}user",
    )  # fmt: skip


SERVER, CLIENT = end("plc", "Gateway"), end("scada", "Historian")
LINK = LinkSpec("tags", "links[0]", subscribes=True, browses=True, is_local=False, server=SERVER, client=CLIENT)
PLC = EndFacts(host="plc", programs={"Gateway": ProgramFacts(), "opc_enum": ProgramFacts()})
SCADA = EndFacts(host="scada", programs={"Historian": ProgramFacts()})
DAMAGED = StoredDescriptor(trouble="damaged")


def cause(
    layer: LinkLayer, *, way: Way = Way.CONNECT, plc: EndFacts | None = PLC, scada: EndFacts | None = SCADA,
    link: LinkSpec = LINK, evidence: str = "",
) -> Cause:  # fmt: skip
    host = "scada" if way is Way.CALLBACK or layer is LinkLayer.CLIENT_PROGRAM else "plc"
    result = LayerResult(way, layer, host, LayerState.REFUSES, evidence)
    ends = {facts.host: facts for facts in (plc, scada) if facts is not None}
    return cause_of_layer(link, result, ends, ())


def with_program(facts: EndFacts, name: str, **changes: Any) -> EndFacts:
    return replace(facts, programs={**facts.programs, name: replace(facts.programs[name], **changes)})


def with_account(facts: EndFacts, principal: str, **changes: Any) -> EndFacts:
    return replace(facts, accounts={principal: AccountFacts(**changes)})


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (LinkLayer.CLIENT_FIREWALL, Cause.FIREWALL),
        (LinkLayer.SERVER_FIREWALL, Cause.FIREWALL),
        (LinkLayer.NAME_AND_ADDRESS, Cause.ADDRESS_UNKNOWN),
        (LinkLayer.ENDPOINT_MAPPER, Cause.DCOM_OFF),
        (LinkLayer.AUTHENTICATION_LEVEL, Cause.LEVEL_LOW),
        (LinkLayer.CLASS_REGISTRATION, Cause.CLASS_MISSING),
        (LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT, Cause.LAUNCH_LIMIT),
        (LinkLayer.APPLICATION_LAUNCH, Cause.LAUNCH_PERMISSION),
        (LinkLayer.ACCESS_LIMIT, Cause.ACCESS_LIMIT),
        (LinkLayer.APPLICATION_ACCESS, Cause.ACCESS_PERMISSION),
        (LinkLayer.CLIENT_PROGRAM, Cause.PROGRAM_STOPPED),
        (LinkLayer.APPLICATION_START, Cause.PROGRAM_MISSING),
        (LinkLayer.ACCOUNT, Cause.RUNS_AS_OTHER),
    ],
)
def test_each_layer_has_its_cause(layer: LinkLayer, found: Cause) -> None:
    assert cause(layer) is found


def test_a_silent_host_and_a_stopped_endpoint_mapper() -> None:
    both = {"plc": PLC, "scada": SCADA}
    for layer, host in ((LinkLayer.NAME_AND_ADDRESS, "plc"), (LinkLayer.CLIENT_PROGRAM, "scada")):
        result = LayerResult(Way.CONNECT, layer, host, LayerState.REFUSES, "")
        assert cause_of_layer(LINK, result, both, [host]) is Cause.HOST_SILENT
    assert cause(LinkLayer.CLIENT_PROGRAM, scada=None) is Cause.HOST_SILENT
    assert cause(LinkLayer.APPLICATION_START, plc=None) is Cause.HOST_SILENT
    assert cause(LinkLayer.ENDPOINT_MAPPER, plc=replace(PLC, has_endpoint_mapper=False)) is Cause.RPC_STOPPED
    assert cause(LinkLayer.ENDPOINT_MAPPER, plc=None) is Cause.DCOM_OFF


def test_why_a_program_does_not_run() -> None:
    start = LinkLayer.APPLICATION_START
    assert cause(LinkLayer.CLIENT_PROGRAM, scada=with_program(SCADA, "Historian", level=0)) is Cause.LEVEL_INVALID
    assert cause(start, plc=with_program(PLC, "Gateway", level=0)) is Cause.LEVEL_INVALID
    disabled = {"service": "GatewaySvc", "can_start": False}
    assert cause(start, plc=with_program(PLC, "Gateway", **disabled)) is Cause.SERVICE_DISABLED
    assert cause(start, plc=with_program(PLC, "Gateway", can_start=False)) is Cause.PROGRAM_MISSING
    assert cause(start, plc=with_program(PLC, "Gateway", service="GatewaySvc")) is Cause.PROGRAM_MISSING
    # The program asked is OpcEnum when browsing, whatever the server itself is like.
    assert cause(start, way=Way.BROWSE, plc=with_program(PLC, "Gateway", **disabled)) is Cause.PROGRAM_MISSING
    assert cause(start, way=Way.BROWSE, plc=with_program(PLC, "opc_enum", **disabled)) is Cause.SERVICE_DISABLED


def test_why_an_account_is_refused() -> None:
    account, principal = LinkLayer.ACCOUNT, SERVER.principal
    nobody = replace(LINK, server=replace(SERVER, principal=""))
    assert cause(account, link=nobody) is Cause.NO_IDENTITY
    assert cause(account, plc=with_account(PLC, principal, trouble="no account")) is Cause.ACCOUNT_MISSING
    assert cause(account, plc=with_account(PLC, principal, sid="S-1-5-7", trouble="locked")) is Cause.ACCOUNT_UNUSABLE
    assert cause(account, plc=replace(PLC, makes_everyone_guest=True)) is Cause.GUEST_FORCED
    held_back = replace(SCADA, retries_anonymously=False)
    assert cause(account, scada=held_back) is Cause.RUNS_AS_OTHER
    anonymous = replace(LINK, server=replace(SERVER, principal=ANONYMOUS_LOGON))
    assert cause(account, link=anonymous) is Cause.RUNS_AS_OTHER
    assert cause(account, link=anonymous, scada=held_back) is Cause.ANONYMOUS_FORBIDDEN
    assert cause(account, link=anonymous, scada=None) is Cause.RUNS_AS_OTHER
    # On the way back the client's host is the one that is called.
    there = with_account(SCADA, CLIENT.principal, trouble="no account")
    assert cause(account, way=Way.CALLBACK, scada=there) is Cause.ACCOUNT_MISSING


def test_a_guest_is_none_where_the_caller_refuses() -> None:
    result = LayerResult(Way.CONNECT, LinkLayer.ACCOUNT, "scada", LayerState.REFUSES, "")
    ends = {"plc": replace(PLC, makes_everyone_guest=True), "scada": SCADA}
    assert cause_of_layer(LINK, result, ends, ()) is Cause.RUNS_AS_OTHER


@pytest.mark.parametrize(
    ("layer", "door"),
    [
        (LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT, "machine_launch_limit"),
        (LinkLayer.ACCESS_LIMIT, "machine_access_limit"),
    ],
)
def test_why_a_limit_refuses(layer: LinkLayer, door: str) -> None:
    usual = {"machine_launch_limit": Cause.LAUNCH_LIMIT, "machine_access_limit": Cause.ACCESS_LIMIT}
    (other,) = usual.keys() - {door}
    assert cause(layer, plc=replace(PLC, policy_doors=(door,))) is Cause.LIMIT_OF_POLICY
    assert cause(layer, plc=replace(PLC, policy_doors=(other,))) is usual[door]
    assert cause(layer, plc=replace(PLC, doors={door: DAMAGED})) is Cause.PERMISSION_INVALID
    assert cause(layer, plc=replace(PLC, doors={door: StoredDescriptor(), other: DAMAGED})) is usual[door]
    assert cause(layer, evidence="it does not give (invalid_descriptor)") is Cause.PERMISSION_INVALID
    assert cause(layer, plc=None, evidence="(invalid_descriptor)") is usual[door]
    anonymous = replace(LINK, server=replace(SERVER, principal=ANONYMOUS_LOGON))
    assert cause(layer, link=anonymous) is Cause.ANONYMOUS_REFUSED


def test_a_damaged_permission_counts_at_its_own_layer_only() -> None:
    launch, access = (with_program(PLC, "Gateway", **{name: DAMAGED}) for name in ("launch", "access"))
    assert cause(LinkLayer.APPLICATION_LAUNCH, plc=launch) is Cause.PERMISSION_INVALID
    assert cause(LinkLayer.APPLICATION_ACCESS, plc=launch) is Cause.ACCESS_PERMISSION
    assert cause(LinkLayer.APPLICATION_ACCESS, plc=access) is Cause.PERMISSION_INVALID
    assert cause(LinkLayer.APPLICATION_LAUNCH, plc=access) is Cause.LAUNCH_PERMISSION
    assert cause(LinkLayer.APPLICATION_ACCESS, way=Way.BROWSE, plc=access) is Cause.ACCESS_PERMISSION


@pytest.mark.parametrize(("way", "caller"), [(Way.CONNECT, "scada"), (Way.BROWSE, "scada"), (Way.CALLBACK, "plc")])
def test_what_the_caller_has_to_change_is_cured_there(way: Way, caller: str) -> None:
    called = "scada" if caller == "plc" else "plc"
    assert [item.host for item in caller_and_called(LINK, way)] == [caller, called]
    assert cured_at(Cause.LEVEL_LOW, LINK, way, called) == caller
    assert cured_at(Cause.FIREWALL, LINK, way, called) == called


def test_words_speak_of_the_program_that_has_to_change() -> None:
    words = words_of(LINK, Way.CONNECT, Cause.LAUNCH_PERMISSION, "application_launch", None)
    assert words == {
        "peer": "scada", "account": "Gatewayuser", "user": "Gatewayuser", "program": "Gateway", "service": "GatewaySvc",
        "selector": "prog_id", "selected": "Vendor.Gateway", "scope": "application", "kind": "launch", "target": "plc",
        "clsid": "a class",
    }  # fmt: skip
    browse = words_of(LINK, Way.BROWSE, Cause.ACCESS_LIMIT, "access_limit", None)
    assert [browse[name] for name in ("program", "service", "selector", "selected", "scope", "kind")] == [
        "OpcEnum", "OpcEnum", "service", "OpcEnum", "machine_limit", "access",
    ]  # fmt: skip
    # Who runs as somebody else is the caller, also while browsing.
    caller = words_of(LINK, Way.BROWSE, Cause.RUNS_AS_OTHER, "account", None)
    assert [caller[name] for name in ("program", "account", "selected", "scope")] == [
        "Historian", "scadauser", "Vendor.Historian", "",
    ]  # fmt: skip
    assert words_of(LINK, Way.CONNECT, Cause.LEVEL_INVALID, "client_program", None)["program"] == "Historian"


@pytest.mark.parametrize(("principal", "user"), [("PLANT\\opc", ""), ("opc@plant", ""), (".\\opc", "opc"), ("", "")])
def test_only_a_local_account_is_one_to_be_made(principal: str, user: str) -> None:
    link = replace(LINK, server=replace(SERVER, principal=principal))
    words = words_of(link, Way.CONNECT, Cause.ACCOUNT_MISSING, "account", None)
    assert (words["user"], words["account"]) == (user, principal.removeprefix(".\\") or "scadauser")


def test_what_a_clue_names_is_in_its_words() -> None:
    clue = Clue("scada", Cause.UNREACHABLE, "server_firewall", "", (), target="plc7", server="{1}")
    words = words_of(LINK, Way.CONNECT, Cause.UNREACHABLE, "server_firewall", clue)
    assert (words["target"], words["clsid"]) == ("plc7", "{1}")


def test_the_cause_of_a_clue() -> None:
    clue = Clue("scada", Cause.UNREACHABLE, "server_firewall", "", ())
    assert cause_of_clue(clue) == (Cause.UNREACHABLE, "server_firewall")
    assert cause_of_clue(replace(clue, is_undeclared=True)) == (Cause.NAME_RESOLUTION, "server_firewall")
    assert cause_of_clue(replace(clue, is_other_caller=True)) == (Cause.RUNS_AS_OTHER, "account")
    assert cause_of_clue(replace(clue, is_other_caller=True, is_general=True)) == (Cause.UNREACHABLE, "server_firewall")
    level = replace(clue, cause=Cause.LEVEL_LOW, layer="authentication_level", is_undeclared=True)
    assert cause_of_clue(level) == (Cause.LEVEL_LOW, "authentication_level")


@pytest.mark.parametrize(
    ("found", "bits"),
    [
        ({"prog_id": "VENDOR.gateway", "bitness": 32}, 32),
        ({"service": "gatewaysvc", "bitness": 64}, 64),
        ({"program": r"D:\elsewhere\GATEWAY.EXE", "bitness": 64}, 64),
        ({"clsid": "Vendor.Gateway", "bitness": 16}, None),
        ({"prog_id": "Vendor.Gateway2", "bitness": 32}, None),
        ({"program": "", "bitness": 32}, None),
        ("Vendor.Gateway", None),
    ],
)
def test_the_bitness_of_a_program_is_that_of_its_server(found: object, bits: int | None) -> None:
    other = {"prog_id": "Other.Server", "bitness": 64}
    assert bitness_of({"servers": [other, found]}, SERVER) == bits


@pytest.mark.parametrize("opc", [None, [], {"servers": None}, {"servers": "text"}, {}])
def test_a_discovery_in_another_form_tells_no_bitness_and_no_libraries(opc: object) -> None:
    assert bitness_of(opc, SERVER) is None
    assert missing_libraries(opc) == []


def test_missing_libraries_are_listed() -> None:
    found = {"core_components": {"missing": ["opcproxy.dll (64-bit)", 7]}}
    assert missing_libraries(found) == ["opcproxy.dll (64-bit)", "7"]
    assert missing_libraries({"core_components": {"missing": "opcproxy.dll"}}) == []
