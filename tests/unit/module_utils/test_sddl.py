# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SDDL: golden vectors both ways, what Windows prints, exact error positions, nothing lost in silence."""

from __future__ import annotations

import uuid

import pytest
from descriptor_strategies import descriptors
from hypothesis import given
from hypothesis import strategies as st
from oracles.vectors import VECTORS, Vector

from ansible_collections.otsec.opc_dcom.plugins.module_utils._access_mask import AccessMask
from ansible_collections.otsec.opc_dcom.plugins.module_utils._ace import Ace, AnyAce, ObjectAce, OpaqueAce
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import SddlSyntaxError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import (
    AliasDomains,
    SddlUnrepresentableError,
    format_rights,
    from_sddl,
    to_sddl,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    Acl,
    AclState,
    SecurityDescriptor,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid

EVERYONE = Sid.from_string("S-1-1-0")
DOMAIN = Sid.from_string("S-1-5-21-10-20-30")
DOMAINS = AliasDomains(
    machine=Sid.from_string("S-1-5-21-1-1-1"), domain=DOMAIN, forest=Sid.from_string("S-1-5-21-2-2-2")
)


@pytest.mark.parametrize("item", VECTORS, ids=lambda item: item.name)
def test_vectors_both_ways(item: Vector) -> None:
    descriptor = SecurityDescriptor.from_bytes(item.data)
    assert same_meaning(from_sddl(item.sddl), descriptor)
    printed = to_sddl(descriptor)
    assert same_meaning(from_sddl(printed), descriptor)
    # Two are written with hexadecimal masks in Microsoft's documentation.
    assert printed == item.sddl.replace("0x3", "CCDC").replace("0xb", "CCDCSW")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        # Right as a real Windows gives left back; recorded in Samba's SDDL tests.
        ("D:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)", "D:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;SY)"),
        ("D:(A;;RPLCLORC;;;AU)", "D:(A;;LCRPLORC;;;AU)"),
        ("S:D:P", "D:PS:"),
        ("S:D:", "D:S:"),
        ("D:(A;;123456789;;;WD)", "D:(A;;0x75bcd15;;;WD)"),
        ("D:(A;;01234567;;;WD)", "D:(A;;0x53977;;;WD)"),
        ("D:(A;;16;;;WD)", "D:(A;;RP;;;WD)"),
        ("D:(A;;0;;;WD)", "D:(A;;;;;WD)"),
        ("D:(A;;010;;;WD)", "D:(A;;SW;;;WD)"),
        ("D:(A;;17;;;WD)", "D:(A;;CCRP;;;WD)"),
        ("D:(A;;0xff;;;WD)", "D:(A;;CCDCLCSWRPWPDTLO;;;WD)"),
        ("D:(A;;0xf01ff;;;WD)", "D:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;WD)"),
        ("D:(A;;0xe00f0000;;;WD)", "D:(A;;SDRCWDWOGXGWGR;;;WD)"),
        ("D:(A;;0x001f01ff;;;WD)", "D:(A;;FA;;;WD)"),
        ("D:(A;;0x001200a9;;;WD)", "D:(A;;0x1200a9;;;WD)"),
        ("D:(A;;0x401200a0;;;WD)", "D:(A;;0x401200a0;;;WD)"),
        ("D:(A;;;;;WD)", "D:(A;;;;;WD)"),
        ("D:ARPAI(A;;GA;;;SY)", "D:PARAI(A;;GA;;;SY)"),
        ("D:PPPPPPPPPPPP(A;;GA;;;SY)", "D:P(A;;GA;;;SY)"),
        ("O:S-1-2-0x200D:", "O:S-1-2-512D:"),
        ("O:S-1-2-0x2D:(A;;GA;;;SY)", "O:S-1-2-2D:(A;;GA;;;SY)"),
        ("O:S-1-5-21-1-2-3-512G:S-1-5-21-1-2-3-512D:P", "O:S-1-5-21-1-2-3-512G:S-1-5-21-1-2-3-512D:P"),
        ("D:AI(A;CI;RP LCLO  RC;;;AU)", "D:AI(A;CI;LCRPLORC;;;AU)"),
        ("D:(A;; GA;;;SY)", "D:(A;;GA;;;SY)"),
        ("D: (A;;GA;;;SY)", "D:(A;;GA;;;SY)"),
        ("D: AI (A;;GA;;;SY) (A;;GX;;;AA)", "D:AI(A;;GA;;;SY)(A;;GX;;;AA)"),
        ("D:(a;;ga;;;sy)", "D:(A;;GA;;;SY)"),
        ("D:(A; ;GA; ; ; SY )", "D:(A;;GA;;;SY)"),
        ("D:(A;;GA;;; S-1-3-4)", "D:(A;;GA;;;OW)"),
        ("  O:AA G:WD ", "O:AAG:WD"),
        ("D: S:", "D:S:"),
        ("S:(AU;SA;CR;;;WD)(AU;SA;CR;;;WD)", "S:(AU;SA;CR;;;WD)(AU;SA;CR;;;WD)"),
        (
            "S:AI(OU;CIIDSA;WP;f30e3bbe-9ff0-11d1-b603-0000f80367c1;BF967AA5-0de6-11d0-a285-00aa003049e2;WD)",
            "S:AI(OU;CIIDSA;WP;f30e3bbe-9ff0-11d1-b603-0000f80367c1;bf967aa5-0de6-11d0-a285-00aa003049e2;WD)",
        ),
        # Win32 "ACE Strings": its example, and an object ACE without a GUID is a plain one.
        ("D:(A;;RPWPCCDCLCSWRCWDWOGA;;;S-1-1-0)", "D:(A;;CCDCLCSWRPWPRCWDWOGA;;;WD)"),
        ("D:(OA;;CC;;;WD)", "D:(A;;CC;;;WD)"),
        ("D:(OD;;CC;;;WD)", "D:(OD;;CC;;;WD)"),
        (
            "D:(OA;;CC;;bf967aba-0de6-11d0-a285-00aa003049e2;WD)(OA;;CC;bf967aba-0de6-11d0-a285-00aa003049e2;;WD)",
            "D:(OA;;CC;;bf967aba-0de6-11d0-a285-00aa003049e2;WD)(OA;;CC;bf967aba-0de6-11d0-a285-00aa003049e2;;WD)",
        ),
        # MS-DTYP 2.5.1.4 and the NULL DACL of Win32 "Security Descriptor String Format".
        ("D:P(A;CIOI;GRGX;;;BU)", "D:P(A;OICI;GXGR;;;BU)"),
        ("D:PNO_ACCESS_CONTROL", "D:PNO_ACCESS_CONTROL"),
        ("D:NO_ACCESS_CONTROLAI", "D:AINO_ACCESS_CONTROL"),
        ("S:NO_ACCESS_CONTROL", "S:NO_ACCESS_CONTROL"),
        ("S:(ML;;NRNWNX;;;HI)", "S:(ML;;NWNRNX;;;HI)"),
        ("S:(ML;;0x8;;;HI)", "S:(ML;;0x8;;;HI)"),
        ("", ""),
    ],
)
def test_printed_as_windows_prints(text: str, printed: str) -> None:
    assert to_sddl(from_sddl(text)) == printed
    assert to_sddl(from_sddl(printed)) == printed


