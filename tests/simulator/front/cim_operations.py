# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get, Put, Enumerate, Pull, Release and method calls on WMI resources of one host.

Each operation takes a checked request and returns the content of s:Body; everything that is not so raises SoapFault.
WS-Transfer Create and Delete of WMI instances exist from 8/2012 on, but no simulated class supports them.

Source: MS-WSMV 3.1.4.2 to 3.1.4.12; wsman_cim.md section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..cim import ROOT_STANDARDCIMV2, Caller, CimClass, CimError, CimReference, Provider, SimulatedWindows
from .decoding import decode_changes, decode_input, split_wmi_uri
from .encoding import encode_endpoint, encode_fragment, encode_instance, encode_output, object_path
from .enumeration import Enumerations, Page
from .envelope import Request
from .fault_table import (
    ACTION_NOT_SUPPORTED,
    CANNOT_PROCESS_FILTER,
    INSUFFICIENT_SELECTORS,
    INVALID_RESOURCE_URI,
    RESOURCE_NOT_FOUND,
    SINGLETON_WITH_SELECTORS,
    UNEXPECTED_SELECTORS,
    UNSUPPORTED_FEATURE,
    WMI_PROVIDER_FAILURE,
    WQL_NEEDS_STAR,
)
from .filters import (
    ENUMERATE_EPR,
    ENUMERATE_OBJECT_AND_EPR,
    WQL_DIALECT,
    EnumerateBody,
    matches_selectors,
    parse_enumerate,
    parse_pull,
)
from .soap_fault import ProviderDetail, SoapFault, from_cim_error
from .wql import WqlError, compile_condition, parse_query
from .xml import element, text_element

_ENVELOPE_CHARACTERS = 1500  # room for everything around the items of an answer

Encoder = Callable[[CimClass, Mapping[str, Any]], str]


