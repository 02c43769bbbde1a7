# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lasts on a simulated host, as one text: equal texts are equal hosts, byte for byte."""

from __future__ import annotations

import re

from simulator.host import SimulatedHost

_OWN_KEY = re.compile(r"^\[HKLM\\SOFTWARE\\otsec.*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
_MARK = "(otsec.opc_dcom)".encode("utf-16-le").hex()


def state_of(host: SimulatedHost) -> str:
    """Registry (the firewall store is in it), firewall rules in force, services, accounts and files.

    Left out are the collection's own key, and the ids of firewall rules that it has made: netsh chooses them.
    """
    kept: list[str] = []
    made: list[str] = []
    for line in _OWN_KEY.sub("", host.snapshot().text()).splitlines():
        if _MARK in line:
            made.append(line.partition("=")[2])
        else:
            kept.append(line)
    return "\n".join([*kept, *sorted(made), *sorted(str(item.rule) for item in host.firewall.rules())])
