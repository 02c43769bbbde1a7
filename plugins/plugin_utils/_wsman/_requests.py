# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""WS-Management requests as bytes. No socket, clock or random number in here: all of that comes in a `Header`.

Source: MS-WSMV 3.1.4.1 (headers), 3.1.4.2-3.1.4.9 (operations), DSP0226; shapes as observed on Windows.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from ...module_utils._errors import ParameterError
from . import _namespaces as ns
from ._cim import CimClass
from ._encode import encode_arguments, encode_changes
from ._xml import check_text, to_bytes, tree

MAX_ELEMENTS = 32000


class Effect(enum.Enum):
    """What sending a request twice would do; decides about repeating it and about what to say when it gets lost."""

    READ = "reads only, may be repeated"
    WRITE = "may change the host, never repeated"
    SESSION = "only concerns this conversation, never repeated"


@dataclass(frozen=True, slots=True)
class Header:
    """What every request carries. `message_id` is used as it is, normally ``uuid:`` and a GUID in upper case."""

    message_id: str
    to: str = "http://windows-host:5985/wsman"
    operation_timeout_s: int = 60
    max_envelope_bytes: int = 512000
    locale: str = "en-US"


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent and what its answer must say. `what` names it in error texts."""

    message: bytes
    message_id: str
    action: str
    effect: Effect
    what: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about. `what` names it for people."""

    action: str
    resource_uri: str
    selectors: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    what: str = ""


def build(header: Header, target: Target, body: Element | None = None, *, effect: Effect = Effect.READ) -> Request:
    """Return the request. Raises: ParameterError for text XML cannot carry."""
    soap_header = _soap_header(header, target)
    if target.selectors:
        soap_header.append(_selector_set(target.selectors, target.what))
    if target.options:
        soap_header.append(tree("w:OptionSet", *(tree("w:Option", v, Name=k) for k, v in target.options.items())))
    soap_body = tree("s:Body", *([] if body is None else [body]))
    message = to_bytes(_envelope(soap_header, soap_body))
    return Request(message, header.message_id, target.action, effect, target.what)


def get(header: Header, cim_class: CimClass, selectors: Mapping[str, str]) -> Request:
    what = f"Get {cim_class.name}{_keys(selectors)}"
    return build(header, Target(ns.GET, cim_class.resource_uri, selectors, what=what))


def put(header: Header, cim_class: CimClass, selectors: Mapping[str, str], changes: Mapping[str, object]) -> Request:
    """Change the named properties only. Raises: ParameterError for a change the schema does not allow."""
    body = tree(f"p:{cim_class.name}", *encode_changes(cim_class, changes))
    body.set("xmlns:p", cim_class.resource_uri)
    what = f"Put {', '.join(changes)} of {cim_class.name}{_keys(selectors)}"
    return build(header, Target(ns.PUT, cim_class.resource_uri, selectors, what=what), body, effect=Effect.WRITE)


def invoke(
    header: Header,
    cim_class: CimClass,
    method_name: str,
    arguments: Mapping[str, object],
    selectors: Mapping[str, str] | None = None,
) -> Request:
    """Call a method: of an instance with selectors, of a singleton or a static one without.

    Raises: ParameterError for arguments the schema does not allow.
    """
    method = cim_class.method(method_name)
    body = tree(f"p:{method_name}_INPUT", *encode_arguments(cim_class, method, arguments))
    body.set("xmlns:p", cim_class.resource_uri)
    selectors = selectors or {}
    what = f"{cim_class.name}{_keys(selectors)}.{method_name}{_named_arguments(arguments)}"
    target = Target(f"{cim_class.resource_uri}/{method_name}", cim_class.resource_uri, selectors, what=what)
    return build(header, target, body, effect=Effect.READ if method.is_read_only else Effect.WRITE)


def enumerate_wql(header: Header, cim_class: CimClass, wql: str, max_elements: int = MAX_ELEMENTS) -> Request:
    """Query; the first page comes with the answer (OptimizeEnumeration)."""
    query = tree("w:Filter", check_text(wql, "wql"), Dialect=ns.WQL_DIALECT)
    target = Target(ns.ENUMERATE, cim_class.query_uri, what=f"WQL {wql!r}")
    return build(header, target, _enumerate(query, max_elements))