@pytest.mark.parametrize(
    ("alias", "mask"),
    [
        ("FA", 0x1F01FF),
        ("FR", 0x120089),
        ("FW", 0x120116),
        ("FX", 0x1200A0),
        ("KA", 0xF003F),
        ("KR", 0x20019),
        ("KW", 0x20006),
        ("KX", 0x20019),
    ],
)
def test_named_sets_of_rights(alias: str, mask: int) -> None:
    descriptor = from_sddl(f"D:(A;;{alias};;;WD)")
    assert descriptor.dacl == Acl((Ace(0, 0, mask, EVERYONE),))
    assert format_rights(mask) == ("KR" if alias == "KX" else alias)


@pytest.mark.parametrize(
    ("letters", "mask"),
    [
        # Win32 "ACE Strings" and the masks Samba and Wine give.
        *(("CC", 0x1), ("DC", 0x2), ("LC", 0x4), ("SW", 0x8), ("RP", 0x10), ("WP", 0x20), ("DT", 0x40), ("LO", 0x80)),
        *(("CR", 0x100), ("SD", 0x10000), ("RC", 0x20000), ("WD", 0x40000), ("WO", 0x80000)),
        *(("GA", 0x10000000), ("GX", 0x20000000), ("GW", 0x40000000), ("GR", 0x80000000)),
    ],
)
def test_letters_of_single_rights(letters: str, mask: int) -> None:
    assert from_sddl(f"D:(A;;{letters};;;WD)").dacl == Acl((Ace(0, 0, mask, EVERYONE),))
    assert format_rights(mask) == letters


