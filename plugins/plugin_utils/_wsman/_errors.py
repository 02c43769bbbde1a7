# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Everything that can go wrong between the controller and a host's WS-Management service.

No exception of requests, urllib3, pywinrm or pypsrp leaves the client: the adapters turn each into one of these. The
tree says who is to blame: `HostUnreachable` (Ansible: UNREACHABLE), a reply that makes no sense (`ProtocolError`), or
a host that understood and refused (`WsmanFault`, and `CimMethodError` for a method that returned a code).

Branch on types, numbers and URIs; never on texts, Windows translates them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

# Absolute, or pylint does not see that these are exceptions: it resolves no relative import over namespace packages.
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import OpcDcomError, shortened

if TYPE_CHECKING:
    from ._cim import CimClass

# Codes of WSManFault, decimal on the wire. Source: Windows SDK, wsmerror.h (ERROR_WSMAN_*), winerror.h, wbemcli.h.
ERROR_ACCESS_DENIED = 5
ERROR_WSMAN_RESOURCE_NOT_FOUND = 0x80338000
ERROR_WSMAN_INVALID_ACTIONURI = 0x80338001
ERROR_WSMAN_OPERATION_TIMEDOUT = 0x80338029
ERROR_WSMAN_UNEXPECTED_SELECTORS = 0x8033805B
ERROR_WSMAN_QUOTA_MAX_OPERATIONS = 0x803381A6
ERROR_WSMAN_REMOTESHELLS_NOT_ALLOWED = 0x803381AC

# Plus ERROR_WSMAN_WMI_{SVC,PROVIDER,CANNOT_CONNECT}_ACCESS_DENIED, WBEM_E_ACCESS_DENIED, E_ACCESSDENIED.
_ACCESS_DENIED_CODES = frozenset({ERROR_ACCESS_DENIED, 0x80338104, 0x80338105, 0x80338106, 0x80041003, 0x80070005})
_NOT_FOUND_CODES = frozenset({ERROR_WSMAN_RESOURCE_NOT_FOUND, 0x80041002, 0x80070002})
# ERROR_WSMAN_QUOTA_LIMIT, _MAX_SHELLS, _MAX_OPERATIONS, _USER, _SYSTEM, _MAX_SHELLUSERS, the _PPQ ones, and WMI's own.
_QUOTA_CODES = frozenset(
    {0x8033803F, 0x803381A5, 0x803381A6, 0x803381A7, 0x803381A8, 0x803381AB, *range(0x803381E4, 0x803381EB), 0x8004106C}
)
_WMI_DOWN_CODES = frozenset({0x800706BA, 0x80070422})
_INVALID_CLASS_CODES = frozenset({0x80041010, 0x8004100E})

# DSP0223 (Generic Operations), CIM status codes.
CIM_ACCESS_DENIED = 2
CIM_INVALID_NAMESPACE = 3
CIM_INVALID_CLASS = 5
CIM_NOT_FOUND = 6
CIM_ALREADY_EXISTS = 11
CIM_METHOD_NOT_AVAILABLE = 16
CIM_METHOD_NOT_FOUND = 17

KEPT_BYTES = 4096


class WsmanError(OpcDcomError):
    """Root of the client's errors.

    `operation` is what was tried on which object (set by the client), `hint` what to do. `outcome_unknown` is True for
    a request that may change the host and that the host may have carried out although no answer came back.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.operation = ""
        self.outcome_unknown = False

    def __str__(self) -> str:
        text = f"{self.operation}: {self.message}" if self.operation else self.message
        if self.outcome_unknown:
            text += " Whether the host carried the request out is not known; it was not sent again."
        return shortened(f"{text} {self.hint}" if self.hint else text)


class HostUnreachable(WsmanError):
    """No conversation with the host's WS-Management service took place. Ansible: UNREACHABLE."""


class ConnectionFailed(HostUnreachable):
    """The name did not resolve, the port refused, the network is down, the proxy failed, or TLS did not come up."""


class CertificateRejected(ConnectionFailed):
    """The host's TLS certificate does not verify on this controller."""


class ConnectionDropped(ConnectionFailed):
    """An established connection ended before the answer was complete, or lost its security context."""


class AuthenticationFailed(HostUnreachable):
    """The host refused the credentials, or no authentication scheme suits both sides."""


class TransportTimeout(HostUnreachable):
    """Nothing came back in time (TCP connect or HTTP read)."""


class UnsupportedConnection(WsmanError):
    """The connection plugin, its settings or the installed libraries cannot carry WS-Management messages."""


class CommandTimedOut(WsmanError):
    """A command of the remote shell ran longer than it was allowed to; it was terminated."""


class MessageTooLarge(WsmanError):
    """A request is larger than the host takes, or an answer larger than the client agrees to hold."""


class ProtocolError(WsmanError):
    """A reply is not the WS-Management answer to the request: truncated, not XML, wrong RelatesTo, missing element ...

    `body` holds its first 4096 bytes, `length` the size of the whole.
    """

    def __init__(self, message: str, body: bytes = b"", hint: str = "") -> None:
        super().__init__(message, hint)
        self.body = b""
        self.length = 0
        self.attach(body)

    def attach(self, body: bytes) -> None:
        """Keep the reply this is about, unless there is one already."""
        if not self.body:
            self.body = body[:KEPT_BYTES]
            self.length = len(body)


@dataclass(frozen=True, slots=True)
class FaultDetail:
    """What a SOAP fault of Windows says, in both its shapes (f:WSManFault, or a CIM error instance).

    `code` and `subcode` are local names (``Sender``, ``AccessDenied``). `numbers` holds every code found anywhere in
    the fault: outer and nested WSManFault codes, error_Code, and HRESULTs written in hexadecimal inside its messages.
    """

    http_status: int
    code: str
    subcode: str = ""
    wsman_code: int | None = None
    cim_status: int | None = None
    numbers: frozenset[int] = field(default_factory=frozenset)
    reason: str = ""
    message: str = ""
    provider: str = ""
    fault_detail_uri: str = ""


