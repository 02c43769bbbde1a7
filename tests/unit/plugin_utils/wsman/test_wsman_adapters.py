# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The adapters on real connection plugin objects of ansible-core, over loopback: each way a connection can fail."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
import spnego
import trustme
import urllib3
from loopback_http import Answer, Loopback, serving
from wsman_responder import Responder

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _http_errors, _open, _psrp, _schema, _winrm
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConnectionDropped,
    ConnectionFailed,
    HostUnreachable,
    ProtocolError,
    TransportTimeout,
    UnsupportedConnection,
    WsmanError,
    WsmanFault,
)

pytestmark = pytest.mark.matrix

PASSWORD = "not-a-secret-7"
VALUE = {"hDefKey": 0x80000002, "sSubKeyName": "SOFTWARE", "sValueName": "a"}


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ntlm_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = tmp_path / "users"
    users.write_text(f":opcadmin:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))


@pytest.fixture(params=["winrm", "psrp"])
def plugin(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(plugin: str) -> Iterator[Callable[..., Any]]:
    """Return a function that makes a connection plugin object as Ansible's task executor does."""
    opened: list[Any] = []

    def make(port: int, **variables: Any) -> Any:
        connection = connection_object(plugin, port, **variables)
        opened.append(connection)
        return connection

    yield make
    for connection in opened:
        connection.close()


def connection_object(plugin: str, port: int, *, tls: bool = False, auth: str = "basic", **variables: Any) -> Any:
    from ansible.playbook.play_context import PlayContext
    from ansible.plugins.loader import connection_loader

    scheme = "https" if tls else "http"
    settings: dict[str, Any] = {
        "ansible_host": "127.0.0.1",
        "ansible_port": port,
        "ansible_user": "opcadmin",
        "ansible_password": PASSWORD,
        "ansible_winrm_scheme": scheme,
        "ansible_winrm_transport": [auth],
        "ansible_psrp_protocol": scheme,
        "ansible_psrp_auth": auth,
        "ansible_psrp_message_encryption": "never" if auth == "basic" else "auto",
        "ansible_winrm_message_encryption": "never" if auth == "basic" else "auto",
        **variables,
    }
    # What the plugin does not declare as an option it takes from the variables with its prefix, for pywinrm.
    extras = (
        "server_cert_validation",
        "ca_trust_path",
        "read_timeout_sec",
        "operation_timeout_sec",
        "message_encryption",
        "proxy",
    )
    settings["_extras"] = {k: v for k, v in settings.items() if k.removeprefix("ansible_winrm_") in extras}
    connection = connection_loader.get(plugin, PlayContext(), "/dev/null")
    connection.set_options(var_options=settings)
    return connection


def windows() -> Callable[[bytes], Answer]:
    host = Responder(rows=["<x/>"])

    def respond(data: bytes) -> Answer:
        reply = host.send(data)
        return Answer(reply.status, reply.body)

    return respond


def failure(connection: Any, operation: Callable[[Any], object] | None = None) -> WsmanError:
    client = _open.open_client(connection)
    with pytest.raises(WsmanError) as raised:
        (operation or (lambda item: item.get(_schema.WIN32_OPERATING_SYSTEM)))(client)
    assert PASSWORD not in str(raised.value)
    assert client.url in str(raised.value)
    return raised.value


# -- conversations ---------------------------------------------------------------------------------------------------


def test_a_conversation_on_one_connection_without_a_shell(connect: Callable[..., Any]) -> None:
    with serving(windows()) as host:
        connection = connect(host.port)
        client = _open.open_client(connection)
        client.get(_schema.WIN32_SERVICE, {"Name": "a"})
        client.invoke(_schema.WIN32_SERVICE, "StartService", {}, {"Name": "a"})
        client.get(_schema.WIN32_SERVICE, {"Name": "ü"})
        client.close()
        assert (host.connections, len(host.bodies)) == (1, 3)
        assert client.statistics.messages == 3
        assert b"shell" not in b"".join(host.bodies)
        connection.close()
        assert host.wait_until_closed()


def test_loop_items_share_the_connection(connect: Callable[..., Any]) -> None:
    with serving(windows()) as host:
        connection = connect(host.port)
        for name in ("a", "b", "c"):
            client = _open.open_client(connection)
            client.get(_schema.WIN32_SERVICE, {"Name": name})
            client.close()
            assert client.statistics.messages == 1
        assert host.connections == 1
        assert connection.connected  # or Ansible would make a new object for the next item


def test_the_plugin_s_own_session_is_left_alone(connect: Callable[..., Any], plugin: str) -> None:
    with serving(windows()) as host:
        connection = connect(host.port)
        own_close = type(connection).close
        _open.open_client(connection).get(_schema.WIN32_SERVICE, {"Name": "a"})
        if plugin == "winrm":
            assert connection.protocol is None
            assert connection.shell_id is None
        else:
            assert connection.runspace is None
        connection.close()
        assert connection.close.__func__ is own_close
        assert not connection.connected


def test_a_closed_connection_can_be_opened_again(connect: Callable[..., Any]) -> None:
    with serving(windows()) as host:
        connection = connect(host.port)
        _open.open_client(connection).get(_schema.WIN32_SERVICE, {"Name": "a"})
        connection.close()
        _open.open_client(connection).get(_schema.WIN32_SERVICE, {"Name": "a"})
        assert host.connections == 2


def test_faults_come_with_their_status_and_text(connect: Callable[..., Any]) -> None:
    body = (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code>'
        "<s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>Größe</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"
    )
    with serving(lambda data: Answer(500, body.encode())) as host:
        error = failure(connect(host.port))
        assert isinstance(error, WsmanFault)
        assert error.http_status == 500
        assert error.reason == "Größe"
        failure(connect(host.port))


def test_basic_credentials_are_sent_at_once(connect: Callable[..., Any]) -> None:
    with serving(windows()) as host:
        _open.open_client(connect(host.port)).get(_schema.WIN32_SERVICE, {"Name": "a"})
        assert host.authorizations[0].startswith("Basic ")
        assert len(host.raw) == 1


@pytest.mark.parametrize("auth", ["ntlm"])
def test_ntlm_messages_are_sealed(connect: Callable[..., Any], ntlm_users: None, auth: str) -> None:
    with serving(windows(), ntlm=True) as host:
        client = _open.open_client(connect(host.port, auth=auth))
        for _unused in range(3):
            client.get(_schema.WIN32_SERVICE, {"Name": "a"})
        assert host.connections == 1
        assert len(host.bodies) == 3
        assert all(b"Win32_Service" in body for body in host.bodies)
        assert not any(b"Win32_Service" in raw for raw in host.raw)


def test_a_read_survives_the_loss_of_an_ntlm_connection(connect: Callable[..., Any], ntlm_users: None) -> None:
    respond = windows()

    def closing(data: bytes) -> Answer:
        answer = respond(data)
        return Answer(answer.status, answer.body, then_close=True)

    with serving(closing, ntlm=True) as host:
        client = _open.open_client(connect(host.port, auth="ntlm"))
        for _unused in range(3):
            client.get(_schema.WIN32_SERVICE, {"Name": "a"})
        assert len(host.bodies) == 3
        assert host.connections >= 3
        assert not any(b"Win32_Service" in raw for raw in host.raw)


def test_a_write_on_a_lost_ntlm_connection_is_not_sent_again(connect: Callable[..., Any], ntlm_users: None) -> None:
    respond = windows()

    def closing(data: bytes) -> Answer:
        answer = respond(data)
        return Answer(answer.status, answer.body, then_close=True)

    with serving(closing, ntlm=True) as host:
        client = _open.open_client(connect(host.port, auth="ntlm"))
        client.get(_schema.WIN32_SERVICE, {"Name": "a"})
        with pytest.raises(ConnectionDropped) as raised:
            client.invoke(_schema.STD_REG_PROV, "DeleteValue", VALUE)
        assert raised.value.outcome_unknown
        assert len(host.bodies) == 1
        client.invoke(_schema.STD_REG_PROV, "DeleteValue", VALUE)  # the next message starts anew
        assert len(host.bodies) == 2


def test_nothing_goes_out_in_the_clear_after_a_failed_set_up(connect: Callable[..., Any], ntlm_users: None) -> None:
    with serving(windows(), ntlm=False) as host:
        host.respond = lambda data: Answer(503, b"busy") if not data else Answer(200)
        client = _open.open_client(connect(host.port, auth="ntlm"))
        for _unused in range(3):
            with pytest.raises(WsmanError):
                client.get(_schema.WIN32_SERVICE, {"Name": "a"})
        assert set(host.raw) == {b""}  # only the empty messages that ask for authentication


# -- failures --------------------------------------------------------------------------------------------------------


def test_refused(connect: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    error = failure(connect(port))
    assert type(error) is ConnectionFailed
    assert "refused" in str(error)
    assert "firewall" in error.hint


def test_a_name_that_does_not_resolve(connect: Callable[..., Any]) -> None:
    error = failure(connect(5985, ansible_host="host.invalid"))
    assert type(error) is ConnectionFailed
    assert "does not resolve" in str(error)


def test_wrong_password(connect: Callable[..., Any]) -> None:
    offered = {"WWW-Authenticate": 'Negotiate, Kerberos, Basic realm="WSMAN"'}
    with serving(lambda data: Answer(401, headers=offered)) as host:
        error = failure(connect(host.port))
    assert type(error) is AuthenticationFailed
    assert "it offers Basic, Kerberos, Negotiate" in str(error)
    assert "'opcadmin' with basic" in str(error)


def test_wrong_password_with_ntlm(connect: Callable[..., Any], ntlm_users: None) -> None:
    with serving(windows(), ntlm=True) as host:
        client = _open.open_client(connect(host.port, auth="ntlm", ansible_password="wrong"))
        with pytest.raises(AuthenticationFailed, match="opcadmin"):
            client.get(_schema.WIN32_SERVICE, {"Name": "a"})
        assert host.bodies == []


def test_a_host_without_the_scheme(connect: Callable[..., Any]) -> None:
    with serving(lambda data: Answer(401, headers={"WWW-Authenticate": 'Basic realm="WSMAN"'})) as host:
        error = failure(connect(host.port, auth="ntlm"))
    assert type(error) is AuthenticationFailed
    assert "Basic" in str(error)


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (Answer(404), ConnectionFailed, "no WS-Management service"),
        (Answer(405, b"<html>no</html>"), ConnectionFailed, "no WS-Management service"),
        (Answer(500), ConnectionFailed, "AllowUnencrypted"),
        (Answer(200, b"<html><body>Welcome</body></html>"), ProtocolError, "HTML page, not SOAP"),
        (Answer(500, b"<html>IIS \xe4</html>"), ProtocolError, "HTML page, not SOAP"),
        (Answer(503, b"Service Unavailable"), ConnectionFailed, "HTTP 503"),
        (Answer(413), WsmanError, "MaxEnvelopeSizekb"),
        (Answer(200), ProtocolError, "empty"),
        (Answer(200, b"<s:Envelope"), ProtocolError, "not well-formed"),
    ],
    ids=["404", "405", "500 empty", "html", "html 500 latin-1", "503", "413", "200 empty", "truncated"],
)
def test_http_answers_that_are_no_soap(
    connect: Callable[..., Any], answer: Answer, kind: type[WsmanError], text: str
) -> None:
    with serving(lambda data: answer) as host:
        error = failure(connect(host.port))
    assert isinstance(error, kind)
    assert text in str(error)


def _variables(**seconds: int) -> dict[str, Any]:
    operation, read = seconds["operation"], seconds["read"]
    return {
        "ansible_winrm_operation_timeout_sec": operation,
        "ansible_winrm_read_timeout_sec": read,
        "ansible_psrp_operation_timeout": operation,
        "ansible_psrp_read_timeout": read,
    }


def test_no_answer_in_time(connect: Callable[..., Any]) -> None:
    with serving(lambda data: Answer(wait_s=30)) as host:
        connection = connect(host.port, **_variables(operation=1, read=2))
        error = failure(connection, lambda client: client.invoke(_schema.STD_REG_PROV, "DeleteValue", VALUE))
    assert type(error) is TransportTimeout
    assert error.outcome_unknown
    assert len(host.raw) == 1


@pytest.mark.parametrize("answer", [Answer(drop=True), Answer(200, b"<s:Env", cut=True)], ids=["reset", "cut"])
def test_a_dropped_connection(connect: Callable[..., Any], answer: Answer) -> None:
    with serving(lambda data: answer) as host:
        error = failure(connect(host.port))
        assert type(error) is ConnectionDropped
        assert len(host.raw) == 2  # a read is sent once more
        error = failure(connect(host.port), lambda client: client.invoke(_schema.STD_REG_PROV, "DeleteValue", VALUE))
        assert type(error) is ConnectionDropped
        assert error.outcome_unknown
        assert len(host.raw) == 3


def test_a_proxy_that_does_not_answer(connect: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = f"http://user:proxy-word@127.0.0.1:{listening.getsockname()[1]}"
    error = failure(connect(5985, ansible_winrm_proxy=proxy, ansible_psrp_proxy=proxy))
    assert type(error) is ConnectionFailed
    assert "proxy did not connect" in str(error)
    assert "proxy-word" not in str(error)


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (requests.exceptions.ConnectTimeout(), TransportTimeout, "no connection within the time"),
        (requests.exceptions.ReadTimeout(), TransportTimeout, "no answer within the time"),
        (
            requests.exceptions.ConnectionError(
                urllib3.exceptions.NewConnectionError(None, "x"), OSError(101, "Network is unreachable")
            ),
            ConnectionFailed,
            "Network is unreachable",
        ),
        (requests.exceptions.ConnectionError(ConnectionResetError(104, "reset")), ConnectionDropped, "broke"),
        (requests.exceptions.ChunkedEncodingError("x"), ConnectionDropped, "broke"),
        (requests.exceptions.TooManyRedirects("30 redirects"), ConnectionFailed, "30 redirects"),
        (PermissionError("no challenge token"), AuthenticationFailed, "no challenge token"),
        (PermissionError(1, "Operation not permitted"), ConnectionFailed, "Operation not permitted"),
        (spnego.exceptions.SpnegoError(spnego.exceptions.ErrorCode.no_cred), AuthenticationFailed, "authentication"),
        (KeyError("content-type"), ProtocolError, "cannot be read or decrypted: 'content-type'"),
        (ValueError("short"), ProtocolError, "cannot be read or decrypted: short"),
    ],
    ids=repr,
)
def test_translation(raised: Exception, kind: type[WsmanError], text: str) -> None:
    peer = _http_errors.Peer("http://host:5985/wsman", "user", "ntlm", "ansible_winrm_ca_trust_path")
    error = _http_errors.translate(raised, peer, had_session=True)
    assert type(error) is kind
    assert text in str(error)