@pytest.mark.parametrize(("letters", "mask"), [("NW", 0x1), ("NR", 0x2), ("NX", 0x4)])
def test_letters_of_label_policies(letters: str, mask: int) -> None:
    descriptor = from_sddl(f"S:(ML;;{letters};;;LW)")
    assert descriptor.sacl == Acl((Ace(0x11, 0, mask, Sid.from_string("S-1-16-4096")),))
    assert to_sddl(descriptor) == f"S:(ML;;{letters};;;LW)"


def test_com_rights_have_these_letters() -> None:
    com = ("EXECUTE", "EXECUTE_LOCAL", "EXECUTE_REMOTE", "ACTIVATE_LOCAL", "ACTIVATE_REMOTE")
    assert [format_rights(AccessMask[name].value) for name in com] == ["CC", "DC", "LC", "SW", "RP"]
    assert format_rights(0x1F) == "CCDCLCSWRP"


@pytest.mark.parametrize(
    ("text", "offset", "length"),
    [
        ("Z:(A;;GA;;;SY)", 0, 1),
        ("d:(A;;GA;;;SY)", 0, 1),
        ("D :S:", 0, 1),
        ("D:P:S:", 3, 1),
        ("D:D:", 2, 2),
        ("O:BAO:BA", 4, 2),
        ("O:", 2, 0),
        ("O:X", 2, 1),
        ("O:XX", 2, 2),
        ("O:S-", 2, 2),
        ("O:S-1-", 2, 2),
        ("O:S-2-5-18", 2, 2),
        ("O:S-1-5-4294967296", 2, 16),
        ("D:(A;;GA;;;SY", 2, 11),
        ("D:((A;;GA;;;SY))", 3, 2),
        ("D:(Antlers;;GA;;;SY)", 3, 7),
        ("D:(;;GA;;;SY)", 3, 0),
        ("D:(A;;GA;;)", 2, 9),
        ("D:(A;;GA;;;SY;)", 2, 13),
        ("D:(A;XX;GA;;;SY)", 5, 2),
        ("D:(A;OICIX;GA;;;SY)", 9, 1),
        ("D:(A;;GA ;;;SY)", 8, 1),
        ("D:(A;;CROOO;;;SY)", 8, 2),
        ("D:(A;;RP LCLOR C;;;AU)", 13, 2),
        ("D:(A;;LC\tLO;;;AU)", 8, 2),
        ("D:(A;;0x75bcd15\t;;;SY)", 6, 2),
        ("D:(A;;0x 7;;;SY)", 6, 2),
        ("D:(A;;0x123456789;;;SY)", 6, 11),
        ("D:(A;;100000000000;;;SY)", 6, 12),
        ("D:(A;;-99;;;SY)", 6, 2),
        ("D:(A;;089;;;SY)", 6, 3),
        ("D:(A;;08;;;SY)", 6, 2),
        ("D:(A;;GA;f30e3bbf-9ff0-11d1-b603-0000f80367c1;;SY)", 9, 36),
        ("D:(OA;;GA;;potato;SY)", 11, 6),
        ("D:(OA;;GA;{f30e3bbf-9ff0-11d1-b603-0000f80367c1};;SY)", 10, 38),
        ("D:(OA;;GA; f30e3bbf-9ff0-11d1-b603-0000f80367c1;;SY)", 10, 37),
        ("D:(A;;GA;;;)", 11, 0),
        ("D:(A;;GA;;;SYX)", 13, 1),
        ("D:(A;;GA;;;S-1-3-4 )", 18, 1),
        ("D:(A;;GA;;;S-1-5-018)", 18, 2),
        ("D:NO_ACCESS_CONTROL(A;;GA;;;SY)", 19, 1),
        ("D:(Ā;;GA;;;SY)", 3, 1),
        ("D:(AU;SA;CC;;;WD)", 3, 2),
        ("S:(A;;CCDCLC;;;WD)", 3, 1),
        ('D:(XA;;FA;;;WD;(Title=="VP"))', 3, 2),
        ('S:(RA;CI;;;;S-1-1-0;("Project",TS,0,"Windows"))', 3, 2),
        ("D:(A;;GA;;;SY) junk", 15, 1),
    ],
)
def test_refusals_name_the_place(text: str, offset: int, length: int) -> None:
    with pytest.raises(SddlSyntaxError) as caught:
        from_sddl(text)
    error = caught.value
    assert (error.text, error.offset, error.length) == (text, offset, length)
    assert error.expected


