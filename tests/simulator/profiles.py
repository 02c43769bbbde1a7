# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows versions a host can be, as data, and the phase of KB5004442 that follows from a revision.

Source: dcom.md 7 (builds, revisions, phases) and 5.2 (schema of firewall rules), wsman_cim.md 1.5 and 2 (stack).
Revisions are those of January 2024 where the version was supported then; `with_revision` plays an older patch level.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class HardeningPhase(enum.IntEnum):
    """What a server makes of activations below packet integrity (dcom.md 1.3)."""

    NONE = 0
    OFF_BY_DEFAULT = 1
    ON_BY_DEFAULT = 2
    ENFORCED = 3


@dataclass(frozen=True, slots=True)
class Hardening:
    """`default_raise` is what an absent RaiseActivationAuthenticationLevel means: 0 nothing, 1 default only, 2 all."""

    phase: HardeningPhase
    default_raise: int


# build: revisions that brought phase 1, phase 2, the client raise of November 2022, phase 3; None: never.
_FLOORS: dict[int, tuple[int | None, int | None, int | None, int | None]] = {
    6003: (21137, None, 21768, 21966),
    7601: (25632, 25984, 26221, 26415),
    9200: (23372, 23736, 23968, 24168),
    9600: (20045, 20402, 20671, 20865),
    10240: (18967, 19325, 19567, 19805),
    14393: (4467, 5192, 5501, 5786),
    17763: (1999, 3046, 3650, 4131),
    18363: (1621, 2344, None, None),
    19041: (1052, None, None, None),
    19042: (1052, 1766, 2251, 2728),
    19043: (1052, 1766, 2251, None),
    19044: (0, 1766, 2251, 2728),
    19045: (0, 0, 2251, 2728),
    20348: (0, 768, 1249, 1607),
    22000: (0, 739, 1219, 1696),
    22621: (0, 0, 819, 1413),
}
_ALL_PHASES = (0, 0, 0, 0)  # 22631, 25398, 26100 and later: released after phase 3 (inference, dcom.md 7)


def hardening(build: int, revision: int) -> Hardening:
    """The KB5004442 behaviour of a build at a revision."""
    first, second, raised, third = _FLOORS.get(build, _ALL_PHASES)
    reached = [floor is not None and revision >= floor for floor in (first, second, third)]
    phase = max((index + 1 for index, is_reached in enumerate(reached) if is_reached), default=0)
    default_raise = 2 if raised is not None and revision >= raised else int(phase > 0)
    return Hardening(HardeningPhase(phase), default_raise)


@dataclass(frozen=True, slots=True)
class Profile:
    """One Windows version. `revision` is that of its system files; `has_ubr` says whether the registry shows it."""

    key: str
    product_name: str
    caption: str
    version: tuple[int, int]
    build: int
    revision: int
    product_type: int  # Win32_OperatingSystem.ProductType: 1 client, 3 server
    edition_id: str
    sku: int
    firewall_schema: tuple[int, int]
    stack_version: str = "3.0"
    service_pack: int = 0
    release_id: str | None = None
    display_version: str | None = None
    powershell: str | None = "5.1"
    has_ubr: bool = True

    @property
    def is_server(self) -> bool:
        return self.product_type != 1

    @property
    def version_text(self) -> str:
        """Such as 10.0.17763, as Win32_OperatingSystem.Version and Identify show it."""
        return f"{self.version[0]}.{self.version[1]}.{self.build}"

    @property
    def file_version(self) -> str:
        """Version of rpcss.dll, combase.dll and most other system files."""
        return f"{self.version_text}.{self.revision}"

    @property
    def hardening(self) -> Hardening:
        return hardening(self.build, self.revision)

    def with_revision(self, revision: int) -> Profile:
        """The same version at another patch level."""
        return replace(self, revision=revision)

    def without_powershell(self) -> Profile:
        return replace(self, powershell=None)


def _client(key: str, name: str, build: int, revision: int, **fields: object) -> Profile:
    plain = Profile(
        key, name, f"Microsoft {name}", (10, 0), build, revision, 1, "Professional", 48, (2, 30), release_id="2009"
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def _server(key: str, name: str, build: int, revision: int, **fields: object) -> Profile:
    plain = Profile(key, name, f"Microsoft {name}", (10, 0), build, revision, 3, "ServerStandard", 7, (2, 26))
    return replace(plain, **fields)  # type: ignore[arg-type]


WINDOWS_7 = _client(
    "7", "Windows 7 Professional", 7601, 24545, version=(6, 1), service_pack=1, stack_version="2.0",
    firewall_schema=(2, 10), release_id=None, powershell="2.0", has_ubr=False,
    caption="Microsoft Windows 7 Professional ",
)  # fmt: skip
SERVER_2008_R2 = _server(
    "2008r2", "Windows Server 2008 R2 Standard", 7601, 26415, version=(6, 1), service_pack=1, stack_version="2.0",
    firewall_schema=(2, 10), powershell="2.0", has_ubr=False, caption="Microsoft Windows Server 2008 R2 Standard ",
)  # fmt: skip
SERVER_2012_R2 = _server(
    "2012r2", "Windows Server 2012 R2 Standard", 9600, 20865, version=(6, 3), firewall_schema=(2, 22),
    powershell="4.0", has_ubr=False,
)  # fmt: skip
SERVER_2016 = _server("2016", "Windows Server 2016 Standard", 14393, 6614, firewall_schema=(2, 26), release_id="1607")
SERVER_2019 = _server("2019", "Windows Server 2019 Standard", 17763, 5329, firewall_schema=(2, 29), release_id="1809")
SERVER_2022 = _server(
    "2022", "Windows Server 2022 Standard", 20348, 2227, firewall_schema=(2, 31), release_id="2009",
    display_version="21H2",
)  # fmt: skip
SERVER_2025 = _server(
    "2025", "Windows Server 2025 Standard", 26100, 2314, firewall_schema=(2, 33), release_id="2009",
    display_version="24H2",
)  # fmt: skip
WINDOWS_10 = _client("10", "Windows 10 Pro", 19045, 3930, firewall_schema=(2, 30), display_version="22H2")
# ProductName still says Windows 10 on Windows 11 (dcom.md 7); the caption does not.
WINDOWS_11 = _client(
    "11", "Windows 10 Pro", 22631, 3007, firewall_schema=(2, 32), display_version="23H2",
    caption="Microsoft Windows 11 Pro",
)  # fmt: skip

PROFILES = {
    profile.key: profile
    for profile in (
        WINDOWS_7,
        SERVER_2008_R2,
        SERVER_2012_R2,
        SERVER_2016,
        SERVER_2019,
        SERVER_2022,
        SERVER_2025,
        WINDOWS_10,
        WINDOWS_11,
    )
}