class CimOperations:
    """The WMI plug-in of one host."""

    def __init__(self, host: SimulatedWindows, enumerations: Enumerations) -> None:
        self._host = host
        self._enumerations = enumerations

    def get(self, request: Request, caller: Caller) -> str:
        provider = self._provider(request)
        keys = self._keys(provider.cim_class, request)
        detail = _detail("GetObject", provider.cim_class, keys)
        values = self._call(provider.cim_class, detail, lambda: provider.get(caller, keys))
        return encode_instance(provider.cim_class, values)

    def put(self, request: Request, caller: Caller) -> str:
        provider = self._provider(request)
        keys = self._keys(provider.cim_class, request)
        changes = decode_changes(provider.cim_class, request.body, request.resource_uri)
        detail = _detail("PutInstance", provider.cim_class, keys)
        values = self._call(provider.cim_class, detail, lambda: provider.put(caller, keys, changes))
        return encode_instance(provider.cim_class, values)

    def invoke(self, request: Request, caller: Caller) -> str:
        provider = self._provider(request)
        cim_class, name = provider.cim_class, request.action.rpartition("/")[2]
        method = cim_class.find_method(name)
        if method is None:
            raise SoapFault(ACTION_NOT_SUPPORTED, name, violation=f"{cim_class.name} has no method {name}")
        if method.is_static and request.selectors:
            raise SoapFault(UNEXPECTED_SELECTORS, violation=f"static {cim_class.name}.{name} called with selectors")
        keys = None if method.is_static else self._keys(cim_class, request)
        arguments = decode_input(cim_class, method, request.body, request.resource_uri)
        detail = _detail("ExecMethod", cim_class, keys or {})
        result = self._call(cim_class, detail, lambda: provider.invoke(caller, name, keys, arguments))
        return encode_output(cim_class, method, result)

    def enumerate(self, request: Request, caller: Caller) -> str:
        """EnumerateResponse; without OptimizeEnumeration it carries a context only."""
        body = parse_enumerate(request.body)
        items = list(self._items(request, body, caller))
        context = self._enumerations.start(caller.account_name, request.resource_uri, items)
        if not body.optimize:
            return element("n:EnumerateResponse", text_element("n:EnumerationContext", context))
        page = self._enumerations.first_page(context, body.max_elements, _characters(request))
        content = text_element("n:EnumerationContext", page.context or "") + _page_content(page, "w")
        return element("n:EnumerateResponse", content)

    def pull(self, request: Request, caller: Caller) -> str:
        context, max_elements = parse_pull(request.body, "Pull")
        page = self._enumerations.pull(
            caller.account_name, request.resource_uri, context, max_elements, _characters(request)
        )
        head = text_element("n:EnumerationContext", page.context) if page.context else ""
        return element("n:PullResponse", head + _page_content(page, "n"))

    def release(self, request: Request, caller: Caller) -> str:
        context, _unused = parse_pull(request.body, "Release")
        self._enumerations.release(caller.account_name, request.resource_uri, context)
        return ""

    def _provider(self, request: Request) -> Provider:
        namespace, class_name = self._split(request)
        provider = self._host.provider(namespace, class_name)
        if provider is None or not self._has_namespace(namespace):
            raise SoapFault(
                RESOURCE_NOT_FOUND,
                class_name,
                violation=f"no class {class_name} in {namespace}",
                provider=ProviderDetail("GetObject", class_name),
            )
        return provider

    def _split(self, request: Request) -> tuple[str, str]:
        parts = split_wmi_uri(request.resource_uri)
        if parts is None:
            raise SoapFault(INVALID_RESOURCE_URI, violation=f"resource URI {request.resource_uri}")
        return parts

    def _has_namespace(self, namespace: str) -> bool:
        if self._host.stack_version == "2.0" and namespace.lower() == ROOT_STANDARDCIMV2:
            return False
        return self._host.has_namespace(namespace)

    def _keys(self, cim_class: CimClass, request: Request) -> dict[str, str]:
        """The selectors as keys of the class, named as the class spells them."""
        given = {name.lower(): (name, value) for name, value in request.selectors}
        _unused, cim_namespace = given.pop("__cimnamespace", ("", None))
        if cim_namespace is not None and cim_namespace.lower() != cim_class.namespace.lower():
            raise SoapFault(WMI_PROVIDER_FAILURE, violation=f"__cimnamespace {cim_namespace}")
        if cim_class.is_singleton:
            if given:
                raise SoapFault(SINGLETON_WITH_SELECTORS, violation=f"singleton {cim_class.name} with {sorted(given)}")
            return {}
        keys = {name: given.pop(name.lower())[1] for name in cim_class.keys if name.lower() in given}
        if given:
            names = ", ".join(name for name, _unused in given.values())
            raise SoapFault(UNEXPECTED_SELECTORS, names, violation=f"{cim_class.name} has no key {names}")
        missing = [name for name in cim_class.keys if name not in keys]
        if missing or not cim_class.keys:
            raise SoapFault(INSUFFICIENT_SELECTORS, violation=f"{cim_class.name}: keys missing: {missing}")
        return keys

    def _call(
        self, cim_class: CimClass, detail: ProviderDetail, function: Callable[[], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        try:
            return function()
        except CimError as error:
            raise self._fault(cim_class.namespace, error, detail) from error

    def _fault(self, namespace: str, error: CimError, detail: ProviderDetail) -> SoapFault:
        is_mi = self._host.stack_version != "2.0" and namespace.lower() == ROOT_STANDARDCIMV2
        return from_cim_error(error, detail, has_cim_errors=is_mi)

    def _items(self, request: Request, body: EnumerateBody, caller: Caller) -> Iterator[str]:
        namespace, class_name = self._split(request)
        if class_name == "*":
            if body.dialect != WQL_DIALECT:
                raise SoapFault(UNSUPPORTED_FEATURE, violation=f"filter {body.dialect or 'none'} on {namespace}/*")
            return self._query_items(namespace, body, caller)
        if body.dialect == WQL_DIALECT:
            raise SoapFault(WQL_NEEDS_STAR, violation=f"WQL on the class URI of {class_name}")
        providers = self._extent(namespace, class_name)
        if not providers:
            self._provider(request)
        return self._class_items(namespace, providers, body, caller)

    def _extent(self, namespace: str, class_name: str) -> list[Provider]:
        """The providers of a class and of all classes derived from it."""
        if not self._has_namespace(namespace):
            return []
        found = [item for item in self._host.providers(namespace) if item.cim_class.name.lower() == class_name.lower()]
        for item in self._host.providers(namespace):
            if (item.cim_class.superclass or "").lower() == class_name.lower():
                found += self._extent(namespace, item.cim_class.name)
        return found

    def _class_items(
        self, namespace: str, providers: list[Provider], body: EnumerateBody, caller: Caller
    ) -> Iterator[str]:
        encoder = _encoder(body.mode)
        for provider in providers:
            for values in self._instances(namespace, provider, caller, ProviderDetail("CreateInstanceEnum", "")):
                if matches_selectors(provider.cim_class, values, body.selectors):
                    yield encoder(provider.cim_class, values)

    def _query_items(self, namespace: str, body: EnumerateBody, caller: Caller) -> Iterator[str]:
        detail = ProviderDetail("ExecQuery", body.query)
        try:
            query = parse_query(body.query)
            providers = self._extent(namespace, query.class_name)
            if not providers:
                raise WqlError(f"no class {query.class_name} in {namespace}")
            conditions = [compile_condition(query.condition, item.cim_class) for item in providers]
            encoder = _query_encoder(query.properties, providers[0].cim_class, body.mode)
        except WqlError as error:
            violation = f"WQL {body.query!r}: {error}"
            raise SoapFault(CANNOT_PROCESS_FILTER, str(error), violation=violation, provider=detail) from error
        for provider, condition in zip(providers, conditions, strict=True):
            for values in self._instances(namespace, provider, caller, detail):
                if condition(values):
                    yield encoder(provider.cim_class, values)

    def _instances(
        self, namespace: str, provider: Provider, caller: Caller, detail: ProviderDetail
    ) -> list[Mapping[str, Any]]:
        name = provider.cim_class.name
        if not provider.cim_class.can_enumerate:
            raise SoapFault(WMI_PROVIDER_FAILURE, violation=f"{name} cannot be enumerated", provider=detail)
        try:
            return list(provider.instances(caller))
        except CimError as error:
            raise self._fault(namespace, error, detail) from error


def _detail(operation: str, cim_class: CimClass, keys: Mapping[str, str]) -> ProviderDetail:
    path = object_path(CimReference(cim_class.name, keys)) if keys else cim_class.name
    return ProviderDetail(operation, path, "CIMWin32")


def _encoder(mode: str | None) -> Encoder:
    if mode == ENUMERATE_EPR:
        return encode_endpoint
    if mode == ENUMERATE_OBJECT_AND_EPR:
        return lambda cim_class, values: element(
            "w:Item", encode_instance(cim_class, values) + encode_endpoint(cim_class, values)
        )
    return encode_instance


def _query_encoder(properties: tuple[str, ...] | None, cim_class: CimClass, mode: str | None) -> Encoder:
    if properties is None:
        return _encoder(mode)
    for name in properties:
        if cim_class.find_property(name) is None:
            raise WqlError(f"{cim_class.name} has no property {name}")
    if mode is not None:
        raise WqlError("a property list cannot be combined with an enumeration mode")
    return lambda row_class, values: encode_fragment(row_class, values, properties)


def _characters(request: Request) -> int:
    """What the client's MaxEnvelopeSize leaves for items, counted in UTF-16 as the service is believed to count."""
    return request.max_envelope_bytes // 2 - _ENVELOPE_CHARACTERS


def _page_content(page: Page, prefix: str) -> str:
    items = element(f"{prefix}:Items", "".join(page.items)) if page.items else f"<{prefix}:Items/>"
    return items if page.context else f"{items}<{prefix}:EndOfSequence/>"
