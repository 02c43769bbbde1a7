# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What APIS writes into its own log when it is the client. No time passes in the simulation, so a duration is 0.

Source: the log line and the alarm texts of the seed (dcom.md [SEED]).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from .layers import Direction, Link, Part, error_text

_IS_APIS = "apis"


def apis_lines(link: Link, parts: tuple[Part, ...], clsid: str, now: datetime) -> Iterator[str]:
    """The lines about failed parts, in the order in which they fail; nothing where the client is another program."""
    if not link.client_program.rpartition("\\")[2].lower().startswith(_IS_APIS):
        return
    for part in parts:
        if part.ok:
            continue
        if part.direction is Direction.BROWSE:
            yield _lister(link, part)
        elif part.direction is Direction.CONNECT:
            yield _create(link, part, clsid, now)
        else:
            yield _advise(link, part)


def _create(link: Link, part: Part, clsid: str, now: datetime) -> str:
    time = f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}.{now.microsecond % 1000:03}"
    return (
        f"{time}| 6716|ERROR|ApisHive.m.OPC|ApisOPC.cpp:774|$RPT$ CreateOPCServer: Failed to create OPC server, "
        f"{link.application}, on {link.target}. Error return: {error_text(part.hresult)}. CLSID: {clsid}. "
        "Duration: 0.0000 ms."
    )


def _lister(link: Link, part: Part) -> str:
    return (
        f"Failed to create OPC Server Lister object on {link.target}.\n"
        "As a result, OPC servers might not be available from the list of servers to choose from. Make sure "
        "OPCENUM.EXE is properly registered and configured on the server machine, consider both DCOM security and open "
        "the Firewall for OPCENUM.exe.\n"
        "Or, you can enter the CLSID of your OPC server directly into the server property.\n"
        f"Error return: {error_text(part.hresult)}"
    )


def _advise(link: Link, part: Part) -> str:
    return (
        f"ALARM from OPC/opcda://{link.target}/{link.application} [Primary]\n"
        f"Failed calling IOPCDataCallback::Advise - IOPCDataCallback! Error return: {error_text(part.hresult)}."
    )
