# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""SOAP faults of Windows in both shapes: f:WSManFault (WS-Man itself and the WMI plug-in) and a CIM error instance.

Elements inside Detail are matched by local name: the CIM error comes in the namespace of DMTF's MSFT_WmiError or of the
WMI namespace that failed. Source: MS-WSMV 2.2.4.39 (WSManFault), DSP0227 (CIM_Error); shapes as captured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ._errors import FaultDetail
from ._namespaces import SOAP
from ._xml import by_local_name, child, local_name, text_of

# An HRESULT or WBEM status written into a message, as in "HRESULT 0x803381a5".
_HRESULT = re.compile(r"\b0[xX]([89A-Fa-f][0-9A-Fa-f]{7})\b")
_DECIMAL = re.compile(r"-?[0-9]{1,10}", re.ASCII)


def parse_fault(http_status: int, fault: Element) -> FaultDetail:
    """Return what an ``s:Fault`` says. Whatever is missing stays empty; nothing is required of a fault."""
    code = child(fault, "Code", SOAP)
    subcode = child(code, "Subcode", SOAP) if code is not None else None
    reason = child(fault, "Reason", SOAP)
    detail = child(fault, "Detail", SOAP)
    inside = list(detail.iter()) if detail is not None else []
    reason_text = text_of(child(reason, "Text", SOAP)) if reason is not None else ""
    return FaultDetail(
        http_status=http_status,
        code=_qname_local(child(code, "Value", SOAP)) if code is not None else "",
        subcode=_qname_local(child(subcode, "Value", SOAP)) if subcode is not None else "",
        wsman_code=next(_wsman_codes(inside), None),
        cim_status=_first_number(inside, "CIMStatusCode"),
        numbers=frozenset(_numbers(inside, reason_text)),
        reason=reason_text,
        message=_innermost_message(detail),
        provider=_provider(inside),
        fault_detail_uri=_first_text(inside, "FaultDetail"),
    )


def _qname_local(element: Element | None) -> str:
    return text_of(element).rpartition(":")[2]


def _wsman_codes(inside: list[Element]) -> Iterator[int]:
    for element in inside:
        if local_name(element) == "WSManFault":
            code = _number(element.get("Code", ""))
            if code is not None:
                yield code


def _numbers(inside: list[Element], reason: str) -> Iterator[int]:
    yield from _wsman_codes(inside)
    for name in ("error_Code", "StatusCode"):
        number = _first_number(inside, name)
        if number:
            yield number
    for text in (reason, *(element.text or "" for element in inside)):
        yield from (int(found, 16) for found in _HRESULT.findall(text))


def _number(text: str) -> int | None:
    return int(text) & 0xFFFFFFFF if _DECIMAL.fullmatch(text.strip()) else None


def _first_text(inside: list[Element], name: str) -> str:
    return next((text_of(item) for item in inside if local_name(item) == name and text_of(item)), "")


def _first_number(inside: list[Element], name: str) -> int | None:
    return _number(_first_text(inside, name))


def _innermost_message(detail: Element | None) -> str:
    if detail is None:
        return ""
    texts = [text_of(item) for item in by_local_name(detail, "Message")]
    texts += [text_of(item) for item in by_local_name(detail, "error_WindowsErrorMessage")][: 0 if any(texts) else None]
    return next((text for text in reversed(texts) if text), "")


def _provider(inside: list[Element]) -> str:
    named = next((item.get("provider", "") for item in inside if local_name(item) == "ProviderFault"), "")
    return named or _first_text(inside, "ProviderName")
