# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults as exceptions, and their two shapes on the wire.

`SoapFault.violation` is set where the request asks for something no part of the simulation knows: dispatch records it.

Source: MS-WSMV 2.2.4.45 (WSManFault); the nested provider fault and MSFT_WmiError as recorded from 2008 R2 and 2012 R2.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..cim import CimError, CimStatus
from .fault_table import (
    ACCESS_DENIED,
    ACTION_NOT_SUPPORTED,
    FAULT_KINDS,
    OPERATION_TIMED_OUT,
    RESOURCE_NOT_FOUND,
    UNSUPPORTED_FEATURE,
    WMI_PROVIDER_FAILURE,
    FaultKind,
)
from .xml import CIM, XSI, A, B, E, F, N, X, element, escape, text_element

_DMTF_ERROR_URI = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"
QUOTA_STATUS = 27  # CIMStatusCode of the quota faults, a vendor's own number
_WMI_PLUGIN = ' provider="WMI Provider" path="%systemroot%\\system32\\WsmWmiPl.dll"'


@dataclass(frozen=True, slots=True)
class ProviderDetail:
    """What WMI adds below the fault of the service: operation, object path or query, provider name, WBEM code."""

    operation: str
    parameter_info: str
    provider_name: str = "WinMgmt"


class SoapFault(Exception):
    """An answer with s:Fault. `text` is added to the reason text of the table; `hresult` replaces the nested code."""

    def __init__(
        self,
        code: int,
        text: str = "",
        *,
        violation: str | None = None,
        provider: ProviderDetail | None = None,
        cim_status: int | None = None,
        hresult: int | None = None,
    ) -> None:
        super().__init__(f"fault {code} {text}".rstrip())
        self.code = code
        self.text = text
        self.violation = violation
        self.provider = provider
        self.cim_status = cim_status
        self.hresult = hresult

    @property
    def kind(self) -> FaultKind:
        return FAULT_KINDS.get(self.code) or FaultKind("w:InternalError", "", "", is_receiver=True)

    @property
    def waits(self) -> bool:
        """Whether the service lets OperationTimeout pass before it answers."""
        return self.code == OPERATION_TIMED_OUT

    @property
    def subcode(self) -> str:
        """As in the table; the quota faults that 8/2012 and later send as a CIM error are w:QuotaLimit."""
        return "w:QuotaLimit" if self.cim_status == QUOTA_STATUS else self.kind.subcode

    @property
    def action(self) -> str:
        """The wsa:Action of the fault message follows the namespace of the subcode."""
        prefix = self.subcode.partition(":")[0]
        base = {"w": "http://schemas.dmtf.org/wbem/wsman/1/wsman", "a": A, "n": N, "x": X, "e": E, "s": A}[prefix]
        return f"{base}/fault"

    def reason(self, ui_language: str) -> str:
        base = self.kind.german if ui_language.lower().startswith("de") else self.kind.english
        return " ".join(part for part in (base, self.text) if part)


_STATUS_CODES = {
    CimStatus.ACCESS_DENIED: ACCESS_DENIED,
    CimStatus.NOT_FOUND: RESOURCE_NOT_FOUND,
    CimStatus.INVALID_CLASS: RESOURCE_NOT_FOUND,
    CimStatus.INVALID_NAMESPACE: RESOURCE_NOT_FOUND,
    CimStatus.METHOD_NOT_FOUND: ACTION_NOT_SUPPORTED,
    CimStatus.NOT_SUPPORTED: UNSUPPORTED_FEATURE,
}


def from_cim_error(error: CimError, detail: ProviderDetail, *, has_cim_errors: bool) -> SoapFault:
    """The fault for a provider's refusal; `has_cim_errors`: the provider is MI-based and answers with MSFT_WmiError."""
    code = _STATUS_CODES.get(error.status, WMI_PROVIDER_FAILURE)
    return SoapFault(
        code,
        error.message,
        provider=detail,
        cim_status=int(error.status) if has_cim_errors else None,
        hresult=error.hresult,
    )


