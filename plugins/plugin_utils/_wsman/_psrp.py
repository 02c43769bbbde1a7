# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Transport over Ansible's `psrp` connection plugin: pypsrp's WS-Management part, without a PowerShell runspace.

`Connection._build_kwargs` turns the options into `_psrp_conn_kwargs` without any traffic; both private names are the
same in ansible-core 2.16 to 2.21. `_connect` is not called: it would open a runspace pool, which needs PowerShell.
"""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.release import __version__ as ansible_core_version

from ._errors import UnsupportedConnection
from ._http_errors import CAUGHT, Peer, refused, translate
from ._replies import Reply

try:
    from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError
    from pypsrp.wsman import WSMan
except ImportError:
    HAS_PYPSRP = False
else:
    HAS_PYPSRP = True

# Ansible's defaults; 20 s is short for services and queries, and 60 s is the most a host grants by default.
_SHORT_TIMEOUTS = (20, 30)
_TIMEOUTS = (60, 70)


class PsrpTransport:
    """Sends messages through pypsrp's HTTP transport."""

    def __init__(self, wsman: Any) -> None:
        http = wsman.transport
        self._http = http
        self.operation_timeout_s = int(wsman.operation_timeout)
        self._peer = Peer(http.endpoint, http.username or "", http.auth, "ansible_psrp_ca_cert")

    @property
    def url(self) -> str:
        return self._peer.url

    @property
    def verifies_peer(self) -> bool:
        return not self._http.ssl or self._http.cert_validation is not False

    def send(self, message: bytes) -> Reply:
        had_session = self._http.session is not None
        try:
            return Reply(200, self._http.send(message))
        except WinRMTransportError as error:
            return Reply(int(error.code), error.response_text.encode("utf-8", "replace"))
        except AuthenticationError as error:
            self.reset()
            raise refused(error, self._peer) from error
        except (WinRMError, *CAUGHT) as error:
            self.reset()
            raise translate(error, self._peer, had_session=had_session) from error

    def reset(self) -> None:
        self._http.close()
        # pypsrp keeps both after close, but they belong to the connection that is gone.
        self._http.session = None
        self._http.encryption = None

    def close(self) -> None:
        self.reset()


def open_psrp(connection: Any) -> PsrpTransport:
    """Return a transport with the settings of a `psrp` connection; nothing is sent yet.

    Raises: UnsupportedConnection for missing libraries and settings that contradict each other.
    """
    if not HAS_PYPSRP:
        raise UnsupportedConnection(
            "the Python package pypsrp is not installed where Ansible runs.",
            "Install it, or use ansible_connection=winrm with pywinrm.",
        )
    try:
        connection._build_kwargs()
        return PsrpTransport(WSMan(**_with_timeouts(connection._psrp_conn_kwargs)))
    except (AnsibleError, ValueError) as error:
        raise UnsupportedConnection(f"the psrp connection cannot be set up: {error}.") from error
    except (AttributeError, LookupError, TypeError) as error:
        raise UnsupportedConnection(
            f"the psrp connection plugin of ansible-core {ansible_core_version} does not work as this collection "
            f"expects: {error!r}.",
            "Use an ansible-core version this collection supports (see meta/runtime.yml).",
        ) from error


def _with_timeouts(settings: dict[str, Any]) -> dict[str, Any]:
    """Let an operation take 60 s unless the inventory sets another time-out than Ansible's defaults."""
    if (settings.get("operation_timeout"), settings.get("read_timeout")) != _SHORT_TIMEOUTS:
        return settings
    operation_timeout, read_timeout = _TIMEOUTS
    return {**settings, "operation_timeout": operation_timeout, "read_timeout": read_timeout}
