# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What the OPC specifications fixed: categories of servers, and the interfaces whose proxies and stubs must be there.

Source: dcom.md 2.3 (categories, IOPCServer, IOPCServerList), 2.4 (libraries); public declarations of the interfaces
(OpcRcw, type libraries of OPC Foundation's redistributables) for IOPCCommon, IOPCEventServer and IOPCHDA_Server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DA_1_0, DA_2_0, DA_3_0, HDA_1_0, AE_1_0 = "da_1_0", "da_2_0", "da_3_0", "hda_1_0", "ae_1_0"
SPECIFICATIONS = (DA_1_0, DA_2_0, DA_3_0, HDA_1_0, AE_1_0)

# Category -> specification.
CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "{63D5F430-CFE4-11D1-B2C8-0060083BA1FB}": DA_1_0,
        "{63D5F432-CFE4-11D1-B2C8-0060083BA1FB}": DA_2_0,
        "{CC603642-66D7-48F1-B69A-B625E73652D7}": DA_3_0,
        "{7DE5B060-E089-11D2-A5E6-000086339399}": HDA_1_0,
        "{58E13251-AC87-11D1-84D5-00608CB8A7E9}": AE_1_0,
    }
)
OPC_ENUM_CLSID = "{13486D51-4821-11D2-A494-3CB306C10000}"


@dataclass(frozen=True, slots=True)
class ProxyLibrary:
    """A proxy/stub library: one of its interfaces, and the specifications whose servers and clients need it."""

    library: str
    interface: str
    interface_id: str
    needed_for: tuple[str, ...]


PROXY_LIBRARIES: tuple[ProxyLibrary, ...] = (
    ProxyLibrary("opccomn_ps.dll", "IOPCCommon", "{F31DFDE2-07B6-11D2-B2D8-0060083BA1FB}", SPECIFICATIONS),
    ProxyLibrary("opcproxy.dll", "IOPCServer", "{39C13A4D-011E-11D0-9675-0020AFD8ADB3}", (DA_1_0, DA_2_0, DA_3_0)),
    ProxyLibrary("opc_aeps.dll", "IOPCEventServer", "{65168851-5783-11D1-84A0-00608CB8A7E9}", (AE_1_0,)),
    ProxyLibrary("opchda_ps.dll", "IOPCHDA_Server", "{1F1217B0-DEE0-11D2-A5E5-000086339399}", (HDA_1_0,)),
)
