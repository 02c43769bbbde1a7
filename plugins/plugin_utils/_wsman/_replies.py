# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""WS-Management answers: from an HTTP status and bytes to the element that was asked for, or one of our errors.

Nothing but WsmanError leaves this module, whatever the bytes are. An answer must be SOAP 1.2, relate to the request it
is taken for, and carry the action of its answer; a fault may lack RelatesTo, as a host that could not read the request
has nothing to relate to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ._errors import (
    AuthenticationFailed,
    ConnectionDropped,
    ConnectionFailed,
    MessageTooLarge,
    ProtocolError,
    WsmanError,
    fault_error,
)
from ._faults import parse_fault
from ._namespaces import ADDRESSING, ENUMERATION, IDENTITY, SOAP, WSMAN
from ._requests import Request
from ._xml import child, local_name, parse_xml, required_child, text_of

_ALLOW_UNENCRYPTED = (
    "WinRM answers like this when it is asked without encryption and its AllowUnencrypted is false: use https, or an "
    "authentication that encrypts messages (ntlm, kerberos, credssp)."
)
_WRONG_PLACE = "Check host, port (5985 http, 5986 https) and path (/wsman), and that a WinRM listener is configured."


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: HTTP status and body, decrypted where the messages are encrypted."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of an enumeration: items as elements, and the context of the next page (None after the last)."""

    items: tuple[Element, ...]
    context: str | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers. `stack` is (3, 0) on Windows 8 / 2012 and later; `os_version` is (0, 0, 0) when it is not told."""

    vendor: str
    version_text: str
    os_version: tuple[int, ...]
    service_pack: tuple[int, ...]
    stack: tuple[int, ...]


def read_reply(reply: Reply, request: Request) -> Element:
    """Return the ``s:Body`` of the answer to this request.

    Raises: WsmanFault for a fault, ProtocolError if it is no answer to the request, and what `error_without_soap`
    returns if it is no SOAP at all.
    """
    try:
        envelope = _envelope(reply.body)
    except ProtocolError as error:
        raise error_without_soap(reply, error) from error
    try:
        return _checked_body(envelope, reply, request)
    except ProtocolError as error:
        raise ProtocolError(f"{error.message} (HTTP {reply.status})", reply.body) from error


def _envelope(body: bytes) -> Element:
    root = parse_xml(body)
    if root.tag != f"{{{SOAP}}}Envelope":
        raise ProtocolError(f"the reply is <{local_name(root)[:80]}>, not a SOAP 1.2 envelope", body)
    return root


def _checked_body(envelope: Element, reply: Reply, request: Request) -> Element:
    body = required_child(envelope, "Body", SOAP)
    header = child(envelope, "Header", SOAP)
    fault = child(body, "Fault", SOAP)
    if fault is not None:
        if header is not None and child(header, "RelatesTo", ADDRESSING) is not None:
            _check_relates_to(header, request)
        raise fault_error(parse_fault(reply.status, fault))
    if reply.status != 200:
        raise ProtocolError("the reply has an error status but no fault")
    if request.message_id:
        header = required_child(envelope, "Header", SOAP)
        _check_relates_to(header, request)
        _check_action(header, request)
    return body


def _check_relates_to(header: Element, request: Request) -> None:
    relates_to = text_of(child(header, "RelatesTo", ADDRESSING))
    if relates_to != request.message_id:
        raise ProtocolError(f"the reply relates to message {relates_to!r}, sent was {request.message_id!r}")


def _check_action(header: Element, request: Request) -> None:
    action = text_of(child(header, "Action", ADDRESSING))
    # Windows compares and echoes URIs without regard to case. Source: MS-WSMV 3.1.4.1.2.
    if action.lower() != f"{request.action}Response".lower():
        raise ProtocolError(f"the reply has action {action!r}, expected was {request.action}Response")


def error_without_soap(reply: Reply, cause: ProtocolError) -> WsmanError:
    """Return the error for a reply that is not SOAP, from its HTTP status.

    Source: MS-WSMV 3.1.4.1.20 (413); the empty 400, 404 and 500 are observations, that of 500 by one other client only.
    """
    status = reply.status
    if status == 400 and not reply.body:
        return ConnectionDropped("HTTP 400 without a body: the connection lost its security context.")
    if status in (401, 403):
        return AuthenticationFailed(f"the host refused the credentials (HTTP {status}).")
    if status == 407:
        return ConnectionFailed("a proxy wants authentication (HTTP 407).", "Exempt the host from the proxy.")
    if status in (404, 405):
        return ConnectionFailed(f"no WS-Management service answers there (HTTP {status}).", _WRONG_PLACE)
    if status == 413:
        return MessageTooLarge("the request is larger than MaxEnvelopeSizekb of the host allows (HTTP 413).")
    if status == 500 and not reply.body:
        return ConnectionFailed("HTTP 500 without a body.", _ALLOW_UNENCRYPTED)
    if status in (502, 503, 504):
        return ConnectionFailed(f"the service or a proxy before it is not available (HTTP {status}).")
    return _not_soap(reply, cause)


def _not_soap(reply: Reply, cause: ProtocolError) -> ProtocolError:
    if re.match(rb"\s*<(!doctype\s+html|html)\b", reply.body[:512], re.IGNORECASE):
        problem = f"the reply is an HTML page, not SOAP (HTTP {reply.status})."
        return ProtocolError(problem, reply.body, f"Something else listens there. {_WRONG_PLACE}")
    if not reply.body:
        return ProtocolError(f"the reply is empty (HTTP {reply.status}).", reply.body, _WRONG_PLACE)
    return ProtocolError(f"{cause.message} (HTTP {reply.status}).", reply.body)


def only_element(body: Element, *expected: str) -> Element:
    """Return the first element of a body. Raises: ProtocolError if there is none, or none of these local names."""
    if len(body) == 0:
        raise ProtocolError(f"the reply has an empty body, expected was {' or '.join(expected) or 'an instance'}")
    if expected and local_name(body[0]) not in expected:
        raise ProtocolError(f"the reply holds {local_name(body[0])}, expected was {' or '.join(expected)}")
    return body[0]


def read_page(body: Element) -> Page:
    """Return the page in an Enumerate or Pull answer; the wrappers are w: in the first and n: in the second.

    Raises: ProtocolError if it neither ends the sequence nor says how to go on. Source: DSP0226 8.
    """
    answer = only_element(body, "EnumerateResponse", "PullResponse")
    wrapper = WSMAN if local_name(answer) == "EnumerateResponse" else ENUMERATION
    items = child(answer, "Items", wrapper)
    found = tuple(items) if items is not None else ()
    if child(answer, "EndOfSequence", wrapper) is not None:
        return Page(found, None)
    context = text_of(child(answer, "EnumerationContext", ENUMERATION))
    if not context:
        raise ProtocolError("the enumeration neither ends nor gives a context to go on with")
    return Page(found, context)


def read_identity(body: Element) -> Identity:
    """Return who answered an Identify. Source: DSP0226 11; ProductVersion as Windows writes it (MS-WSMV 3.1.4.1.23)."""
    answer = only_element(body, "IdentifyResponse")
    text = text_of(child(answer, "ProductVersion", IDENTITY))
    return Identity(
        vendor=text_of(child(answer, "ProductVendor", IDENTITY)),
        version_text=text,
        os_version=_version(text, "OS"),
        service_pack=_version(text, "SP"),
        stack=_version(text, "Stack"),
    )


def _version(text: str, label: str) -> tuple[int, ...]:
    found = re.search(rf"\b{label}:\s*([0-9]{{1,9}}(?:\.[0-9]{{1,9}})*)", text, re.ASCII)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()
