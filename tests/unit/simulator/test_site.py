# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site as tests use it: scripted faults, violations, many hosts, start and stop."""

from __future__ import annotations

import base64
import http.client
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
from front_messages import MESSAGE_ID, TRANSFER, WMI, envelope, fault_code
from small_windows import PASSWORD, USER, SmallWindows

from simulator.faults import Effect, FaultScript, ScriptedFault, fault_from_json
from simulator.front.xml import XmlError, parse
from simulator.site import SimulatedSite, SiteError

HEADERS = {
    "Content-Type": "application/soap+xml;charset=UTF-8",
    "Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
}
STOP = envelope(
    f"{WMI}/Win32_Service/StopService",
    f"{WMI}/Win32_Service",
    f'<q:StopService_INPUT xmlns:q="{WMI}/Win32_Service"/>',
    {"Name": "svc1"},
)
GET = envelope(f"{TRANSFER}/Get", f"{WMI}/Win32_OperatingSystem")


@pytest.fixture
def windows() -> SmallWindows:
    return SmallWindows()


@pytest.fixture
def site(windows: SmallWindows) -> Iterator[SimulatedSite]:
    with SimulatedSite({"host": windows}) as running:
        yield running
        running.check()


def post(site: SimulatedSite, payload: bytes, name: str = "host") -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", site[name].ports["http"], timeout=10)
    try:
        client.request("POST", "/wsman", payload, HEADERS)
        response = client.getresponse()
        return response.status, response.read()
    finally:
        client.close()


LOST = (ConnectionError, http.client.HTTPException)


@pytest.mark.parametrize(
    ("effect", "is_carried_out"),
    [(Effect.DROP_BEFORE, False), (Effect.DROP_AFTER, True), (Effect.DROP_MIDWAY, True)],
)
def test_dropped_connections(site: SimulatedSite, windows: SmallWindows, effect: Effect, is_carried_out: bool) -> None:
    site.add_fault("host", ScriptedFault(effect))
    with pytest.raises(LOST):
        post(site, STOP)
    assert bool(windows.table("Win32_Service").calls) == is_carried_out
    assert post(site, STOP)[0] == 200
    assert site["host"].faults.struck == [(1, "Win32_Service.StopService", effect)]
    assert site["host"].faults.is_exhausted


@pytest.mark.parametrize(
    ("fault", "status", "is_carried_out"),
    [
        (ScriptedFault(Effect.UNAUTHORIZED), 401, False),
        (ScriptedFault(Effect.TOO_LARGE), 413, False),
        (ScriptedFault(Effect.HTML), 200, False),
        (ScriptedFault(Effect.FAULT), 500, False),
        (ScriptedFault(Effect.FAULT, code=2150859174), 500, False),
        (ScriptedFault(Effect.FAULT, code=1234567), 500, False),
        (ScriptedFault(Effect.FAULT_AFTER, code=2150858793), 500, True),
        (ScriptedFault(Effect.TRUNCATED), 200, True),
        (ScriptedFault(Effect.WRONG_RELATES_TO), 200, True),
        (ScriptedFault(Effect.XML_BOMB), 200, True),
        (ScriptedFault(Effect.SLOW, seconds=0.05), 200, True),
    ],
)
def test_wrong_answers(
    site: SimulatedSite, windows: SmallWindows, fault: ScriptedFault, status: int, is_carried_out: bool
) -> None:
    site.add_fault("host", fault)
    found, body = post(site, STOP)
    assert found == status
    assert bool(windows.table("Win32_Service").calls) == is_carried_out
    if fault.effect in (Effect.FAULT, Effect.FAULT_AFTER):
        assert fault_code(ET.fromstring(body)) == fault.code
    if fault.effect in (Effect.TRUNCATED, Effect.XML_BOMB):
        with pytest.raises(XmlError):
            parse(body)
    if fault.effect is Effect.WRONG_RELATES_TO:
        assert b"<a:RelatesTo>uuid:" in body
        assert MESSAGE_ID.encode() not in body
    assert post(site, STOP)[0] == 200


def test_a_fault_strikes_the_kth_message_it_matches(site: SimulatedSite) -> None:
    site.add_fault("host", ScriptedFault(Effect.FAULT, at=2, times=2, operation="Win32_Service.Stop*"))
    statuses = [post(site, payload)[0] for payload in (STOP, GET, STOP, GET, STOP, STOP)]
    assert statuses == [200, 200, 500, 200, 500, 200]


def test_a_fault_can_choose_by_any_property_of_a_message(site: SimulatedSite) -> None:
    site.add_fault("host", ScriptedFault(Effect.FAULT, when=lambda message: message.action.endswith("/Get")))
    assert [post(site, payload)[0] for payload in (STOP, GET, GET)] == [200, 500, 200]