def test_aliases_of_a_machine_domain_or_forest_need_one() -> None:
    descriptor = from_sddl("O:LAG:DAD:(A;;CC;;;EA)(A;;CC;;;DC)", DOMAINS)
    assert (str(descriptor.owner), str(descriptor.group)) == ("S-1-5-21-1-1-1-500", "S-1-5-21-10-20-30-512")
    assert to_sddl(descriptor).endswith("D:(A;;CC;;;S-1-5-21-2-2-2-519)(A;;CC;;;S-1-5-21-10-20-30-515)")
    for text in ("O:LA", "O:DA", "O:EA"):
        with pytest.raises(SddlSyntaxError) as caught:
            from_sddl(text)
        assert (caught.value.offset, caught.value.length) == (2, 2)


def test_the_same_letters_mean_what_their_place_says() -> None:
    descriptor = from_sddl("D:(A;SA;WDDC;;;WD)(A;;RC;;;RC)(A;;DC;;;DC)", DOMAINS)
    computers = DOMAIN.with_rid(515)
    assert descriptor.dacl == Acl(
        (Ace(0, 0x40, 0x40002, EVERYONE), Ace(0, 0, 0x20000, Sid(5, (12,))), Ace(0, 0, 0x2, computers))
    )


def test_flags_of_each_acl_go_to_their_own_bits() -> None:
    assert from_sddl("D:PARAIS:").control == 0x8014 | 0x1500
    assert from_sddl("D:S:PARAI").control == 0x8014 | 0x2A00


def test_absent_null_and_empty_differ_in_text() -> None:
    assert from_sddl("O:BA").dacl_state is AclState.ABSENT
    assert from_sddl("D:NO_ACCESS_CONTROL").dacl_state is AclState.NULL
    assert from_sddl("D:").dacl_state is AclState.EMPTY


@pytest.mark.parametrize(
    "ace",
    [
        OpaqueAce(0x7E, 0, b"\x01\x02\x03\x04"),
        Ace(9, 0, 7, EVERYONE, b"artx"),
        Ace(0x12, 0, 7, EVERYONE, b"claim..."),
        Ace(0x13, 0, 0, EVERYONE),
        Ace(2, 0x40, 1, EVERYONE),
        Ace(0, 0x20, 1, EVERYONE),
        ObjectAce(5, 0, 1, EVERYONE),
        ObjectAce(6, 0, 1, EVERYONE, uuid.UUID(int=1), extra_object_flags=4),
    ],
)
def test_what_sddl_cannot_say_is_refused_not_dropped(ace: AnyAce) -> None:
    with pytest.raises(SddlUnrepresentableError) as caught:
        to_sddl(SecurityDescriptor(dacl=Acl((Ace(0, 0, 1, EVERYONE), ace))))
    assert caught.value.ace_index == 1


def test_an_allow_ace_in_the_sacl_is_refused_both_ways() -> None:
    with pytest.raises(SddlUnrepresentableError):
        to_sddl(SecurityDescriptor(sacl=Acl((Ace(0, 0, 1, EVERYONE),))))


@given(descriptors)
def test_text_gives_back_the_meaning_or_is_refused(descriptor: SecurityDescriptor) -> None:
    try:
        text = to_sddl(descriptor)
    except SddlUnrepresentableError:
        return
    assert same_meaning(from_sddl(text), descriptor)
    assert to_sddl(from_sddl(text)) == text


@given(st.text(alphabet="OGDS:PARI()AUML;CWBX-0123456789 xf", max_size=60))
def test_any_text_parses_or_raises_our_error(text: str) -> None:
    try:
        from_sddl(text)
    except SddlSyntaxError as error:
        assert 0 <= error.offset <= len(text)
        assert 0 <= error.length <= len(text) - error.offset


@pytest.mark.parametrize("item", VECTORS, ids=lambda item: item.name)
def test_truncated_texts_parse_or_raise_our_error(item: Vector) -> None:
    for end in range(len(item.sddl)):
        try:
            from_sddl(item.sddl[:end])
        except SddlSyntaxError as error:
            assert 0 <= error.offset <= end
