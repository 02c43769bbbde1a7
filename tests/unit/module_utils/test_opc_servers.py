# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers as their registrations tell them. Rules: dcom.md 2.1, 2.2; Win32 pages of the values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._opc_identifiers import PROXY_LIBRARIES
from ansible_collections.otsec.opc_dcom.plugins.module_utils._opc_installation import (
    ProxyEntry,
    find_in_discovery,
    find_programs,
    wanted_programs,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._opc_servers import (
    VIEW_NAMES,
    AppIdEntry,
    ClassEntry,
    HostFacts,
    OpcServer,
    ServiceEntry,
    can_be_a_file,
    describe_servers,
    program_in,
)

ENVIRONMENT = {"SystemRoot": r"C:\Windows", "ProgramFiles(x86)": r"C:\Program Files (x86)"}
CLSID = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0101}"
APP_ID = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0100}"
PROGRAM = r"C:\opc\server.exe"


def describe(*entries: ClassEntry, application: AppIdEntry | None = None, **facts: object) -> OpcServer:
    applications = {application.app_id: application} if application else {}
    host = HostFacts(applications=applications, environment=ENVIRONMENT, **facts)  # type: ignore[arg-type]
    (server,) = describe_servers(entries, host)
    return server


def entry(view: int = 0, **fields: str) -> ClassEntry:
    return ClassEntry(CLSID, view, ("da_2_0",), **{"app_id": APP_ID, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("command_line", "program"),
    [
        ('"C:\\Program Files\\x\\y.exe" -Embedding', r"C:\Program Files\x\y.exe"),
        (r"C:\Program Files\x\y.exe -Embedding", r"C:\Program Files\x\y.exe"),
        (r"%SystemRoot%\SysWOW64\OpcEnum.exe", r"C:\Windows\SysWOW64\OpcEnum.exe"),
        (r"%UNKNOWN%\y.EXE /x", r"%UNKNOWN%\y.EXE"),
        (r"C:\x\y /a", r"C:\x\y"),
        ('"unfinished', "unfinished"),
        ("", ""),
    ],
)
def test_the_program_of_a_command_line(command_line: str, program: str) -> None:
    assert program_in(command_line, ENVIRONMENT) == program


@pytest.mark.parametrize(
    ("path", "expected"),
    [(PROGRAM, True), ("", False), ("C:\\a\x1b.exe", False), ("C:\\a|b.exe", False), (r"%X%\a.exe", False)],
)
def test_what_a_host_can_be_asked_for(path: str, expected: bool) -> None:
    assert can_be_a_file(path) is expected


@pytest.mark.parametrize(
    ("application", "fields", "kind"),
    [
        (AppIdEntry(APP_ID, service="Svc"), {"local_server": PROGRAM}, "service"),  # LocalService wins
        (AppIdEntry(APP_ID), {"local_server": PROGRAM, "library": "a.dll"}, "local_server"),
        (AppIdEntry(APP_ID), {"library": "a.dll"}, "in_process"),
        (AppIdEntry(APP_ID, surrogate=""), {"library": "a.dll"}, "surrogate"),
        (AppIdEntry(APP_ID, remote_server="other"), {}, "remote"),
        (AppIdEntry(APP_ID), {}, "unknown"),
    ],
)
def test_what_serves_a_class(application: AppIdEntry, fields: dict[str, str], kind: str) -> None:
    assert describe(entry(**fields), application=application).kind == kind


@pytest.mark.parametrize(
    ("path", "views", "is_64_bit", "bitness", "by"),
    [
        (PROGRAM, (0,), True, 64, "view"),
        (PROGRAM, (1,), True, 32, "view"),
        (PROGRAM, (0, 1), True, None, None),
        (r"C:\Program Files (x86)\x.exe", (0, 1), True, 32, "folder"),
        (r"C:\WINDOWS\syswow64\x.exe", (0,), True, 32, "folder"),
        (PROGRAM, (0,), False, 32, "windows"),
    ],
)
def test_bitness_is_what_can_be_told(
    path: str, views: tuple[int, ...], is_64_bit: bool, bitness: int | None, by: str | None
) -> None:
    server = describe(*(entry(view, local_server=path) for view in views), is_64_bit=is_64_bit)
    assert (server.bitness, server.bitness_from) == (bitness, by)


def test_a_32_bit_windows_has_one_view_which_is_32_bit() -> None:
    assert describe(entry(local_server=PROGRAM), is_64_bit=False).registered_in == ("32-bit",)


def test_what_could_not_be_read_is_not_known() -> None:
    server = describe(entry(local_server=PROGRAM), services=None, processes=None)
    assert server.running is None
    service = describe(entry(), application=AppIdEntry(APP_ID, service="Svc"), services=None, processes=None)
    assert (service.kind, service.running, service.run_as, service.troubles) == ("service", None, None, ())


def test_a_service_that_is_not_there_is_a_trouble() -> None:
    server = describe(entry(), application=AppIdEntry(APP_ID, service="Svc"))
    assert (server.running, server.troubles) == (False, ("the host has no service Svc",))


def test_a_process_without_a_path_is_known_by_its_name() -> None:
    server = describe(entry(local_server=PROGRAM), processes={"server.exe": "server.exe"})
    assert server.running is True


def test_a_program_of_two_services_is_neither() -> None:
    services = [ServiceEntry(name, PROGRAM, "LocalSystem", "Running", "Auto") for name in ("One", "Two")]
    assert describe(entry(local_server=PROGRAM), services=services, processes={}).service is None


def test_views_that_disagree_are_said() -> None:
    other = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0999}"
    server = describe(
        entry(local_server=PROGRAM), entry(1, local_server=PROGRAM, app_id=other), application=AppIdEntry(APP_ID)
    )
    assert server.remarks == ("its two views name different AppIDs",)


