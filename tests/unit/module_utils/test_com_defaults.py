# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shipped COM permissions are the bytes of the vectors that were collected independently of them."""

from __future__ import annotations

import pytest
from oracles.vectors import vector

from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_defaults import (
    ACCESS_LIMIT_SERVER_2003_SP1,
    ACCESS_LIMIT_WINDOWS_7,
    ACCESS_LIMIT_WINDOWS_10,
    ACCESS_LIMIT_XP_SP2,
    DEFAULT_ACCESS,
    DEFAULT_LAUNCH,
    LAUNCH_LIMIT_WINDOWS_7,
    LAUNCH_LIMIT_WINDOWS_10,
    LAUNCH_LIMIT_XP_SP2,
    SHIPPED_DEFAULTS,
    Certainty,
    ComScope,
    ShippedDefault,
    shipped_default,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_security import require_valid

VECTOR_OF = [
    (ACCESS_LIMIT_WINDOWS_7, "ole_machine_access_restriction_win7_era"),
    (LAUNCH_LIMIT_WINDOWS_7, "ole_machine_launch_restriction_win7_era"),
    (ACCESS_LIMIT_WINDOWS_10, "ole_machine_access_restriction_win10"),
    (LAUNCH_LIMIT_WINDOWS_10, "ole_machine_launch_restriction_win10"),
    (ACCESS_LIMIT_XP_SP2, "machine_access_restriction_xp_sp2"),
    (LAUNCH_LIMIT_XP_SP2, "machine_launch_restriction_xp_sp2"),
    (ACCESS_LIMIT_SERVER_2003_SP1, "machine_access_restriction_2003_sp1_anonymous_remote"),
    (DEFAULT_LAUNCH, "ole_default_launch_permission_win7_era"),
    (DEFAULT_ACCESS, "effective_default_access_when_value_absent"),
]


@pytest.mark.parametrize(("shipped", "name"), VECTOR_OF, ids=[name for _shipped, name in VECTOR_OF])
def test_shipped_bytes(shipped: ShippedDefault, name: str) -> None:
    assert shipped.descriptor.to_bytes() == vector(name).data
    require_valid(shipped.descriptor, shipped.kind)
    assert shipped.source


def test_every_default_is_held_to_a_vector() -> None:
    assert {shipped.name for shipped, _name in VECTOR_OF} == {shipped.name for shipped in SHIPPED_DEFAULTS}


def test_only_the_default_access_permission_is_not_stored() -> None:
    assert [shipped for shipped in SHIPPED_DEFAULTS if not shipped.is_stored] == [DEFAULT_ACCESS]


def test_windows_10_limits_are_not_claimed_to_be_confirmed() -> None:
    for kind in ComKind:
        newer = shipped_default(ComScope.MACHINE_LIMIT, kind, windows_10_or_later=True)
        assert newer is not None
        assert newer.certainty is Certainty.REPORTED
        assert newer != shipped_default(ComScope.MACHINE_LIMIT, kind, windows_10_or_later=False)


def test_an_application_has_no_default_value() -> None:
    assert shipped_default(ComScope.APPLICATION, ComKind.LAUNCH, windows_10_or_later=True) is None
    assert shipped_default(ComScope.MACHINE_DEFAULT, ComKind.LAUNCH, windows_10_or_later=True) is DEFAULT_LAUNCH