def test_callbacks_run_before_or_after_the_work(site: SimulatedSite, windows: SmallWindows) -> None:
    seen: list[int] = []

    def note() -> None:
        seen.append(len(windows.table("Win32_Service").calls))

    site.add_fault("host", ScriptedFault(Effect.CALL_BEFORE, callback=note))
    assert post(site, STOP)[0] == 200
    site.add_fault("host", ScriptedFault(Effect.CALL_AFTER, callback=note))
    with pytest.raises(LOST):
        post(site, STOP)
    site.add_fault("host", ScriptedFault(Effect.CALL_BETWEEN, callback=note))
    assert post(site, STOP)[0] == 200
    assert seen == [0, 2, 3]


def test_faults_that_make_no_sense_are_refused() -> None:
    for wrong in ({"effect": "nope"}, {}, {"effect": "fault", "at": "1"}, {"effect": "fault", "at": True}, {"x": 1}):
        with pytest.raises(ValueError, match=r"fault|Effect"):
            fault_from_json(wrong)
    with pytest.raises(ValueError, match="callback"):
        ScriptedFault(Effect.CALL_AFTER)
    with pytest.raises(ValueError, match="message 1"):
        ScriptedFault(Effect.FAULT, at=0)
    assert fault_from_json({"effect": "slow", "seconds": 1, "at": 3}) == ScriptedFault(Effect.SLOW, at=3, seconds=1)
    assert FaultScript().is_exhausted


def test_violations_fail_the_check_unless_they_are_expected(windows: SmallWindows) -> None:
    nope = envelope(f"{TRANSFER}/Get", f"{WMI}/Win32_Nope")
    with SimulatedSite({"host": windows, "second": SmallWindows()}) as site:
        post(site, nope, "second")
        with pytest.raises(AssertionError, match=r"second: front: Win32_Nope\.Get: no class Win32_Nope"):
            site.check()
        site.expect_violation("^second: .*no class Win32_Nope")
        site.check()
        site.expect_violation("no class Win32_Other")
        with pytest.raises(AssertionError, match="expected, but not seen: no class Win32_Other"):
            site.check()


def test_two_hundred_hosts_in_one_process() -> None:
    hosts = {f"h{number:03}": SmallWindows() for number in range(200)}
    threads = threading.active_count()
    with SimulatedSite(hosts) as site:
        assert threading.active_count() == threads + 1
        assert len({site[name].ports["http"] for name in site}) == 200
        statuses: list[int] = []

        def work(names: list[str]) -> None:
            statuses.extend(post(site, GET, name)[0] for name in names)

        workers = [threading.Thread(target=work, args=(list(hosts)[start::8],)) for start in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert statuses == [200] * 200
        site.check()
    assert threading.active_count() == threads


def test_a_port_that_is_taken_raises_where_the_site_is_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        threads = threading.active_count()
        with pytest.raises(OSError, match="in use"):
            SimulatedSite({"host": SmallWindows()}, port_base=taken.getsockname()[1]).start()
        assert threading.active_count() == threads


def test_after_the_end_nothing_listens(windows: SmallWindows) -> None:
    with SimulatedSite({"host": windows}) as site:
        port = site["host"].ports["http"]
        idle = socket.create_connection(("127.0.0.1", port), 10)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 10)
    idle.close()
    site.stop()


@pytest.mark.parametrize("wrong", [{"schemes": ["ftp"]}, {"auth": ["kerberos"]}, {"schemes": []}, {"auth": []}])
def test_a_site_refuses_settings_it_does_not_have(wrong: dict[str, list[str]]) -> None:
    with pytest.raises(SiteError):
        SimulatedSite({"host": SmallWindows()}, **wrong)  # type: ignore[arg-type]


def test_run_in_loop_returns_and_raises(site: SimulatedSite, windows: SmallWindows) -> None:
    assert site.run_in_loop(lambda: threading.current_thread().name) == "simulated-site"
    with pytest.raises(ZeroDivisionError):
        site.run_in_loop(lambda: 1 // 0)


def test_inventory_variables(windows: SmallWindows) -> None:
    with SimulatedSite({"host": windows}, schemes=["http", "https"]) as site:
        plain = site.inventory_vars("host")
        assert plain["ansible_port"] == site["host"].ports["http"]
        assert (plain["ansible_user"], plain["ansible_winrm_transport"]) == (USER, "basic")
        tls = site.inventory_vars("host", connection="psrp", scheme="https", auth="ntlm", account="other")
        assert (tls["ansible_port"], tls["ansible_password"]) == (site["host"].ports["https"], "Secret-2")
        assert tls["ansible_psrp_ca_cert"] == site.ca_path
        for wrong in ({"auth": "kerberos"}, {"account": "nobody"}, {"scheme": "ftp"}, {"connection": "ssh"}):
            with pytest.raises(ValueError, match=r"kerberos|nobody|ftp|ssh"):
                site.inventory_vars("host", **wrong)
