# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations on WMI resources: what is answered, what is refused with which number, and how answers are paged."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from front_messages import (
    ENUMERATION,
    SELECTOR_FILTER,
    SHELL,
    TRANSFER,
    WMI,
    WQL,
    Wire,
    context_of,
    envelope,
    fault_code,
    filtered_administrator,
    local,
    ordinary_user,
)
from small_windows import SmallWindows

from simulator.cim import Caller


def texts(items: list[ET.Element], name: str) -> list[str | None]:
    return [node.text for item in items for node in item if local(node) == name]


def selector_filter(**values: str) -> str:
    chosen = "".join(f'<w:Selector Name="{name}">{value}</w:Selector>' for name, value in values.items())
    return f'<w:Filter Dialect="{SELECTOR_FILTER}"><w:SelectorSet>{chosen}</w:SelectorSet></w:Filter>'


# Get, Put, Invoke


def test_get_finds_keys_without_regard_to_case() -> None:
    wire = Wire()
    instance = wire.body(wire.get("win32_SERVICE", NAME="SVC1"))[0]
    assert instance.tag == f"{{{WMI}/Win32_Service}}Win32_Service"
    assert texts([instance], "State") == ["Running"]
    assert wire.violations == []


def test_an_instance_that_is_not_there_is_a_fault_but_no_violation() -> None:
    wire = Wire()
    status, root = wire.send(wire.get("Win32_Service", Name="nope"))
    assert (status, fault_code(root)) == (500, 2150858752)
    parts = {local(node): node.text for node in root.iter()}
    assert parts["FaultDetail"] == "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/InvalidResourceURI"
    assert (parts["Operation"], parts["ParameterInfo"]) == ("GetObject", 'Win32_Service.Name="nope"')
    assert root.findtext(".//{http://www.w3.org/2003/05/soap-envelope}Subcode/*") == "a:DestinationUnreachable"
    assert wire.violations == []


def test_the_namespace_selector_may_repeat_the_namespace() -> None:
    wire = Wire()
    wire.body(wire.get("Win32_OperatingSystem", __cimnamespace="root/cimv2"))
    assert wire.fault(wire.get("Win32_OperatingSystem", __cimnamespace="root/default")) == 2150859010


UNKNOWN = {
    "class": (f"{TRANSFER}/Get", "Win32_Nope", {}, 2150858752),
    "key": (f"{TRANSFER}/Get", "Win32_Service", {"Name": "svc1", "Other": "x"}, 2150858843),
    "missing key": (f"{TRANSFER}/Get", "Win32_Service", {}, 2150858842),
    "key of a singleton": (f"{TRANSFER}/Get", "Win32_OperatingSystem", {"Version": "6"}, 2150859002),
    "Get without keys to ask for": (f"{TRANSFER}/Get", "Sim_Static", {}, 2150858842),
    "action": (f"{TRANSFER}/Fly", "Win32_Service", {"Name": "svc1"}, 2150858753),
    "method": (f"{WMI}/Win32_Service/Fly", "Win32_Service", {"Name": "svc1"}, 2150858753),
    "method in another case": (f"{WMI}/Win32_Service/stopservice", "Win32_Service", {"Name": "svc1"}, 2150858753),
    "method of another class": (f"{WMI}/Sim_Static/Echo", "Win32_Service", {"Name": "svc1"}, 2150858753),
    "creation": (f"{TRANSFER}/Create", "Win32_Service", {}, 2150858818),
    "deletion": (f"{TRANSFER}/Delete", "Win32_Service", {"Name": "svc1"}, 2150858818),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_unknown_is_refused_and_recorded(name: str) -> None:
    action, class_name, selectors, code = UNKNOWN[name]
    wire = Wire()
    assert wire.fault(envelope(action, f"{WMI}/{class_name}", "", selectors)) == code
    assert len(wire.violations) == 1


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("http://schemas.microsoft.com/wbem/wsman/1/wmi/root/nope/Win32_Service", 2150858752),
        ("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_Service", 2150858811),
        ("http://schemas.microsoft.com/wbem/wsman/1/config", 2150858811),
        ("http://schemas.microsoft.com/powershell/Microsoft.PowerShell", 2150858811),
        ("urn:nothing", 2150858811),
    ],
)
def test_other_resources_do_not_exist(uri: str, code: int) -> None:
    wire = Wire()
    assert wire.fault(envelope(f"{TRANSFER}/Get", uri)) == code
    assert len(wire.violations) == 1