def test_a_library_that_trips_before_the_first_answer_points_at_the_settings() -> None:
    peer = _http_errors.Peer("http://host:5985/wsman", "user", "ntlm", "ansible_winrm_ca_trust_path")
    error = _http_errors.translate(AttributeError("wrap"), peer, had_session=False)
    assert type(error) is UnsupportedConnection
    assert "cannot be set up: wrap (AttributeError)" in str(error)


def test_what_is_not_http(connect: Callable[..., Any]) -> None:
    def greet(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                peer, _address = listening.accept()
                with peer:
                    peer.sendall(b"220 mail ready\r\n")
                    peer.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=greet, args=(listening,), daemon=True)
        thread.start()
        error = failure(connect(listening.getsockname()[1]))
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert isinstance(error, HostUnreachable)


# -- TLS -------------------------------------------------------------------------------------------------------------


def server_tls(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_an_untrusted_certificate(connect: Callable[..., Any], authority: trustme.CA, plugin: str) -> None:
    with serving(windows(), tls=server_tls(authority)) as host:
        error = failure(connect(host.port, tls=True))
    assert type(error) is CertificateRejected
    assert "does not verify" in str(error)
    assert ("ansible_winrm_ca_trust_path" if plugin == "winrm" else "ansible_psrp_ca_cert") in error.hint


def trust(authority: trustme.CA, tmp_path: Path) -> dict[str, Any]:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    return {"ansible_winrm_ca_trust_path": str(bundle), "ansible_psrp_ca_cert": str(bundle)}


def test_a_trusted_certificate(connect: Callable[..., Any], authority: trustme.CA, tmp_path: Path) -> None:
    with serving(windows(), tls=server_tls(authority)) as host:
        client = _open.open_client(connect(host.port, tls=True, **trust(authority, tmp_path)))
        client.get(_schema.WIN32_SERVICE, {"Name": "a"})
        assert host.connections == 1
        assert client.verifies_peer


def test_a_certificate_for_another_name(connect: Callable[..., Any], authority: trustme.CA, tmp_path: Path) -> None:
    with serving(windows(), tls=server_tls(authority, "other.example")) as host:
        error = failure(connect(host.port, tls=True, **trust(authority, tmp_path)))
    assert type(error) is CertificateRejected
    assert "127.0.0.1" in str(error)


@pytest.mark.filterwarnings("ignore::Warning")
def test_verification_switched_off(connect: Callable[..., Any], authority: trustme.CA) -> None:
    off = {"ansible_winrm_server_cert_validation": "ignore", "ansible_psrp_cert_validation": "ignore"}
    with serving(windows(), tls=server_tls(authority)) as host:
        client = _open.open_client(connect(host.port, tls=True, **off))
        assert client.get(_schema.WIN32_SERVICE, {"Name": "a"}).class_name == "Win32_Service"
        assert host.connections == 1
        assert not client.verifies_peer


@pytest.mark.parametrize("auth", ["basic", "plaintext"])
def test_a_readable_password_is_refused_unless_told(connect: Callable[..., Any], plugin: str, auth: str) -> None:
    if (plugin, auth) == ("psrp", "plaintext"):
        pytest.skip("psrp has no plaintext")
    unless_told = {"ansible_winrm_message_encryption": "auto", "ansible_psrp_message_encryption": "auto"}
    with serving(windows()) as host:
        with pytest.raises(UnsupportedConnection, match=r"readable over the network|[Ee]ncrypt"):
            _open.open_client(connect(host.port, auth=auth, **unless_told))
        assert host.connections == 0


def test_https_to_an_http_port(connect: Callable[..., Any]) -> None:
    with serving(windows()) as host:
        error = failure(connect(host.port, tls=True))
    assert isinstance(error, ConnectionFailed)
    assert "TLS" in str(error)


def test_http_to_an_https_port(connect: Callable[..., Any], authority: trustme.CA) -> None:
    with serving(windows(), tls=server_tls(authority)) as host:
        error = failure(connect(host.port))
    assert isinstance(error, ConnectionFailed)


def test_a_missing_file_of_authorities(connect: Callable[..., Any]) -> None:
    error = failure(
        connect(5986, tls=True, ansible_winrm_ca_trust_path="/none/ca.pem", ansible_psrp_ca_cert="/none/ca.pem")
    )
    assert isinstance(error, ConnectionFailed)
    assert "/none/ca.pem" in str(error)


# -- what cannot work ------------------------------------------------------------------------------------------------


def test_other_connection_plugins_are_refused() -> None:
    from ansible.playbook.play_context import PlayContext
    from ansible.plugins.loader import connection_loader

    for name in ("local", "ssh"):
        connection = connection_loader.get(name, PlayContext(), "/dev/null")
        with pytest.raises(UnsupportedConnection, match=f"'{name}' cannot carry WS-Management.*ansible_connection"):
            _open.open_client(connection)


def test_missing_libraries_are_named(connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_winrm, "HAS_PYWINRM", False)
    monkeypatch.setattr(_psrp, "HAS_PYPSRP", False)
    with pytest.raises(UnsupportedConnection, match=r"py(winrm|psrp) is not installed"):
        _open.open_client(connect(5985))


def test_vanished_private_names_are_named(connect: Callable[..., Any]) -> None:
    from ansible.release import __version__

    class Changed:
        transport = "winrm"
        shell_id = None

    for plugin in ("winrm", "psrp"):
        Changed.transport = plugin
        with pytest.raises(UnsupportedConnection, match=rf"{plugin} connection plugin of ansible-core {__version__}"):
            _open.open_client(Changed())


def test_settings_that_contradict_each_other(connect: Callable[..., Any], plugin: str) -> None:
    with serving(windows()) as host:
        connection = connect(
            host.port, ansible_psrp_message_encryption="always", ansible_winrm_message_encryption="always"
        )
        with pytest.raises(UnsupportedConnection, match="encryption"):
            _open.open_client(connection).get(_schema.WIN32_OPERATING_SYSTEM)
        assert host.raw == []


def test_settings_the_winrm_plugin_refuses() -> None:
    with pytest.raises(UnsupportedConnection, match=r"winrm connection cannot be set up: .*nonsense"):
        _open.open_client(connection_object("winrm", 5985, auth="nonsense"))
    with pytest.raises(ConnectionFailed, match=r"winrm connection cannot be set up: .*[Kk]erberos"):
        _open.open_client(connection_object("winrm", 5985, auth="kerberos", ansible_winrm_kinit_cmd="/none/kinit"))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {"winrm": (60, (30, 70)), "psrp": (60, 70)}),
        (_variables(operation=5, read=9), {"winrm": (5, (9, 9)), "psrp": (5, 9)}),
        (
            {"ansible_winrm_operation_timeout_sec": 40, "ansible_psrp_operation_timeout": 40},
            {"winrm": (40, (30, 50)), "psrp": (40, 30)},
        ),
        (
            {"ansible_winrm_connection_timeout": 12, "ansible_psrp_connection_timeout": 12},
            {"winrm": (12, (22, 22)), "psrp": (60, 70)},
        ),
    ],
    ids=["defaults", "both set", "operation set", "connection set"],
)
def test_time_outs(
    connect: Callable[..., Any], plugin: str, variables: dict[str, Any], expected: dict[str, Any]
) -> None:
    connection = connect(5985, **variables)
    opener: Callable[[Any], Any] = {"winrm": _winrm.open_winrm, "psrp": _psrp.open_psrp}[plugin]
    transport = opener(connection)
    read = transport._http.read_timeout_sec if plugin == "winrm" else transport._http.read_timeout
    assert (transport.operation_timeout_s, read) == expected[plugin]


def test_message_ids_are_random_and_in_upper_case() -> None:
    first, second = _open.random_message_id(), _open.random_message_id()
    assert first != second
    assert first.startswith("uuid:")
    assert first[5:] == first[5:].upper()
    assert len(first) == 41


def test_the_loopback_server_counts_closed_connections() -> None:
    with serving(windows()) as host:
        assert isinstance(host, Loopback)
        with socket.create_connection(("127.0.0.1", host.port)):
            pass
        assert host.wait_until_closed()