def test_programs_are_found_as_services_and_as_processes() -> None:
    services = [ServiceEntry("Hist", r"D:\h\Historian.exe", "PLANT\\hist", "Stopped", "Auto")]
    processes = {r"d:\x\viewer.exe": r"D:\x\Viewer.exe", r"d:\h\other.exe": r"D:\h\other.exe"}
    wanted = wanted_programs([r"C:\any\HISTORIAN.EXE", "viewer.exe", "viewer.exe", ""])
    found = find_programs(wanted, HostFacts(services=services, processes=processes))
    assert [(item["program"], item["service"], item["running"]) for item in found] == [
        (r"D:\h\Historian.exe", "Hist", False),
        (r"D:\x\Viewer.exe", None, True),
    ]


# -- the libraries that carry an interface to a client


LIBRARY = next(item for item in PROXY_LIBRARIES if item.library == "opcproxy.dll")


def proxies_missing_for(
    server: OpcServer, view: int, *, is_64_bit: bool = True, proxy_class: str = "", path: str = ""
) -> list[str]:
    proxy = ProxyEntry(LIBRARY, view, proxy_class, path)
    host = HostFacts(applications={}, environment=ENVIRONMENT, is_64_bit=is_64_bit)
    found = find_in_discovery([server], [proxy], host)
    return [item.subject for item in found if item.code == "opc_proxy_missing"]


@pytest.mark.parametrize(
    ("kind", "specification", "bitness", "view", "is_missed"),
    [
        ("local_server", LIBRARY.needed_for[0], 64, 0, True),
        ("service", LIBRARY.needed_for[0], 32, 1, True),
        # A program loads libraries of its own bitness.
        ("local_server", LIBRARY.needed_for[0], 64, 1, False),
        ("local_server", LIBRARY.needed_for[0], 32, 0, False),
        ("local_server", LIBRARY.needed_for[0], None, 0, False),
        ("local_server", "another specification", 64, 0, False),
        ("in_process", LIBRARY.needed_for[0], 64, 0, False),
        ("unknown", LIBRARY.needed_for[0], 64, 0, False),
    ],
)
def test_a_library_is_missed_by_a_server_that_needs_it(
    kind: str, specification: str, bitness: int | None, view: int, is_missed: bool
) -> None:
    server = replace(describe(entry(local_server=PROGRAM)), kind=kind, specifications=(specification,), bitness=bitness)
    name = f"{LIBRARY.library} ({VIEW_NAMES[view]})"
    assert proxies_missing_for(server, view) == ([name] if is_missed else [])
    # Half registered is as bad; registered is good.
    assert proxies_missing_for(server, view, proxy_class="{1}") == ([name] if is_missed else [])
    assert proxies_missing_for(server, view, proxy_class="{1}", path="C:\\x.dll") == []


def test_a_32_bit_windows_has_32_bit_libraries() -> None:
    server = replace(describe(entry(local_server=PROGRAM)), specifications=(LIBRARY.needed_for[0],), bitness=32)
    assert proxies_missing_for(server, 0, is_64_bit=False) == [f"{LIBRARY.library} (32-bit)"]
    assert proxies_missing_for(replace(server, bitness=64), 0, is_64_bit=False) == []
