# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""COM permissions as Windows ships them: data with their sources and how sure we are of each.

Microsoft: "defaults vary by version"; no page of theirs lists Windows 10, 11 or Server 2016 and later. A host that
differs from these is information, not a fault.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ._com_rights import ComKind
from ._sddl import from_sddl
from ._security_descriptor import SecurityDescriptor


class ComScope(str, enum.Enum):
    """Where COM permissions are kept: the limits and the defaults of the machine, or one application's AppID."""

    MACHINE_LIMIT = "machine_limit"
    MACHINE_DEFAULT = "machine_default"
    APPLICATION = "application"


class Certainty(str, enum.Enum):
    """How a shipped value is known."""

    EXPORTED = "exported"  # bytes of a registry export
    DOCUMENTED = "documented"  # a page of Microsoft's
    REPORTED = "reported"  # somebody's tool or measurement, not confirmed


@dataclass(frozen=True, slots=True)
class ShippedDefault:
    """One value as shipped. `is_stored` is False where Windows ships no value and behaves as if this one were there."""

    name: str
    scope: ComScope
    kind: ComKind
    sddl: str
    source: str
    certainty: Certainty
    is_stored: bool = True

    @property
    def descriptor(self) -> SecurityDescriptor:
        return from_sddl(self.sddl)


_REG_EXPORT = "export of HKLM\\SOFTWARE\\Microsoft\\Ole of a Windows 7 era host, published 2016-05-26"
_WINDOWS_10_TOOL = "constant of a public DCOM tool for Windows 10 (mydcom)"
_XP_SP2 = "Win32: DCOM Security Enhancements in Windows XP SP2 and Windows Server 2003 SP1"
# The capability SID that Windows 10 adds beside all application packages, as the tool has it.
_CAPABILITY = "S-1-15-3-1024-2405443489-874036122-4286035555-1823921565-1746547431-2453885448-3625952902-991631256"

ACCESS_LIMIT_WINDOWS_7 = ShippedDefault(
    "access limit, Windows 7 and Server 2008 R2",
    ComScope.MACHINE_LIMIT,
    ComKind.ACCESS,
    "O:BAG:BAD:(A;;CCDCLC;;;WD)(A;;CCDC;;;AN)(A;;CCDCLC;;;S-1-5-32-562)(A;;CCDCLC;;;LU)",
    _REG_EXPORT,
    Certainty.EXPORTED,
)
LAUNCH_LIMIT_WINDOWS_7 = ShippedDefault(
    "launch limit, Windows 7 and Server 2008 R2",
    ComScope.MACHINE_LIMIT,
    ComKind.LAUNCH,
    "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDCSW;;;WD)(A;;CCDCLCSWRP;;;S-1-5-32-562)(A;;CCDCLCSWRP;;;LU)",
    _REG_EXPORT,
    Certainty.EXPORTED,
)
ACCESS_LIMIT_WINDOWS_10 = ShippedDefault(
    "access limit, Windows 10 and Server 2016 and later",
    ComScope.MACHINE_LIMIT,
    ComKind.ACCESS,
    ACCESS_LIMIT_WINDOWS_7.sddl + f"(A;;CCDC;;;AC)(A;;CCDC;;;{_CAPABILITY})",
    _WINDOWS_10_TOOL,
    Certainty.REPORTED,
)
LAUNCH_LIMIT_WINDOWS_10 = ShippedDefault(
    "launch limit, Windows 10 and Server 2016 and later",
    ComScope.MACHINE_LIMIT,
    ComKind.LAUNCH,
    LAUNCH_LIMIT_WINDOWS_7.sddl + f"(A;;CCDCSW;;;AC)(A;;CCDCSW;;;{_CAPABILITY})",
    _WINDOWS_10_TOOL,
    Certainty.REPORTED,
)
ACCESS_LIMIT_XP_SP2 = ShippedDefault(
    "access limit, Windows XP SP2",
    ComScope.MACHINE_LIMIT,
    ComKind.ACCESS,
    "O:BAG:BAD:(A;;CCDCLC;;;WD)(A;;CCDC;;;AN)",
    _XP_SP2,
    Certainty.DOCUMENTED,
)
LAUNCH_LIMIT_XP_SP2 = ShippedDefault(
    "launch limit, Windows XP SP2",
    ComScope.MACHINE_LIMIT,
    ComKind.LAUNCH,
    "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDCSW;;;WD)",
    _XP_SP2,
    Certainty.DOCUMENTED,
)
ACCESS_LIMIT_SERVER_2003_SP1 = ShippedDefault(
    "access limit, Windows Server 2003 SP1 (anonymous has remote access)",
    ComScope.MACHINE_LIMIT,
    ComKind.ACCESS,
    "O:BAG:BAD:(A;;CCDCLC;;;S-1-5-32-562)(A;;CCDCLC;;;WD)(A;;CCDCLC;;;AN)",
    _XP_SP2,
    Certainty.DOCUMENTED,
)
DEFAULT_LAUNCH = ShippedDefault(
    "default launch permission",
    ComScope.MACHINE_DEFAULT,
    ComKind.LAUNCH,
    "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDCLCSWRP;;;IU)(A;;CCDCLCSWRP;;;SY)",
    _REG_EXPORT + "; Win32: DefaultLaunchPermission names the same trustees",
    Certainty.EXPORTED,
)
DEFAULT_ACCESS = ShippedDefault(
    "default access permission (shipped without a value; this is what then holds)",
    ComScope.MACHINE_DEFAULT,
    ComKind.ACCESS,
    "O:BAG:BAD:(A;;CCDCLC;;;PS)(A;;CCDC;;;SY)(A;;CCDCLC;;;BA)",
    "Carbon Get-ComSecurityDescriptor (Windows 7, Server 2008); Win32: The COM Elevation Moniker names the trustees",
    Certainty.REPORTED,
    is_stored=False,
)

SHIPPED_DEFAULTS: tuple[ShippedDefault, ...] = (
    ACCESS_LIMIT_WINDOWS_7,
    LAUNCH_LIMIT_WINDOWS_7,
    ACCESS_LIMIT_WINDOWS_10,
    LAUNCH_LIMIT_WINDOWS_10,
    ACCESS_LIMIT_XP_SP2,
    LAUNCH_LIMIT_XP_SP2,
    ACCESS_LIMIT_SERVER_2003_SP1,
    DEFAULT_LAUNCH,
    DEFAULT_ACCESS,
)


def shipped_default(scope: ComScope, kind: ComKind, *, windows_10_or_later: bool) -> ShippedDefault | None:
    """What Windows 7 or later ships for a scope and kind; None for an application, whose default is no value at all."""
    if scope is ComScope.APPLICATION:
        return None
    if scope is ComScope.MACHINE_DEFAULT:
        return DEFAULT_ACCESS if kind is ComKind.ACCESS else DEFAULT_LAUNCH
    if windows_10_or_later:
        return ACCESS_LIMIT_WINDOWS_10 if kind is ComKind.ACCESS else LAUNCH_LIMIT_WINDOWS_10
    return ACCESS_LIMIT_WINDOWS_7 if kind is ComKind.ACCESS else LAUNCH_LIMIT_WINDOWS_7
