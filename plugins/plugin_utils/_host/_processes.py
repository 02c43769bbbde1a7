# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Processes of one host by the name of their program: Win32_Process. Source: Win32 provider, class reference."""

from __future__ import annotations

from collections.abc import Iterable

from .._wsman._client import WsmanClient, wql_text
from .._wsman._errors import WsmanFault
from .._wsman._schema import WIN32_PROCESS

MAX_NAMES = 100
_MAX_PROCESSES = 1000


def read_processes(client: WsmanClient, names: Iterable[str]) -> dict[str, str] | None:
    """Paths of the processes with these file names, by lower case; the name where Windows shows no path.

    One message, none without names. None when the host does not tell.
    """
    wanted = list(dict.fromkeys(name.lower() for name in names if name))[:MAX_NAMES]
    if not wanted:
        return {}
    condition = " or ".join(f"Name={wql_text(name)}" for name in wanted)
    query = f"select Name,ExecutablePath,ProcessId from Win32_Process where {condition}"
    try:
        rows = client.enumerate(query, WIN32_PROCESS, max_instances=_MAX_PROCESSES)
    except WsmanFault:
        return None
    paths = (row.optional("ExecutablePath", str) or row.optional("Name", str) or "" for row in rows)
    return {path.lower(): path for path in paths if path}
