# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._patch_level import (
    FLOORS,
    Phase,
    phase_of,
    raises_activation,
    requires_integrity,
)

# Microsoft's update history: (build, revision of that update, KB number, what the update brought), and the fixed-in
# builds of CVE-2021-26414 for the last phase.
PUBLISHED = [
    (17763, 1999, "KB5003646", Phase.AVAILABLE),
    (17763, 3046, "KB5014692", Phase.ON_BY_DEFAULT),
    (17763, 3650, "KB5019966", Phase.CLIENTS_RAISED),
    (17763, 4131, "KB5023702", Phase.ENFORCED),
    (14393, 5786, "KB5023697", Phase.ENFORCED),
    (19044, 2728, "KB5023696", Phase.ENFORCED),
    (20348, 768, "KB5014678", Phase.ON_BY_DEFAULT),
    (20348, 1607, "KB5023705", Phase.ENFORCED),
    (22000, 1696, "KB5023698", Phase.ENFORCED),
    (22621, 1413, "KB5023706", Phase.ENFORCED),
    (10240, 18967, "KB5003687", Phase.AVAILABLE),
    (18363, 1621, "KB5003635", Phase.AVAILABLE),
]


@pytest.mark.parametrize(("build", "revision", "kb", "phase"), PUBLISHED, ids=str)
def test_an_update_brings_its_phase_and_the_revision_before_it_does_not(
    build: int, revision: int, kb: str, phase: Phase
) -> None:
    assert kb.startswith("KB50")
    assert phase_of(build, revision) is phase
    before = phase_of(build, revision - 1)
    assert before is not None
    assert before < phase


@pytest.mark.parametrize("build", [6003, 7601, 9200, 9600, 3790])
def test_where_the_revision_is_not_reliable_the_phase_is_unknown(build: int) -> None:
    assert phase_of(build, 99999) is None


def test_a_missing_revision_or_an_unlisted_build_is_unknown() -> None:
    assert phase_of(17763, None) is None
    assert phase_of(15063, 5000) is None


def test_later_builds_contain_everything() -> None:
    assert phase_of(28000, 1) is Phase.ENFORCED
    assert phase_of(26100, 1) is Phase.ENFORCED


@pytest.mark.parametrize("build", sorted(FLOORS))
def test_floors_rise(build: int) -> None:
    floors = FLOORS[build]
    known = [
        floor for floor in (floors.available, floors.on_by_default, floors.clients_raised, floors.enforced) if floor
    ]
    assert known == sorted(known)


@pytest.mark.parametrize(
    ("phase", "value", "expected"),
    [
        (Phase.NOT_PATCHED, 1, False),
        (Phase.AVAILABLE, None, False),
        (Phase.AVAILABLE, 1, True),
        (Phase.ON_BY_DEFAULT, None, True),
        (Phase.ON_BY_DEFAULT, 0, False),
        (Phase.CLIENTS_RAISED, 0, False),
        (Phase.ENFORCED, 0, True),  # ignored since March 14 2023
        (Phase.ENFORCED, None, True),  # a missing value is secure on a patched host
        (None, 1, None),
    ],
)
def test_the_server_side(phase: Phase | None, value: int | None, expected: bool | None) -> None:
    assert requires_integrity(phase, value) is expected


@pytest.mark.parametrize(
    ("phase", "value", "expected"),
    [
        (Phase.NOT_PATCHED, 2, "nothing"),
        (Phase.AVAILABLE, None, "default_level_only"),
        (Phase.AVAILABLE, 2, "all_requests"),
        (Phase.CLIENTS_RAISED, None, "all_requests"),
        (Phase.ENFORCED, None, "all_requests"),
        (Phase.ENFORCED, 1, "default_level_only"),
        (Phase.ENFORCED, 0, None),  # not described by Microsoft
        (None, None, None),
    ],
)
def test_the_client_side(phase: Phase | None, value: int | None, expected: str | None) -> None:
    assert raises_activation(phase, value) == expected