class WsmanFault(WsmanError):
    """The host understood the request and refused it. `detail` has the numbers; texts are for people only."""

    def __init__(self, detail: FaultDetail, hint: str = "") -> None:
        super().__init__(_describe(detail), hint)
        self.detail = detail
        self.http_status = detail.http_status
        self.code = detail.code
        self.subcode = detail.subcode
        self.wsman_code = detail.wsman_code
        self.cim_status = detail.cim_status
        self.reason = detail.reason
        self.innermost_message = detail.message
        self.provider = detail.provider

    def has_number(self, *numbers: int) -> bool:
        return not self.detail.numbers.isdisjoint(numbers)

    @property
    def is_access_denied(self) -> bool:
        return (
            self.has_number(*_ACCESS_DENIED_CODES)
            or self.cim_status == CIM_ACCESS_DENIED
            or self.subcode == "AccessDenied"
        )

    @property
    def is_not_found(self) -> bool:
        """The instance does not exist. A Get gives the same code for a class that does not exist."""
        if self.is_access_denied:
            return False
        return self.has_number(*_NOT_FOUND_CODES) or self.cim_status == CIM_NOT_FOUND

    @property
    def is_class_missing(self) -> bool:
        """The class or its namespace does not exist on this host, as far as the host said so."""
        return self.has_number(*_INVALID_CLASS_CODES) or self.cim_status in (CIM_INVALID_CLASS, CIM_INVALID_NAMESPACE)

    @property
    def is_method_missing(self) -> bool:
        return self.has_number(ERROR_WSMAN_INVALID_ACTIONURI) or self.cim_status in (
            CIM_METHOD_NOT_AVAILABLE,
            CIM_METHOD_NOT_FOUND,
        )

    @property
    def is_already_there(self) -> bool:
        return self.cim_status == CIM_ALREADY_EXISTS

    @property
    def is_wmi_down(self) -> bool:
        """WS-Management answers but the WMI service behind it does not (RPC unavailable, service disabled)."""
        return self.has_number(*_WMI_DOWN_CODES)

    @property
    def is_remote_shell_forbidden(self) -> bool:
        """Policy AllowRemoteShellAccess is off: CIM works, the cmd shell does not."""
        return self.has_number(ERROR_WSMAN_REMOTESHELLS_NOT_ALLOWED)

    @property
    def is_shell_unknown(self) -> bool:
        """The shell id is not (or no longer) known: idle time-out, restart of the service or of the host."""
        return self.has_number(ERROR_WSMAN_UNEXPECTED_SELECTORS)

    @property
    def is_context_unknown(self) -> bool:
        """The enumeration context has expired."""
        return self.subcode == "InvalidEnumerationContext"


class OperationTimedOut(WsmanFault):
    """The host could not finish within OperationTimeout (0x80338029). Normal for Receive: ask again."""


class QuotaExceeded(WsmanFault):
    """A WinRM or WMI quota of this user or host is used up (operations, shells, memory ...)."""


def fault_error(detail: FaultDetail) -> WsmanFault:
    """Return the exception for a decoded fault, with what to do about it where that is known."""
    if ERROR_WSMAN_OPERATION_TIMEDOUT in detail.numbers or detail.subcode == "TimedOut":
        return OperationTimedOut(detail)
    if not detail.numbers.isdisjoint(_QUOTA_CODES) or detail.subcode == "QuotaLimit":
        return QuotaExceeded(detail, "Wait for other sessions of this user to end, or raise the WinRM quota.")
    fault = WsmanFault(detail)
    if fault.is_access_denied:
        fault.hint = (
            "The account authenticated but lacks rights: it must be an administrator with an unfiltered token "
            "(a local account other than Administrator is filtered by UAC, see LocalAccountTokenFilterPolicy)."
        )
    elif fault.is_wmi_down:
        fault.hint = "WinRM answers but WMI does not: start the service Winmgmt and see that RPC is running."
    return fault


def _describe(detail: FaultDetail) -> str:
    numbers = []
    if detail.wsman_code is not None:
        numbers.append(f"code 0x{detail.wsman_code:X}" if detail.wsman_code > 0xFFFF else f"code {detail.wsman_code}")
    if detail.cim_status is not None:
        numbers.append(f"CIM status {detail.cim_status}")
    numbers += [f"0x{number:08X}" for number in sorted(detail.numbers) if number not in (detail.wsman_code, 0)]
    name = detail.subcode or detail.code
    text = (detail.message or detail.reason or "no text").strip().rstrip(".")
    source = f" (from {detail.provider})" if detail.provider else ""
    return f"the host refused with fault {name}, {', '.join(numbers) or f'HTTP {detail.http_status}'}: {text}{source}."


class CimMethodError(OpcDcomError):
    """A CIM method ran and returned a code other than 0; `on` names the object it was to act on.

    `symbolic_name` is what the class documents for the code, else empty.
    """

    def __init__(self, cim_class: CimClass, method: str, return_value: int, on: str = "") -> None:
        name = cim_class.return_names.get(return_value, "")
        code = f"0x{return_value:08X}" if return_value > 0xFFFF else str(return_value)
        call = f"{cim_class.name}.{method}" + (f" of {on}" if on else "")
        super().__init__(f"{call} returned {code}" + (f" ({name})." if name else "."))
        self.class_name = cim_class.name
        self.method = method
        self.return_value = return_value
        self.symbolic_name = name
        self.on = on

    @property
    def is_access_denied(self) -> bool:
        return self.symbolic_name == "access denied"
