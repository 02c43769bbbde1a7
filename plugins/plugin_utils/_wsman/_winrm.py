# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Transport over Ansible's `winrm` connection plugin: pywinrm's HTTP part, without its remote shell.

`Connection._winrm_connect` builds pywinrm's Protocol (after kinit where Kerberos tickets are managed) and opens a shell
with it unless `shell_id` is set; with a shell_id for the moment of the call it only builds the object. Both private
names are the same in ansible-core 2.16 to 2.21. The Protocol is never stored in `connection.protocol`: the plugin would
take it for one with a shell.
"""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.release import __version__ as ansible_core_version

from ._errors import ConnectionFailed, UnsupportedConnection
from ._http_errors import CAUGHT, Peer, http_status, refused, translate
from ._replies import Reply

try:
    from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError
except ImportError:
    HAS_PYWINRM = False
else:
    HAS_PYWINRM = True

OPERATION_TIMEOUT_S = 60  # the most a host grants by default (MaxTimeoutms)
READ_MARGIN_S = 10
CONNECT_TIMEOUT_S = 30
# They encrypt nothing by themselves and send the password as it is. pypsrp refuses them over http by itself.
_IN_THE_CLEAR = ("basic", "plaintext")


class WinrmTransport:
    """Sends messages through pywinrm's `winrm.transport.Transport`."""

    def __init__(self, protocol: Any) -> None:
        http = protocol.transport
        self._http = http
        self.operation_timeout_s = int(protocol.operation_timeout_sec)
        self._peer = Peer(http.endpoint, http.username or "", http.auth_method, "ansible_winrm_ca_trust_path")

    @property
    def url(self) -> str:
        return self._peer.url

    @property
    def verifies_peer(self) -> bool:
        return not self.url.startswith("https:") or self._http.server_cert_validation != "ignore"

    def send(self, message: bytes) -> Reply:
        had_session = self._http.session is not None
        try:
            return Reply(200, self._http.send_message(message))
        except WinRMTransportError as error:
            # A refusal while the session is set up leaves one without encryption, over which pywinrm would go on to
            # send messages in the clear.
            if not had_session and self._http.encryption is None:
                self.reset()
            return _reply(error)
        except UnicodeDecodeError as error:
            # pywinrm takes every error page for UTF-8; the bytes of one that is not are in the exception.
            self.reset()
            return Reply(http_status(error) or 200, error.object)
        except InvalidCredentialsError as error:
            self.reset()
            raise refused(error, self._peer) from error
        except (WinRMError, *CAUGHT) as error:
            self.reset()
            raise translate(error, self._peer, had_session=had_session) from error

    def reset(self) -> None:
        self._http.close_session()
        self._http.encryption = None  # close_session keeps it, but it belongs to the connection that is gone

    def close(self) -> None:
        self.reset()


def open_winrm(connection: Any) -> WinrmTransport:
    """Return a transport with the settings of a `winrm` connection; nothing is sent yet.

    Raises: UnsupportedConnection for missing libraries and settings that contradict each other, ConnectionFailed when
    no Kerberos ticket is to be had.
    """
    if not HAS_PYWINRM:
        raise UnsupportedConnection(
            "the Python package pywinrm is not installed where Ansible runs.",
            "Install it, or use ansible_connection=psrp with pypsrp.",
        )
    try:
        protocol = _build_protocol(connection)
    except AnsibleConnectionFailure as error:
        raise ConnectionFailed(f"the winrm connection cannot be set up: {error}") from error
    except AnsibleError as error:
        raise UnsupportedConnection(f"the winrm connection cannot be set up: {error}") from error
    except (AttributeError, LookupError, TypeError) as error:
        raise UnsupportedConnection(
            f"the winrm connection plugin of ansible-core {ansible_core_version} does not work as this collection "
            f"expects: {error!r}.",
            "Use an ansible-core version this collection supports (see meta/runtime.yml).",
        ) from error
    _require_secrecy(protocol.transport)
    return WinrmTransport(protocol)


def _require_secrecy(http: Any) -> None:
    """Refuse to send a password readable over the network, unless the inventory says that it may be."""
    is_open = http.endpoint.startswith("http:") and http.auth_method in _IN_THE_CLEAR
    if is_open and http.message_encryption != "never":
        raise UnsupportedConnection(
            f"{http.auth_method} authentication over http sends the password readable over the network.",
            "Use https, or NTLM or Kerberos, which encrypt over http as well. On a test bench, "
            "ansible_winrm_message_encryption=never says that it may be readable.",
        )


def _build_protocol(connection: Any) -> Any:
    connection._build_winrm_kwargs()
    _choose_timeouts(connection._winrm_kwargs, connection._winrm_connection_timeout)
    shell_id = connection.shell_id
    connection.shell_id = "no shell"
    try:
        protocol = connection._winrm_connect()
    finally:
        connection.shell_id = shell_id
    read_timeout_s = int(protocol.read_timeout_sec)
    protocol.transport.read_timeout_sec = (min(CONNECT_TIMEOUT_S, read_timeout_s), read_timeout_s)
    return protocol


def _choose_timeouts(settings: dict[str, Any], connection_timeout: object) -> None:
    """Let an operation take 60 s unless the inventory sets a time-out; 20 s is short for services and queries."""
    if connection_timeout or "read_timeout_sec" in settings:
        return
    operation = settings.setdefault("operation_timeout_sec", OPERATION_TIMEOUT_S)
    if str(operation).isdigit():
        settings["read_timeout_sec"] = int(operation) + READ_MARGIN_S


def _reply(error: Any) -> Reply:
    body = error.response_text or b""
    return Reply(int(error.code), body.encode("utf-8", "replace") if isinstance(body, str) else body)
