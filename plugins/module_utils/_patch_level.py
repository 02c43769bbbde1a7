# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""How far KB5004442 has come on a host: from its build and revision (UBR) alone, and from the two registry values.

Windows 10 and later are serviced cumulatively, so a revision at or above a floor contains that update. Older systems
(7601, 9200, 9600, 6003) do not keep a reliable UBR: by it their phase is unknown, never guessed. The version of their
rpcss.dll tells more (`phase_of_file`), which is an estimate: that this file carries the number Microsoft gives for the
update was not seen on a host. Source of the floors: Microsoft's update history and CVE records as collected in dcom.md
7; the dates and defaults are KB5004442's.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


class Phase(enum.IntEnum):
    """What an update of KB5004442 brought. Each contains the ones before it."""

    NOT_PATCHED = 0  # before June 8 2021
    AVAILABLE = 1  # June 8 2021: off by default on servers, the default activation level of clients is raised
    ON_BY_DEFAULT = 2  # June 14 2022: a value can still turn it off
    CLIENTS_RAISED = 3  # November 8 2022: clients raise every activation that is not anonymous
    ENFORCED = 4  # March 14 2023: cannot be turned off


@dataclass(frozen=True, slots=True)
class Floors:
    """Lowest revision of a build that contains each update; None where no revision of the build lacks or has it."""

    available: int | None
    on_by_default: int | None
    clients_raised: int | None
    enforced: int | None


_BORN = 0  # the first release of the build came after this update

FLOORS: Mapping[int, Floors] = MappingProxyType(
    {
        10240: Floors(18967, 19325, 19567, 19805),
        14393: Floors(4467, 5192, 5501, 5786),
        17763: Floors(1999, 3046, 3650, 4131),
        18363: Floors(1621, 2344, None, None),
        19041: Floors(1052, None, None, None),
        19042: Floors(1052, 1766, 2251, 2728),
        19043: Floors(1052, 1766, 2251, None),
        19044: Floors(_BORN, 1766, 2251, 2728),
        19045: Floors(_BORN, _BORN, 2251, 2728),
        20348: Floors(_BORN, 768, 1249, 1607),
        22000: Floors(_BORN, 739, 1219, 1696),
        22621: Floors(_BORN, _BORN, 819, 1413),
        # Released after the last phase; that they contain all of it is an inference.
        22631: Floors(_BORN, _BORN, _BORN, _BORN),
        25398: Floors(_BORN, _BORN, _BORN, _BORN),
        26100: Floors(_BORN, _BORN, _BORN, _BORN),
        26200: Floors(_BORN, _BORN, _BORN, _BORN),
    }
)
# Revisions of files, from the CVE records; where one was not found the phase below it is what is certain.
FILE_FLOORS: Mapping[int, Floors] = MappingProxyType(
    {
        6003: Floors(21137, None, 21768, 21966),
        7601: Floors(25632, 25984, 26221, 26415),
        9200: Floors(23372, 23736, 23968, 24168),
        9600: Floors(20045, 20402, 20671, 20865),
    }
)
UNRELIABLE_REVISIONS = frozenset(FILE_FLOORS)
# Four parts of 16 bits.
_FILE_VERSION = re.compile(r"[0-9]{1,5}\.[0-9]{1,5}\.(?P<build>[0-9]{1,5})\.(?P<revision>[0-9]{1,5})")


def phase_of(build: int, revision: int | None) -> Phase | None:
    """The phase of a host; None when build and revision do not tell. Builds after 26200 contain all of it."""
    if build in UNRELIABLE_REVISIONS or build < min(FLOORS):
        return None
    if build > max(FLOORS):
        return Phase.ENFORCED
    floors = FLOORS.get(build)
    return None if floors is None or revision is None else _reached(floors, revision)


def phase_of_file(build: int, file_version: str | None) -> Phase | None:
    """The phase that the version of rpcss.dll (``6.1.7601.26415``) tells on a system without a reliable revision."""
    found = _FILE_VERSION.fullmatch(file_version or "")
    floors = FILE_FLOORS.get(build)
    if floors is None or found is None or int(found["build"]) != build:
        return None
    return _reached(floors, int(found["revision"]))


def _reached(floors: Floors, revision: int) -> Phase:
    reached = Phase.NOT_PATCHED
    steps = (floors.available, floors.on_by_default, floors.clients_raised, floors.enforced)
    for phase, floor in zip(list(Phase)[1:], steps, strict=True):
        if floor is not None and revision >= floor:
            reached = phase
    return reached


def requires_integrity(phase: Phase | None, value: int | None) -> bool | None:
    """Whether a server of this phase refuses authenticated activation below Packet Integrity.

    `value` is RequireIntegrityActivationAuthenticationLevel as data, None when absent. None: it is not known.
    """
    if phase is None:
        return None
    if phase is Phase.ENFORCED:
        return True
    if phase is Phase.NOT_PATCHED:
        return False
    default = phase >= Phase.ON_BY_DEFAULT
    return default if value is None else value != 0


def raises_activation(phase: Phase | None, value: int | None) -> str | None:
    """What a client of this phase raises: "nothing", "default_level_only" or "all_requests"; None: it is not known.

    `value` is RaiseActivationAuthenticationLevel as data, None when absent; other data than 1 and 2 are not documented.
    """
    if phase is None or (value is not None and value not in (1, 2)):
        return None
    if phase is Phase.NOT_PATCHED:
        return "nothing"
    effective = value if value is not None else (2 if phase >= Phase.CLIENTS_RAISED else 1)
    return "all_requests" if effective == 2 else "default_level_only"