def test_put_changes_only_what_it_names() -> None:
    wire = Wire()
    uri = f"{WMI}/Win32_Service"
    body = f'<Win32_Service xmlns="{uri}"><State>Paused</State></Win32_Service>'
    answer = wire.body(envelope(f"{TRANSFER}/Put", uri, body, {"Name": "svc1"}))
    assert texts([answer[0]], "State") == ["Paused"]
    assert texts([wire.body(wire.get("Win32_Service", Name="svc1"))[0]], "Description") == ["Service number 1"]
    wrong = f'<Win32_Service xmlns="{uri}"><Nope>1</Nope></Win32_Service>'
    assert wire.fault(envelope(f"{TRANSFER}/Put", uri, wrong, {"Name": "svc1"})) == 2150858837


def test_methods_of_instances_and_static_methods() -> None:
    wire = Wire()
    wire.body(wire.invoke("Win32_Service", "StopService", Name="svc1"))
    assert wire.windows.table("Win32_Service").calls == [("StopService", {"Name": "svc1"}, {})]
    assert wire.fault(wire.invoke("Win32_Service", "StopService", Name="nope")) == 2150858752
    assert wire.violations == []
    assert wire.fault(wire.invoke("Sim_Static", "Echo", Name="svc1")) == 2150858843
    assert wire.fault(envelope(f"{WMI}/Sim_Static/Echo", f"{WMI}/Sim_Static")) == 2150858791


def test_a_bug_in_a_provider_is_a_500_and_a_violation() -> None:
    wire = Wire()
    answer = wire.dispatcher.answer(wire.dispatcher.open(wire.invoke("Sim_Static", "Crash")), wire.caller)
    assert (answer.status, answer.payload) == (500, b"")
    assert "ZeroDivisionError: a bug in a provider" in wire.violations[0]


# Enumerations


def test_an_optimised_answer_holds_one_item_and_a_context() -> None:
    wire = Wire()
    first = wire.body(wire.enumerate("Win32_Service"))[0]
    assert [local(node) for node in first] == ["EnumerationContext", "Items"]
    assert first[1].tag.startswith("{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}")
    assert texts(list(first[1]), "Name") == ["svc0"]
    second = wire.body(wire.pull("Win32_Service", context_of(first), max_elements=1))[0]
    assert second[1].tag.startswith("{http://schemas.xmlsoap.org/ws/2004/09/enumeration}")
    last = wire.body(wire.pull("Win32_Service", context_of(second)))[0]
    assert [local(node) for node in last] == ["Items", "EndOfSequence"]
    assert context_of(first) != context_of(second)
    assert wire.fault(wire.pull("Win32_Service", context_of(first))) == 2150858779


@pytest.mark.parametrize(("services", "names"), [(0, []), (1, ["svc0"])])
def test_none_or_one_item_come_in_one_answer(services: int, names: list[str]) -> None:
    wire = Wire(SmallWindows(services=services))
    answer = wire.body(wire.enumerate("Win32_Service"))[0]
    assert [local(node) for node in answer] == ["EnumerationContext", "Items", "EndOfSequence"]
    assert answer[0].text is None
    assert texts(list(answer[1]), "Name") == names


def test_without_optimisation_the_first_answer_is_a_context() -> None:
    wire = Wire()
    first = wire.body(wire.enumerate("Win32_Service", optimize=False))[0]
    assert [local(node) for node in first] == ["EnumerationContext"]
    assert len(wire.everything("Win32_Service", wire.enumerate("Win32_Service", optimize=False))) == 3