def enumerate_class(
    header: Header,
    cim_class: CimClass,
    equal: Mapping[str, str] | None = None,
    max_elements: int = MAX_ELEMENTS,
) -> Request:
    """Enumerate a class, or those instances whose properties equal all of `equal` (SelectorFilter).

    Raises: ParameterError for a quote in a value, which the dialect cannot carry (MS-WSMV 3.1.4.1.13).
    """
    what = f"Enumerate {cim_class.name}{_keys(equal or {})}"
    condition = None
    if equal:
        for name, value in equal.items():
            if "'" in value or '"' in value:
                raise ParameterError(name, "a selector filter cannot hold quotation marks")
        condition = tree("w:Filter", _selector_set(equal, what), Dialect=ns.SELECTOR_DIALECT)
    target = Target(ns.ENUMERATE, cim_class.resource_uri, what=what)
    return build(header, target, _enumerate(condition, max_elements))


def pull(header: Header, resource_uri: str, context: str, what: str, max_elements: int = MAX_ELEMENTS) -> Request:
    """Ask for the next page of an enumeration of `resource_uri`. Asking twice could skip a page."""
    body = tree("n:Pull", tree("n:EnumerationContext", context), tree("n:MaxElements", str(max_elements)))
    body.set("xmlns:n", ns.ENUMERATION)
    return build(header, Target(ns.PULL, resource_uri, what=f"Pull of {what}"), body, effect=Effect.SESSION)


def release(header: Header, resource_uri: str, context: str, what: str) -> Request:
    body = tree("n:Release", tree("n:EnumerationContext", context))
    body.set("xmlns:n", ns.ENUMERATION)
    return build(header, Target(ns.RELEASE, resource_uri, what=f"Release of {what}"), body, effect=Effect.SESSION)


def identify(header: Header) -> Request:
    """Ask what answers at the URL. It has no addressing headers, so its answer has none to check."""
    body = tree("wsmid:Identify")
    body.set("xmlns:wsmid", ns.IDENTITY)
    envelope = tree("s:Envelope", tree("s:Header"), tree("s:Body", body))
    envelope.set("xmlns:s", ns.SOAP)
    return Request(to_bytes(envelope), "", "", Effect.READ, "Identify")


def _soap_header(header: Header, target: Target) -> Element:
    return tree(
        "s:Header",
        tree("a:To", header.to),
        tree("a:ReplyTo", _understood("a:Address", ns.ANONYMOUS)),
        _understood("w:ResourceURI", target.resource_uri),
        _understood("a:Action", target.action),
        _understood("w:MaxEnvelopeSize", str(header.max_envelope_bytes)),
        tree("a:MessageID", header.message_id),
        tree("w:OperationTimeout", f"PT{header.operation_timeout_s}.000S"),
        _locale("w:Locale", header.locale),
        _locale("p:DataLocale", header.locale),
    )


def _understood(tag: str, text: str) -> Element:
    element = tree(tag, text)
    element.set("s:mustUnderstand", "true")
    return element


def _locale(tag: str, language: str) -> Element:
    # With mustUnderstand="true" Windows would fault (w:UnsupportedFeature/Locale). Source: MS-WSMV 3.1.4.1.6.
    element = tree(tag)
    element.set("xml:lang", language)
    element.set("s:mustUnderstand", "false")
    return element


def _envelope(soap_header: Element, soap_body: Element) -> Element:
    envelope = tree("s:Envelope", soap_header, soap_body)
    declared = {"s": ns.SOAP, "a": ns.ADDRESSING, "w": ns.WSMAN, "p": ns.WSMAN_MS}
    for prefix, uri in declared.items():
        envelope.set(f"xmlns:{prefix}", uri)
    return envelope


def _selector_set(selectors: Mapping[str, str], what: str) -> Element:
    selectors = {check_text(name, what): check_text(value, f"{what}: {name}") for name, value in selectors.items()}
    return tree("w:SelectorSet", *(tree("w:Selector", value, Name=name) for name, value in selectors.items()))


def _enumerate(condition: Element | None, max_elements: int) -> Element:
    optimised = (tree("w:OptimizeEnumeration"), tree("w:MaxElements", str(max_elements)))
    body = tree("n:Enumerate", *optimised, *([] if condition is None else [condition]))
    body.set("xmlns:n", ns.ENUMERATION)
    return body


def _keys(selectors: Mapping[str, str]) -> str:
    return "(" + ", ".join(f"{name}={value!r}" for name, value in selectors.items()) + ")" if selectors else ""


def _named_arguments(arguments: Mapping[str, object]) -> str:
    """Name the object a call is about, as far as it is not a secret or a bulk value."""
    shown = [str(arguments[name]) for name in ("sSubKeyName", "sValueName") if name in arguments]
    return f"({chr(92).join(shown)})" if shown else ""
