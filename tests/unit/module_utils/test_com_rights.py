# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""COM rights by name and as masks."""

from __future__ import annotations

import pytest
from descriptor_strategies import kinds, rights
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import (
    ComKind,
    ComRight,
    effective_mask,
    format_rights_of,
    is_old_format,
    mask_to_rights,
    parse_rights,
    rights_of_kind,
    rights_to_mask,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ComSecurityError

# Boxes of dcomcnfg and the masks they make; 0x7, 0x3, 0xB and 0x1F are seen in shipped values, 0x1B in the WMI AppID.
ACCESS = [
    ("local_access", 0x3),
    ("remote_access", 0x5),
    ("local_access remote_access", 0x7),
]
LAUNCH = [
    ("local_launch", 0x3),
    ("remote_launch", 0x5),
    ("local_activation", 0x9),
    ("remote_activation", 0x11),
    ("local_launch remote_launch", 0x7),
    ("local_launch local_activation", 0xB),
    ("remote_launch remote_activation", 0x15),
    ("local_activation remote_activation", 0x19),
    ("local_launch local_activation remote_activation", 0x1B),
    ("local_launch remote_launch local_activation remote_activation", 0x1F),
]
TABLE = [(ComKind.ACCESS, *row) for row in ACCESS] + [(ComKind.LAUNCH, *row) for row in LAUNCH]


@pytest.mark.parametrize(("kind", "names", "mask"), TABLE)
def test_boxes_and_masks(kind: ComKind, names: str, mask: int) -> None:
    wanted = parse_rights(names.split(), kind)
    assert rights_to_mask(wanted, kind) == mask
    assert mask_to_rights(mask, kind) == wanted
    assert format_rights_of(wanted, kind) == ", ".join(names.split())


@pytest.mark.parametrize(
    ("mask", "kind", "effective"),
    [
        (0x1, ComKind.ACCESS, 0x6),
        (0x1, ComKind.LAUNCH, 0x1E),
        (0x6, ComKind.ACCESS, 0),
        (0x0, ComKind.LAUNCH, 0),
        (0x1F, ComKind.ACCESS, 0x6),
        (0x19, ComKind.ACCESS, 0),
        (0x10000000, ComKind.LAUNCH, 0),
        (0x20001, ComKind.LAUNCH, 0x1E),
        (0x20003, ComKind.LAUNCH, 0x2),
    ],
)
def test_what_a_mask_really_carries(mask: int, kind: ComKind, effective: int) -> None:
    assert effective_mask(mask, kind) == effective


def test_old_format_is_execute_alone() -> None:
    assert [mask for mask in range(0x20) if is_old_format(mask)] == [0x1]
    assert mask_to_rights(0x1, ComKind.LAUNCH) == frozenset(rights_of_kind(ComKind.LAUNCH))


@pytest.mark.parametrize("names", [["remote_launch"], ["local"], ["remote_access", "full"], ["REMOTE_ACCESS"]])
def test_names_of_the_other_kind_are_refused(names: list[str]) -> None:
    with pytest.raises(ComSecurityError, match="local_access, remote_access"):
        parse_rights(names, ComKind.ACCESS)


def test_a_launch_right_never_becomes_an_access_mask() -> None:
    with pytest.raises(ComSecurityError, match="remote_activation is not a right of access"):
        rights_to_mask([ComRight.REMOTE_ACCESS, ComRight.REMOTE_ACTIVATION], ComKind.ACCESS)


def test_no_right_is_refused() -> None:
    with pytest.raises(ComSecurityError, match="at least one right"):
        rights_to_mask([], ComKind.LAUNCH)


@given(kinds.flatmap(lambda kind: st.tuples(st.just(kind), rights(kind))))
def test_every_set_of_rights_survives(case: tuple[ComKind, frozenset[ComRight]]) -> None:
    kind, wanted = case
    mask = rights_to_mask(wanted, kind)
    assert mask & 0x1
    assert not is_old_format(mask)
    assert mask_to_rights(mask, kind) == wanted
