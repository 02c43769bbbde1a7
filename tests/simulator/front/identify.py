# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Identify answer: the cheapest probe of what a host is.

Source: MS-WSMV 3.1.4.1.23 and product note 73; shape as seen from Windows by several clients.
"""

from __future__ import annotations

from ..cim import Caller, SimulatedWindows
from .xml import WSMID, S, W, element, text_element

_VENDOR = "Microsoft Corporation"
_PROFILE = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/spnego-kerberos"


def format_identify(host: SimulatedWindows, caller: Caller | None) -> str:
    """The whole envelope; without a caller the operating system is withheld."""
    version, service_pack = host.os_version if caller is not None else ("0.0.0", 0)
    product = f"OS: {version} SP: {service_pack}.0 Stack: {host.stack_version}"
    content = (
        text_element("wsmid:ProtocolVersion", W)
        + text_element("wsmid:ProductVendor", _VENDOR)
        + text_element("wsmid:ProductVersion", product)
    )
    if caller is not None and host.stack_version != "2.0":
        content += element("wsmid:SecurityProfiles", text_element("wsmid:SecurityProfileName", _PROFILE))
    response = element("wsmid:IdentifyResponse", content, f' xmlns:wsmid="{WSMID}"')
    return element("s:Envelope", "<s:Header/>" + element("s:Body", response), f' xmlns:s="{S}"')
