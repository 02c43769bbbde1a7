# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Well-known SIDs by name and back, domain RIDs, computed service SIDs."""

from __future__ import annotations

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._well_known import (
    DOMAIN_RIDS,
    SDDL_ALIAS_OF_SID,
    SID_OF_SDDL_ALIAS,
    WELL_KNOWN,
    service_name_of,
    service_sid,
    well_known_name,
    well_known_sid,
)


@pytest.mark.parametrize(
    ("name", "sid"),
    [
        ("Everyone", "S-1-1-0"),
        ("everyone", "S-1-1-0"),
        ("ANONYMOUS LOGON", "S-1-5-7"),
        ("NT AUTHORITY\\ANONYMOUS LOGON", "S-1-5-7"),
        ("Anonymous Logon", "S-1-5-7"),
        ("NT AUTHORITY\\SYSTEM", "S-1-5-18"),
        ("SYSTEM", "S-1-5-18"),
        ("LocalSystem", "S-1-5-18"),
        ("nt authority\\localservice", "S-1-5-19"),
        ("NetworkService", "S-1-5-20"),
        ("NT AUTHORITY\\NETWORK SERVICE", "S-1-5-20"),
        ("BUILTIN\\Administrators", "S-1-5-32-544"),
        ("administrators", "S-1-5-32-544"),
        ("Distributed COM Users", "S-1-5-32-562"),
        ("Performance Log Users", "S-1-5-32-559"),
        ("Authenticated Users", "S-1-5-11"),
        ("SELF", "S-1-5-10"),
        ("INTERACTIVE", "S-1-5-4"),
        ("NT SERVICE\\ALL SERVICES", "S-1-5-80-0"),
        (" Everyone ", "S-1-1-0"),
    ],
)
def test_names_give_their_sid(name: str, sid: str) -> None:
    assert well_known_sid(name) == Sid.from_string(sid)


@pytest.mark.parametrize(
    "name", ["Jeder", "Administrator", "BA", "PLANT\\Administrators", ".\\Users", "OPC Users", "", "BUILTIN\\Everyone"]
)
def test_other_names_are_not_well_known(name: str) -> None:
    assert well_known_sid(name) is None


def test_every_entry_is_found_by_the_name_it_prints() -> None:
    for entry in WELL_KNOWN:
        assert well_known_sid(entry.account_name) == entry.sid
        assert well_known_name(entry.sid) == entry.account_name
    assert well_known_name(Sid.from_string("S-1-5-21-1-2-3-4")) is None


def test_nothing_is_listed_twice() -> None:
    assert len({entry.sid for entry in WELL_KNOWN}) == len(WELL_KNOWN)
    names = [name.casefold() for entry in WELL_KNOWN for name in (entry.name, *entry.spellings)]
    assert len(set(names)) == len(names)
    aliases = [*SID_OF_SDDL_ALIAS, *(known.sddl_alias for known in DOMAIN_RIDS)]
    assert len(set(aliases)) == len(aliases)
    assert {SDDL_ALIAS_OF_SID[sid]: sid for sid in SDDL_ALIAS_OF_SID} == dict(SID_OF_SDDL_ALIAS)


@pytest.mark.parametrize(
    ("service", "sid"),
    [
        # MS-DTYP 2.4.2.4 gives these two.
        ("DPS", "S-1-5-80-2970612574-78537857-698502321-558674196-1451644582"),
        ("WdiServiceHost", "S-1-5-80-3139157870-2983391045-3678747466-658725712-1809340420"),
        # The trustee that guards Windows' own files and keys.
        ("TrustedInstaller", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"),
        ("OpcEnum", "S-1-5-80-3081828908-1329484022-655139181-1088425234-327503891"),
    ],
)
def test_service_sids_are_computed(service: str, sid: str) -> None:
    assert service_sid(service) == service_sid(service.lower()) == Sid.from_string(sid)


def test_a_letter_whose_upper_case_has_two_letters_is_not_doubled() -> None:
    assert service_sid("straße") != service_sid("strasse")
    assert service_sid("straße") == service_sid("STRAßE")


@pytest.mark.parametrize(
    ("name", "service"),
    [("NT SERVICE\\OpcEnum", "OpcEnum"), ("nt service\\x y", "x y"), ("OpcEnum", None), ("NT SERVICE\\", None)],
)
def test_service_accounts_are_told_by_their_domain(name: str, service: str | None) -> None:
    assert service_name_of(name) == service
