# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP behaviour of a listener (wsman_cim.md 1.1), seen through the standard library's client and raw sockets."""

from __future__ import annotations

import base64
import http.client
import socket
import time
from collections.abc import Iterator

import pytest
import spnego
from front_messages import TRANSFER, WMI, envelope
from small_windows import PASSWORD, USER, SmallWindows

from simulator.site import SimulatedSite

SOAP = "application/soap+xml;charset=UTF-8"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
GET = envelope(f"{TRANSFER}/Get", f"{WMI}/Win32_OperatingSystem")
IDENTIFY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    b' xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    b"<s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
)
SEALED = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'


@pytest.fixture
def windows() -> SmallWindows:
    return SmallWindows()


@pytest.fixture
def site(windows: SmallWindows) -> Iterator[SimulatedSite]:
    with SimulatedSite({"host": windows}) as running:
        yield running


@pytest.fixture
def connection(site: SimulatedSite) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection("127.0.0.1", site["host"].ports["http"], timeout=10)
    yield client
    client.close()


def post(
    client: http.client.HTTPConnection, body: bytes, path: str = "/wsman", **headers: str
) -> tuple[int, bytes, list[str]]:
    """(status, body, WWW-Authenticate values)."""
    sent = {"Content-Type": SOAP, "Authorization": BASIC} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    client.request("POST", path, body, {name: text for name, text in sent.items() if text})
    response = client.getresponse()
    return response.status, response.read(), response.headers.get_all("WWW-Authenticate") or []


def test_many_messages_travel_on_one_connection(site: SimulatedSite, connection: http.client.HTTPConnection) -> None:
    for _unused in range(3):
        status, body, _unused = post(connection, GET)
        assert (status, b"6.3.9600" in body) == (200, True)
    statistics = site["host"].statistics
    assert (statistics.connections, statistics.posts, statistics.messages) == (1, 3, 3)
    assert statistics.bytes_received > 3 * len(GET)
    assert statistics.bytes_sent > 3 * len(body)


def test_headers_of_an_answer(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/wsman", GET, {"Content-Type": SOAP, "Authorization": BASIC})
    response = connection.getresponse()
    body = response.read()
    assert response.headers["Content-Type"] == SOAP
    assert response.headers["Server"] == "Microsoft-HTTPAPI/2.0"
    assert response.headers["Content-Length"] == str(len(body))
    assert response.headers["Date"].endswith("GMT")


def test_what_is_no_post_to_wsman(connection: http.client.HTTPConnection) -> None:
    assert post(connection, GET, "/other")[:2] == (404, b"")
    connection.request("GET", "/wsman")
    response = connection.getresponse()
    assert (response.status, response.read()) == (405, b"")
    assert post(connection, GET, "/WSMAN/?x=1")[0] == 200


def test_a_request_without_length_is_refused(connection: http.client.HTTPConnection) -> None:
    connection.request(
        "POST", "/wsman", iter([GET]), {"Content-Type": SOAP, "Authorization": BASIC}, encode_chunked=True
    )
    response = connection.getresponse()
    assert (response.status, response.read()) == (411, b"")


def test_no_or_bad_credentials(connection: http.client.HTTPConnection) -> None:
    bad = "Basic " + base64.b64encode(b"Administrator:wrong").decode()
    for value in (
        "",
        bad,
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Bearer x",
        "Negotiate AAAA",
    ):
        status, body, challenges = post(connection, GET, Authorization=value)
        assert (status, body) == (401, b"")
        assert challenges == ["Negotiate", "Kerberos", 'Basic realm="WSMAN"']


def test_an_authenticated_empty_post_is_an_empty_200(connection: http.client.HTTPConnection) -> None:
    assert post(connection, b"") == (200, b"", [])


def test_a_request_larger_than_the_server_reads_is_a_bare_413(connection: http.client.HTTPConnection) -> None:
    assert post(connection, b"x" * (500 * 1024 + 1)) == (413, b"", [])
    assert post(connection, GET)[0] == 200


def test_a_sealed_body_without_a_context_is_a_bare_400(connection: http.client.HTTPConnection) -> None:
    assert post(connection, b"--Encrypted Boundary\r\n", Content_Type=SEALED) == (400, b"", [])


def test_plain_http_is_refused_unless_allowed(connection: http.client.HTTPConnection, windows: SmallWindows) -> None:
    windows.allow_unencrypted = False
    assert post(connection, GET) == (500, b"", [])


def test_identify_tells_less_to_strangers(connection: http.client.HTTPConnection) -> None:
    status, body, _unused = post(connection, IDENTIFY, Authorization="", WSMANIDENTIFY="unauthenticated")
    assert (status, b"OS: 0.0.0 SP: 0.0 Stack: 3.0" in body) == (200, True)
    status, body, _unused = post(connection, IDENTIFY)
    assert (status, b"OS: 6.3.9600 SP: 0.0 Stack: 3.0" in body) == (200, True)
    assert b"SecurityProfileName" in body
    assert post(connection, GET, Authorization="", WSMANIDENTIFY="unauthenticated")[0] == 401


def test_utf_16_is_answered_in_utf_16(connection: http.client.HTTPConnection) -> None:
    payload = GET.decode().encode("utf-16")
    status, body, _unused = post(connection, payload, Content_Type="application/soap+xml;charset=UTF-16")
    assert status == 200
    assert "6.3.9600" in body.decode("utf-16")
    assert post(connection, b"\x00\xd8\x00", Content_Type="application/soap+xml;charset=UTF-16")[0] == 500


def test_a_broken_request_line_is_a_400(site: SimulatedSite) -> None:
    with socket.create_connection(("127.0.0.1", site["host"].ports["http"]), 10) as raw:
        raw.sendall(b"\x16\x03\x01 no http\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")


def test_every_part_of_a_request_may_come_alone(site: SimulatedSite) -> None:
    head = f"POST /wsman HTTP/1.1\r\nHost: h\r\nAuthorization: {BASIC}\r\nContent-Length: {len(GET)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", site["host"].ports["http"]), 10) as raw:
        for part in (head[:20], head[20:], GET[:7], GET[7:]):
            raw.sendall(part)
            time.sleep(0.01)
        assert raw.recv(100).startswith(b"HTTP/1.1 200")