def test_a_page_ends_at_max_elements_and_at_76000_characters() -> None:
    wire = Wire(SmallWindows(services=400))
    context = context_of(wire.body(wire.enumerate("Win32_Service")))
    ten = wire.body(wire.pull("Win32_Service", context, max_elements=10))[0]
    assert len(ten[1]) == 10
    answer = wire.dispatcher.answer(wire.dispatcher.open(wire.pull("Win32_Service", context_of(ten))), wire.caller)
    assert 70_000 < len(answer.payload.decode()) < 77_500
    assert len(wire.everything("Win32_Service", wire.enumerate("Win32_Service"))) == 400


def test_max_elements_is_one_when_the_client_names_none() -> None:
    wire = Wire()
    context = context_of(wire.body(envelope(f"{ENUMERATION}/Enumerate", f"{WMI}/Win32_Service", "<n:Enumerate/>")))
    body = f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext></n:Pull>"
    assert len(wire.body(envelope(f"{ENUMERATION}/Pull", f"{WMI}/Win32_Service", body))[0][1]) == 1


def test_a_context_expires_and_can_be_released() -> None:
    wire = Wire()
    context = context_of(wire.body(wire.enumerate("Win32_Service")))
    wire.time_s = 240.0
    assert wire.fault(wire.pull("Win32_Service", context)) == 2150858779
    context = context_of(wire.body(wire.enumerate("Win32_Service")))
    assert len(wire.body(wire.pull("Win32_Service", context, verb="Release"))) == 0
    assert wire.fault(wire.pull("Win32_Service", context)) == 2150858779
    assert wire.violations == []


def test_a_context_belongs_to_its_user_and_its_resource() -> None:
    wire = Wire()
    context = context_of(wire.body(wire.enumerate("Win32_Service")))
    other = wire.windows.caller_of("other", "127.0.0.1")
    assert wire.fault(wire.pull("Win32_Service", context), other) == 2150858779
    assert wire.fault(wire.pull("Sim_AllTypes", context)) == 2150858779
    assert len(wire.body(wire.pull("Win32_Service", context))[0][0]) == 2


def test_a_query_with_a_property_list_gives_fragments() -> None:
    wire = Wire()
    items = wire.everything("*", wire.query("select state, Name, Description from Win32_Service where ProcessId < 2"))
    assert [item.tag for item in items] == ["{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}XmlFragment"] * 2
    assert [node.tag for node in items[0]] == ["Description", "Name", "State"]
    assert items[0][0].get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"


def test_a_query_compares_references() -> None:
    wire = Wire()
    query = "select * from Win32_GroupUser where GroupComponent=\"Win32_Group.Domain='HOST',Name='Administrators'\""
    assert len(wire.everything("*", wire.query(query))) == 2


@pytest.mark.parametrize(
    "query",
    [
        "select * from Win32_Nope",
        "select Nope from Win32_Service",
        "select * from Win32_Service where Nope = 1",
        "select * from Win32_Service order by Name",
    ],
)
def test_a_query_that_cannot_be_answered(query: str) -> None:
    wire = Wire()
    status, root = wire.send(wire.query(query))
    assert (status, fault_code(root)) == (500, 2150858778)
    assert root.findtext(".//{http://www.w3.org/2003/05/soap-envelope}Subcode/*") == "n:CannotProcessFilter"
    assert next(node.text for node in root.iter() if local(node) == "ParameterInfo") == query
    assert len(wire.violations) == 1


def test_wql_needs_the_star() -> None:
    wire = Wire()
    body = f'<w:Filter Dialect="{WQL}">select * from Win32_Service</w:Filter>'
    assert wire.fault(wire.enumerate("Win32_Service", body)) == 2150859003


def test_a_base_class_gives_instances_of_the_derived_classes() -> None:
    wire = Wire()
    items = wire.everything("CIM_Service", wire.enumerate("CIM_Service"))
    assert {item.tag for item in items} == {f"{{{WMI}/Win32_Service}}Win32_Service"}
    assert len(items) == 3


def test_selector_filters() -> None:
    wire = Wire()
    items = wire.everything(
        "Win32_Service", wire.enumerate("Win32_Service", selector_filter(state="RUNNING", ProcessId="1"))
    )
    assert texts(items, "Name") == ["svc1"]
    for wrong in ({"Nope": "x"}, {"Name": "it's"}, {"ProcessId": "one"}):
        assert wire.fault(wire.enumerate("Win32_Service", selector_filter(**wrong))) == 2150858778
    assert wire.fault(wire.enumerate("Sim_AllTypes", selector_filter(Words="one"))) == 2150858778


