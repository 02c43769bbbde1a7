# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""From an Ansible connection to a client.

Within a task, all loop items share one transport, hence one TCP connection and one authentication: it is kept on the
connection plugin's object and closed with it (Ansible closes the connection when the task ends). The client itself is
made anew for every item, and its `close` only ends the remote shell.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from ._client import WsmanClient
from ._errors import UnsupportedConnection
from ._psrp import PsrpTransport, open_psrp
from ._winrm import WinrmTransport, open_winrm

_KEPT_AS = "_otsec_opc_dcom_transport"

_OPENERS: dict[str, Callable[[Any], WinrmTransport | PsrpTransport]] = {"winrm": open_winrm, "psrp": open_psrp}


def random_message_id() -> str:
    return f"uuid:{uuid.uuid4()}".upper().replace("UUID:", "uuid:", 1)


def open_client(connection: Any, message_ids: Callable[[], str] = random_message_id) -> WsmanClient:
    """Return a client for the host an Ansible `winrm` or `psrp` connection object points at. Sends nothing.

    Raises: UnsupportedConnection for other connection plugins and where the libraries or settings do not work,
    ConnectionFailed when no Kerberos ticket is to be had.
    """
    transport = getattr(connection, _KEPT_AS, None)
    if transport is None:
        transport = _opener(connection)(connection)
        _keep(connection, transport)
    return WsmanClient(transport, message_ids, transport.operation_timeout_s)


def _opener(connection: Any) -> Callable[[Any], WinrmTransport | PsrpTransport]:
    name = str(getattr(connection, "transport", "") or type(connection).__module__)
    opener = _OPENERS.get(name.rpartition(".")[2])
    if opener is None:
        raise UnsupportedConnection(
            f"the connection plugin {name!r} cannot carry WS-Management messages.",
            "Set ansible_connection to winrm or psrp for this host.",
        )
    return opener


def _keep(connection: Any, transport: WinrmTransport | PsrpTransport) -> None:
    """Keep the transport on the connection object and close it when Ansible closes the connection.

    The plugins' own close() knows only the session it opened itself. Ansible makes a new connection object per loop
    item unless the first says that it is connected.
    """

    def close() -> None:
        del connection.close  # uncovers the plugin's own method
        delattr(connection, _KEPT_AS)
        try:
            transport.close()
        finally:
            connection.close()

    setattr(connection, _KEPT_AS, transport)
    connection.close = close
    connection._connected = True
