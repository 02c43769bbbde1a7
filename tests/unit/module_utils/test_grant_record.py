# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what was granted: what stands on a host, and what is refused rather than guessed at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_defaults import ComScope
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind, ComRight, rights_of_kind
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._grant_record import (
    PART_CHARACTERS,
    GrantPlace,
    GrantRecord,
    dump_record,
    is_record_part,
    load_record,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid

OPC_ENUM = "{13486D44-4821-11D2-A494-3CB306C10000}"
CLIENT = "{6C1F2E80-5D4B-4B7E-9E0A-41D05A6B7C01}"
LIMIT = GrantPlace(ComScope.MACHINE_LIMIT, ComKind.LAUNCH)
ENUM_ACCESS = GrantPlace(ComScope.APPLICATION, ComKind.ACCESS, OPC_ENUM)
ANN = Sid.from_string("S-1-5-21-1-2-3-1001")
BOB = Sid.from_string("S-1-5-21-1-2-3-1002")
RECORD = GrantRecord(
    {
        LIMIT: {ANN: frozenset({ComRight.REMOTE_ACTIVATION}), BOB: frozenset(rights_of_kind(ComKind.LAUNCH))},
        ENUM_ACCESS: {ANN: frozenset({ComRight.REMOTE_ACCESS})},
    },
    frozenset({ENUM_ACCESS}),
    {CLIENT: "OPC Client.exe"},
)
# What a host has; the masks are those of dcom.md 3.1 (RA 0x11, all launch rights 0x1F, remote access 0x5).
TEXT = (
    "otsec.opc_dcom grants 1 1",
    f"application {CLIENT} OPC Client.exe",
    f"place {OPC_ENUM} access",
    "place machine_limit launch",
    f"made {OPC_ENUM} access",
    "S-1-5-21-1-2-3-1001 0=5 1=11",
    "S-1-5-21-1-2-3-1002 1=1f",
)


def test_the_text_on_a_host() -> None:
    assert dump_record(RECORD) == {"Grants": RegistryValue.multi_string(*TEXT)}
    assert load_record({"grants": RegistryValue.multi_string(*TEXT)}) == RECORD


def test_nothing_granted_is_no_value() -> None:
    assert dump_record(GrantRecord()) == {}
    assert dump_record(GrantRecord({}, frozenset({LIMIT}))) == {}
    assert load_record({"Journal": RegistryValue.string("x")}) == GrantRecord()


@pytest.mark.parametrize(
    "value",
    [
        RegistryValue.string(TEXT[0]),
        RegistryValue.multi_string(),
        RegistryValue.multi_string("otsec.opc_dcom grants 2 1", *TEXT[1:]),
        RegistryValue.multi_string("otsec.opc_dcom grants 1 2", *TEXT[1:]),
        RegistryValue.multi_string("otsec.opc_dcom grants 1 x"),
        RegistryValue.multi_string(TEXT[0], "S-1-5-18 0=5"),
        RegistryValue.multi_string(*TEXT[:4], "S-1-5-18 0"),
        RegistryValue.multi_string(*TEXT[:4], "S-1-5-18 0=zz"),
        RegistryValue.multi_string(*TEXT[:4], "S-1-5-18 -1=5"),
        RegistryValue.multi_string(*TEXT[:4], "S-1-5-18 0_0=5"),
        RegistryValue.multi_string(*TEXT[:4], "S-1-5-18 00=5"),
        RegistryValue.multi_string(*TEXT[:4], "S-1-5-18 0=-5"),
        RegistryValue.multi_string(*TEXT[:4], "S-1-5-18 0=0x5"),
        RegistryValue.multi_string(*TEXT[:4], "S-1-5-18 0=5\n"),
        RegistryValue.multi_string(*TEXT[:4], "nobody 0=5"),
        RegistryValue.multi_string("otsec.opc_dcom grants 1 +1", *TEXT[1:]),
        RegistryValue.multi_string("otsec.opc_dcom grants 1 0", *TEXT[1:]),
        RegistryValue.multi_string("otsec.opc_dcom grants 1 \u0661", *TEXT[1:]),
        RegistryValue.multi_string(TEXT[0], "place application access"),
        RegistryValue.multi_string(TEXT[0], "place {nothing} access"),
        RegistryValue.multi_string(TEXT[0], "place machine_limit"),
        RegistryValue.multi_string(TEXT[0], "application"),
    ],
    ids=str,
)
def test_what_does_not_read_is_refused(value: RegistryValue) -> None:
    with pytest.raises(HostStateError, match="delete the value"):
        load_record({"Grants": value})


def test_a_large_record_has_several_parts() -> None:
    many = {Sid(5, (21, 1, 2, 3, rid)): frozenset({ComRight.REMOTE_ACTIVATION}) for rid in range(1000, 3500)}
    record = GrantRecord({LIMIT: many})
    values = dump_record(record)
    assert list(values) == ["Grants", "Grants.2", "Grants.3"]
    assert all(sum(map(len, value.data)) <= PART_CHARACTERS + 100 for value in values.values())
    assert all(map(is_record_part, values))
    assert load_record(values) == record
    del values["Grants.2"]
    with pytest.raises(HostStateError):
        load_record(values)


SIDS = st.builds(lambda rid: Sid(5, (21, 7, 8, 9, rid)), st.integers(1000, 1010))
PLACES = st.one_of(
    st.builds(
        GrantPlace, st.sampled_from([ComScope.MACHINE_LIMIT, ComScope.MACHINE_DEFAULT]), st.sampled_from(ComKind)
    ),
    st.builds(GrantPlace, st.just(ComScope.APPLICATION), st.sampled_from(ComKind), st.sampled_from([OPC_ENUM, CLIENT])),
)


@st.composite
def records(draw: st.DrawFn) -> GrantRecord:
    places = draw(st.sets(PLACES, max_size=6))
    grants = {
        place: draw(
            st.dictionaries(SIDS, st.frozensets(st.sampled_from(rights_of_kind(place.kind)), min_size=1), min_size=1)
        )
        for place in places
    }
    made = frozenset(draw(st.sets(st.sampled_from(sorted(places))))) if places else frozenset[GrantPlace]()
    programs = draw(st.dictionaries(st.sampled_from([OPC_ENUM, CLIENT]), st.sampled_from(["a.exe", "b c.exe"])))
    return GrantRecord(grants, made, programs)


@given(records())
def test_every_record_reads_back(record: GrantRecord) -> None:
    found = load_record(dump_record(record))
    assert found == (GrantRecord() if record.is_empty else record)


@pytest.mark.parametrize(
    ("name", "is_part"),
    [
        ("Grants", True),
        ("GRANTS", True),
        ("Grants.2", True),
        ("grants.17", True),
        ("Grants2", False),
        ("A", False),
        ("", False),
        ("Zebra", False),
        ("MyGrants.2", False),
    ],
)
def test_which_values_are_parts_of_a_record(name: str, is_part: bool) -> None:
    assert is_record_part(name) is is_part