def test_objects_with_their_endpoints() -> None:
    wire = Wire()
    mode = "<w:EnumerationMode>EnumerateObjectAndEPR</w:EnumerationMode>"
    items = wire.everything("Win32_Service", wire.enumerate("Win32_Service", mode))
    assert [local(node) for node in items[0]] == ["Win32_Service", "EndpointReference"]
    assert [node.text for node in items[1].iter() if local(node) == "Selector"] == ["svc1"]
    only = wire.enumerate("Win32_Service", mode.replace("ObjectAndEPR", "EPR"))
    assert [local(item) for item in wire.everything("Win32_Service", only)] == ["EndpointReference"] * 3


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("<w:EnumerationMode>EnumerateAll</w:EnumerationMode>", 2150858818),
        ('<w:Filter Dialect="http://www.w3.org/TR/1999/REC-xpath-19991116">x</w:Filter>', 2150858777),
        ("<w:MaxElement>5</w:MaxElement>", 2150858791),
    ],
)
def test_unknown_parts_of_an_enumerate_are_refused(content: str, code: int) -> None:
    wire = Wire()
    assert wire.fault(wire.enumerate("Win32_Service", content)) == code
    assert len(wire.violations) == 1


BODIES = {
    "no Enumerate": (f"{ENUMERATION}/Enumerate", "Win32_Service", "", 2150858791),
    "no items at all": (
        f"{ENUMERATION}/Enumerate",
        "Win32_Service",
        "<n:Enumerate><w:MaxElements>0</w:MaxElements></n:Enumerate>",
        2150858791,
    ),
    "an empty selector filter": (
        f"{ENUMERATION}/Enumerate", "Win32_Service", f"<n:Enumerate>{selector_filter()}</n:Enumerate>", 2150858778,
    ),
    "no filter on the star": (f"{ENUMERATION}/Enumerate", "*", "<n:Enumerate/>", 2150858818),
    "no Pull": (f"{ENUMERATION}/Pull", "Win32_Service", "<n:Release/>", 2150858791),
    "no context": (f"{ENUMERATION}/Pull", "Win32_Service", "<n:Pull/>", 2150858791),
    "Put of nothing": (f"{TRANSFER}/Put", "Win32_OperatingSystem", "", 2150858791),
    "Put of another class": (f"{TRANSFER}/Put", "Win32_OperatingSystem", f'<q:X xmlns:q="{WMI}/X"/>', 2150858791),
    "Put without namespace": (f"{TRANSFER}/Put", "Win32_OperatingSystem", "<Win32_OperatingSystem/>", 2150858840),
    "input of another method": (
        f"{WMI}/Sim_Static/Echo", "Sim_Static", f'<q:Fail_INPUT xmlns:q="{WMI}/Sim_Static"/>', 2150858791,
    ),
    "input of another class": (
        f"{WMI}/Sim_Static/Echo", "Sim_Static", f'<q:Echo_INPUT xmlns:q="{WMI}/Other"/>', 2150858840,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_wrong_bodies_are_refused_and_recorded(name: str) -> None:
    action, target, body, code = BODIES[name]
    wire = Wire()
    assert wire.fault(envelope(action, f"{WMI}/{target}", body)) == code
    assert len(wire.violations) == 1


def test_the_input_element_may_be_without_a_namespace() -> None:
    wire = Wire()
    uri = f"{WMI}/Sim_Static"
    wire.body(envelope(f"{uri}/Echo", uri, f'<Echo_INPUT><q:Text xmlns:q="{uri.upper()}">x</q:Text></Echo_INPUT>'))
    assert wire.windows.table("Sim_Static").calls[0][2]["Text"] == "x"


# Limits, access, versions


def test_an_answer_larger_than_the_clients_envelope_is_refused() -> None:
    wire = Wire()
    wire.windows.table("Win32_Service").rows[1]["Description"] = "x" * 5000
    small = "<w:MaxEnvelopeSize>8192</w:MaxEnvelopeSize>"
    wire.body(wire.get("Win32_Service", Name="svc1"))
    request = envelope(f"{TRANSFER}/Get", f"{WMI}/Win32_Service", "", {"Name": "svc1"}, MaxEnvelopeSize=small)
    assert wire.fault(request) == 2150858790
    query = envelope(
        f"{ENUMERATION}/Enumerate",
        f"{WMI}/*",
        f'<n:Enumerate><w:OptimizeEnumeration/><w:Filter Dialect="{WQL}">'
        "select * from Win32_Service where Name = 'svc1'</w:Filter></n:Enumerate>",
        MaxEnvelopeSize=small,
    )
    assert wire.fault(query) == 2150858790


@pytest.mark.parametrize(("stack", "limit"), [("2.0", 15), ("3.0", 1500)])
def test_unreleased_enumerations_use_up_the_users_operations(stack: str, limit: int) -> None:
    wire = Wire(SmallWindows(stack))
    contexts = [context_of(wire.body(wire.enumerate("Win32_Service"))) for _unused in range(limit)]
    status, root = wire.send(wire.get("Win32_OperatingSystem"))
    assert (status, fault_code(root)) == (500, 2150859174)
    second_shape = any(local(node) == "MSFT_WmiError" for node in root.iter())
    assert second_shape == (stack == "3.0")
    wire.body(wire.pull("Win32_Service", contexts[0], verb="Release"))
    wire.body(wire.get("Win32_OperatingSystem"))
    assert wire.violations == []


@pytest.mark.parametrize("caller", [ordinary_user(), filtered_administrator()])
def test_only_administrators_and_remote_management_users_get_in(caller: Caller) -> None:
    wire = Wire()
    assert wire.fault(wire.get("Win32_OperatingSystem"), caller) == 5
    allowed = Caller(caller.account_name, caller.sid, frozenset({"S-1-5-32-580"}))
    assert wire.send(wire.get("Win32_OperatingSystem"), allowed)[0] == 200
    assert wire.violations == []


def test_stack_2_has_no_newer_features() -> None:
    wire = Wire(SmallWindows("2.0"))
    uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/standardcimv2/MSFT_Rule"
    assert wire.fault(envelope(f"{TRANSFER}/Get", uri, "", {"InstanceID": "one"})) == 2150858752
    assert wire.fault(envelope(f"{TRANSFER}/Create", f"{WMI}/Win32_Service")) == 2150858753


def test_mi_providers_of_stack_3_answer_with_a_cim_error() -> None:
    wire = Wire()
    uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/standardcimv2/MSFT_Rule"
    assert wire.send(envelope(f"{TRANSFER}/Get", uri, "", {"InstanceID": "one"}))[0] == 200
    status, root = wire.send(envelope(f"{TRANSFER}/Get", uri, "", {"InstanceID": "two"}))
    parts = {local(node): node.text for node in root.iter()}
    assert (status, parts["CIMStatusCode"], parts["error_Code"]) == (500, "6", str(0x80041002))
    assert "WSManFault" not in parts


def test_a_boot_forgets_enumerations() -> None:
    wire = Wire()
    context = context_of(wire.body(wire.enumerate("Win32_Service")))
    wire.windows.boot_count += 1
    assert wire.fault(wire.pull("Win32_Service", context)) == 2150858779


def test_operations_are_counted_by_class_and_method() -> None:
    wire = Wire()
    wire.everything("*", wire.query("select Name from win32_service"))
    wire.send(wire.get("Win32_Service", Name="svc1"))
    wire.send(wire.invoke("Sim_Static", "Fail"))
    wire.send(envelope(f"{TRANSFER}/Create", f"{SHELL}/cmd", f'<rsp:Shell xmlns:rsp="{SHELL}"/>'))
    assert wire.dispatcher.statistics.operations == {
        "Win32_Service.Enumerate": 1,
        "*.Pull": 1,
        "Win32_Service.Get": 1,
        "Sim_Static.Fail": 1,
        "shell.Create": 1,
    }