def format_fault_body(fault: SoapFault, ui_language: str, machine: str) -> str:
    """The s:Fault element."""
    kind = fault.kind
    reason = fault.reason(ui_language)
    if fault.subcode.startswith("s:"):
        code = element("s:Value", fault.subcode)
    else:
        side = "s:Receiver" if kind.is_receiver else "s:Sender"
        code = element("s:Value", side) + element("s:Subcode", element("s:Value", fault.subcode))
    detail = text_element("w:FaultDetail", kind.detail) if kind.detail else ""
    if fault.cim_status is None:
        detail += _wsman_fault(fault, reason, machine)
    else:
        detail += _wmi_error(fault, reason)
    return element(
        "s:Fault",
        element("s:Code", code)
        + element("s:Reason", text_element("s:Text", reason, f' xml:lang="{ui_language}"'))
        + element("s:Detail", detail),
    )


def _wsman_fault(fault: SoapFault, reason: str, machine: str) -> str:
    if fault.provider is None:
        message = element("f:Message", escape(reason + " "))
        return element("f:WSManFault", message, f' xmlns:f="{F}" Code="{fault.code}" Machine="{escape(machine)}"')
    code = fault.hresult if fault.hresult is not None else fault.code
    nested = element(
        "f:WSManFault",
        element("f:Message", escape(reason + " ")),
        f' xmlns:f="{F}" Code="{code}" Machine="{escape(machine)}"',
    )
    provider = element("f:ProviderFault", nested + element("f:ExtendedError", _extended_status(fault)), _WMI_PLUGIN)
    return element(
        "f:WSManFault",
        element("f:Message", provider),
        f' xmlns:f="{F}" Code="{fault.code}" Machine="localhost"',
    )


def _extended_status(fault: SoapFault) -> str:
    detail = fault.provider
    assert detail is not None
    uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/__ExtendedStatus"
    return element(
        "p:__ExtendedStatus",
        '<p:Description xsi:nil="true"/>'
        + text_element("p:Operation", detail.operation)
        + text_element("p:ParameterInfo", detail.parameter_info)
        + text_element("p:ProviderName", detail.provider_name)
        + '<p:StatusCode xsi:nil="true"/>',
        f' xmlns:xsi="{XSI}" xmlns:p="{uri}" xmlns:cim="{CIM}" xsi:type="p:__ExtendedStatus_Type"',
    )


def _wmi_error(fault: SoapFault, reason: str) -> str:
    """The second shape: an error instance. Element set as recorded; order sorted, which is unverified."""
    number = fault.hresult if fault.hresult is not None else fault.code
    typed = ' xsi:type="cim:cim{}"'.format
    children = (
        text_element("p:CIMStatusCode", str(fault.cim_status), typed("UnsignedInt"))
        + text_element("p:error_Category", "0", typed("UnsignedInt"))
        + text_element("p:error_Code", str(number), typed("UnsignedInt"))
        + text_element("p:error_Type", "HRESULT", typed("String"))
        + text_element("p:error_WindowsErrorMessage", reason, typed("String"))
        + text_element("p:Message", reason, typed("String"))
        + text_element("p:MessageID", f"HRESULT 0x{number:08x}", typed("String"))
        + text_element("p:OwningEntity", "", typed("String"))
        + text_element("p:PerceivedSeverity", "0", typed("UnsignedInt"))
        + text_element("p:ProbableCause", "0", typed("UnsignedInt"))
    )
    return element(
        "p:MSFT_WmiError",
        children,
        f' b:IsCIM_Error="true" xmlns:p="{_DMTF_ERROR_URI}" xmlns:b="{B}" xmlns:cim="{CIM}" xmlns:xsi="{XSI}"'
        ' xsi:type="p:MSFT_WmiError_Type"',
    )