def test_a_host_that_is_down_drops_every_connection(
    site: SimulatedSite, windows: SmallWindows, connection: http.client.HTTPConnection
) -> None:
    assert post(connection, GET)[0] == 200
    windows.is_up = False
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        post(connection, GET)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        post(connection, GET)
    windows.is_up = True
    connection.close()
    assert post(connection, GET)[0] == 200


def test_a_connection_does_not_survive_a_boot(windows: SmallWindows, connection: http.client.HTTPConnection) -> None:
    assert post(connection, GET)[0] == 200
    windows.boot_count += 1
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        post(connection, GET)


def test_a_bug_outside_the_dispatcher_is_a_500_and_a_violation(
    windows: SmallWindows, connection: http.client.HTTPConnection
) -> None:
    windows.accounts = None  # type: ignore[assignment]
    assert post(connection, GET) == (500, b"", [])
    assert "AttributeError" in windows.journal.violations[0].message


def test_a_password_the_ntlm_acceptor_cannot_be_told_is_no_silent_401(
    windows: SmallWindows, connection: http.client.HTTPConnection
) -> None:
    windows.accounts["other"] = "with:colon"
    token = spnego.client(USER, PASSWORD, protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm).step() or b""
    assert post(connection, GET, Authorization=f"Negotiate {base64.b64encode(token).decode()}") == (500, b"", [])
    assert "the password of other has a colon" in windows.journal.violations[0].message


def test_a_host_can_be_replaced_behind_its_port(
    site: SimulatedSite, windows: SmallWindows, connection: http.client.HTTPConnection
) -> None:
    assert post(connection, GET)[0] == 200
    fresh = SmallWindows()
    fresh.accounts = {USER: "another"}
    site.run_in_loop(lambda: site["host"].replace(fresh))
    assert site["host"].statistics.messages == 0
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        post(connection, GET)
    connection.close()
    assert post(connection, GET)[0] == 401


def test_a_delay_is_added_to_every_message(windows: SmallWindows) -> None:
    with SimulatedSite({"host": windows}, delay_s=0.1) as site:
        client = http.client.HTTPConnection("127.0.0.1", site["host"].ports["http"], timeout=10)
        post(client, b"")
        started = time.monotonic()
        post(client, GET)
        post(client, GET)
        assert 0.2 <= time.monotonic() - started < 1.0
        client.close()
