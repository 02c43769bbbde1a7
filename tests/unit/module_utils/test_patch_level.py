# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._patch_level import (
    FLOORS,
    Phase,
    phase_of,
    phase_of_file,
    raises_activation,
    requires_integrity,
)

# Microsoft's update history: (build, revision of that update, KB number, what the update brought), and the fixed-in
# builds of CVE-2021-26414 for the last phase.
PUBLISHED = [
    (10240, 18967, "KB5003687", Phase.AVAILABLE),
    (10240, 19325, "KB5014710", Phase.ON_BY_DEFAULT),
    (10240, 19567, "KB5019970", Phase.CLIENTS_RAISED),
    (10240, 19805, "KB5023713", Phase.ENFORCED),
    (14393, 4467, "KB5003638", Phase.AVAILABLE),
    (14393, 5192, "KB5014702", Phase.ON_BY_DEFAULT),
    (14393, 5501, "KB5019964", Phase.CLIENTS_RAISED),
    (14393, 5786, "KB5023697", Phase.ENFORCED),
    (17763, 1999, "KB5003646", Phase.AVAILABLE),
    (17763, 3046, "KB5014692", Phase.ON_BY_DEFAULT),
    (17763, 3650, "KB5019966", Phase.CLIENTS_RAISED),
    (17763, 4131, "KB5023702", Phase.ENFORCED),
    (18363, 1621, "KB5003635", Phase.AVAILABLE),
    (19041, 1052, "KB5003637", Phase.AVAILABLE),
    (19042, 1052, "KB5003637", Phase.AVAILABLE),
    (19042, 1766, "KB5014699", Phase.ON_BY_DEFAULT),
    (19042, 2251, "KB5019959", Phase.CLIENTS_RAISED),
    (19042, 2728, "KB5023696", Phase.ENFORCED),
    (19043, 1052, "KB5003637", Phase.AVAILABLE),
    (19043, 1766, "KB5014699", Phase.ON_BY_DEFAULT),
    (19043, 2251, "KB5019959", Phase.CLIENTS_RAISED),
    (19044, 1766, "KB5014699", Phase.ON_BY_DEFAULT),
    (19044, 2251, "KB5019959", Phase.CLIENTS_RAISED),
    (19044, 2728, "KB5023696", Phase.ENFORCED),
    (19045, 2251, "KB5019959", Phase.CLIENTS_RAISED),
    (19045, 2728, "KB5023696", Phase.ENFORCED),
    (20348, 768, "KB5014678", Phase.ON_BY_DEFAULT),
    (20348, 1249, "KB5019081", Phase.CLIENTS_RAISED),
    (20348, 1607, "KB5023705", Phase.ENFORCED),
    (22000, 739, "KB5014697", Phase.ON_BY_DEFAULT),
    (22000, 1219, "KB5019961", Phase.CLIENTS_RAISED),
    (22000, 1696, "KB5023698", Phase.ENFORCED),
    (22621, 819, "KB5019980", Phase.CLIENTS_RAISED),
    (22621, 1413, "KB5023706", Phase.ENFORCED),
]
# Revisions of rpcss.dll in the CVE records of the same days.
PUBLISHED_FILES = [
    (7601, 25632, Phase.AVAILABLE),
    (7601, 25984, Phase.ON_BY_DEFAULT),
    (7601, 26221, Phase.CLIENTS_RAISED),
    (7601, 26415, Phase.ENFORCED),
    (9200, 23372, Phase.AVAILABLE),
    (9200, 23736, Phase.ON_BY_DEFAULT),
    (9200, 23968, Phase.CLIENTS_RAISED),
    (9200, 24168, Phase.ENFORCED),
    (9600, 20045, Phase.AVAILABLE),
    (9600, 20402, Phase.ON_BY_DEFAULT),
    (9600, 20671, Phase.CLIENTS_RAISED),
    (9600, 20865, Phase.ENFORCED),
    (6003, 21137, Phase.AVAILABLE),
    (6003, 21768, Phase.CLIENTS_RAISED),
    (6003, 21966, Phase.ENFORCED),
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


@pytest.mark.parametrize(("build", "revision", "phase"), PUBLISHED_FILES, ids=str)
def test_a_file_tells_the_phase_where_the_revision_does_not(build: int, revision: int, phase: Phase) -> None:
    assert phase_of_file(build, f"6.1.{build}.{revision}") is phase
    before = phase_of_file(build, f"6.1.{build}.{revision - 1}")
    assert before is not None
    assert before < phase


@pytest.mark.parametrize(
    ("build", "version"),
    [
        (7601, None), (7601, ""), (7601, "6.1.7601"), (7601, "6.1.7601.26415 (win7sp1)"), (7601, "6.1.9600.26415"),
        (7601, "123456.1.7601.26415"), (17763, "10.0.17763.4131"),
    ],
)  # fmt: skip
def test_a_file_of_another_build_or_form_tells_nothing(build: int, version: str | None) -> None:
    assert phase_of_file(build, version) is None


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
