# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WQL of the simulator: which rows a condition keeps, and what it must refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.cim import CimClass, CimProperty, CimReference, CimType
from simulator.front.wql import WqlError, compile_condition, parse_object_path, parse_query

EVENT = CimClass(
    "Sim_Event",
    properties=(
        CimProperty("Name", CimType.STRING),
        CimProperty("Code", CimType.UINT32),
        CimProperty("Enabled", CimType.BOOLEAN),
        CimProperty("When", CimType.DATETIME),
        CimProperty("Words", CimType.STRING, is_array=True),
        CimProperty("Group", CimType.REFERENCE),
    ),
)
USERS = CimReference("Win32_Group", {"Domain": "HOST", "Name": "Users"})
ROWS: dict[str, dict[str, Any]] = {
    "a": {
        "Name": "C:\\OPC's", "Code": 10, "Enabled": True, "When": datetime(2026, 1, 1, tzinfo=UTC),
        "Words": ["x"], "Group": USERS,
    },
    "b": {
        "Name": "winrm", "Code": 4294967295, "Enabled": False, "When": datetime(2026, 1, 2, 12, tzinfo=UTC),
        "Words": None, "Group": CimReference("Win32_Group", {"Domain": "HOST", "Name": "Guests"}),
    },
    "c": {"Name": None, "Code": None, "Enabled": None, "When": None, "Words": None, "Group": None},
}  # fmt: skip


def kept(condition: str) -> str:
    query = parse_query(f"select * from Sim_Event where {condition}")
    predicate = compile_condition(query.condition, EVENT)
    return "".join(name for name, row in ROWS.items() if predicate(row))


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (r"Name = 'C:\\OPC\'s'", "a"),
        (r'Name = "c:\\opc\'s"', "a"),
        ("Name = 'WINRM'", "b"),
        ("name <> 'winrm'", "a"),
        ("Name != 'winrm'", "a"),
        ("Code = 10", "a"),
        ("Code='10'", "a"),
        ("Code = 0xFFFFFFFF", "b"),
        ("Code > 10", "b"),
        ("Code >= 10 AND Code <= 10", "a"),
        ("10 < Code", "b"),
        ("Enabled = TRUE", "a"),
        ("Enabled = false", "b"),
        ("Enabled = 1", "a"),
        ("Enabled = 'true'", "a"),
        ("Name IS NULL", "c"),
        ("Name is not null", "ab"),
        ("Name = NULL", "c"),
        ("Words IS NULL", "bc"),
        ("NOT Name = 'winrm'", "a"),
        ("NOT (Name = 'winrm' OR Code = 10)", ""),
        ("Name = 'winrm' OR Code = 10", "ab"),
        ("Name = 'x' OR Name = 'winrm' AND Code = 10", ""),
        ("(Name = 'x' OR Name = 'winrm') AND Code > 10", "b"),
        ("Name LIKE 'win%'", "b"),
        ("Name LIKE '%OPC_s'", "a"),
        ("Name LIKE 'w[h-j]nrm'", "b"),
        ("Name LIKE 'w[^h-j]nrm'", ""),
        ("Name LIKE 'WIN'", ""),
        ("Name LIKE 'c:[\\\\]%'", "a"),
        ("When >= '20260102000000.000000+000'", "b"),
        ("When = '20260102130000.000000+060'", "b"),
        ("When < '20260102000000.000000-120'", "a"),
        ("Group = \"Win32_Group.Domain='HOST',Name='Users'\"", "a"),
        ('Group = \'win32_group.NAME="users",Domain="host"\'', "a"),
        (r"""Group = '\\\\HOST\\root\\cimv2:Win32_Group.Domain="HOST",Name="Users"'""", "a"),
    ],
)
def test_a_condition_keeps_its_rows(condition: str, names: str) -> None:
    assert kept(condition) == names


def test_a_property_list_keeps_the_order_of_the_query() -> None:
    query = parse_query("  SELECT Name , code\n FROM Sim_Event ")
    assert (query.class_name, query.properties, query.condition) == ("Sim_Event", ("Name", "code"), None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select",
        "select * from",
        "select from Sim_Event",
        "select Name, from Sim_Event",
        "select * from Sim_Event where",
        "select * from Sim_Event where Name",
        "select * from Sim_Event where Name = ",
        "select * from Sim_Event where Name = 'x",
        "select * from Sim_Event where Name = 'it's'",
        "select * from Sim_Event where (Name = 'x'",
        "select * from Sim_Event where Name = 'x' order by Name",
        "select * from Sim_Event where Name LIKE 5",
        "select * from Sim_Event where Name IS 5",
        "select count(*) from Sim_Event",
        "select * from Sim_Event; drop",
        "associators of {Win32_Service.Name='x'}",
        "select * from Sim_Event where __CLASS ISA 'Sim_Event'",
    ],
)
def test_what_is_no_simulated_wql_is_refused(text: str) -> None:
    with pytest.raises(WqlError):
        parse_query(text)


@pytest.mark.parametrize(
    "condition",
    [
        "Nope = 1",
        "Code = 'ten'",
        "Code LIKE '1%'",
        "Words = 'x'",
        "Enabled = 2",
        "Enabled = 'yes'",
        "When = 'yesterday'",
        "When = '20261301000000.000000+000'",
        "Name = 5",
        "Name < NULL",
        "Group = 'Users'",
        "Group = 'Win32_Group.Domain=HOST Name=x'",
    ],
)
def test_what_does_not_fit_the_class_is_refused(condition: str) -> None:
    with pytest.raises(WqlError):
        kept(condition)


def test_object_paths_unescape_their_values() -> None:
    path = r'Win32_Directory.Name="c:\\apis \"x\"",Other="a:b.c"'
    assert parse_object_path(path) == CimReference("Win32_Directory", {"Name": 'c:\\apis "x"', "Other": "a:b.c"})
