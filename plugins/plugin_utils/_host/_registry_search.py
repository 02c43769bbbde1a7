# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Searches of one host's registry, run there by reg.exe in one command, so that only matches travel.

A search cannot be had over CIM at a bearable price: a real host has some ten thousand classes, and each would be a
message. So without a cmd shell there is no search, which is said and never a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...module_utils._event_xml import shown
from .._wsman._client import WsmanClient, decode_output
from .._wsman._errors import CommandTimedOut, MessageTooLarge, WsmanFault
from ._registry import RegistryGateway

TIMEOUT_S = 180.0
_JOINT = " & "
_MAX_SAID = 300


@dataclass(frozen=True, slots=True)
class SearchOutput:
    """What the searches printed. `trouble` says why there is nothing; `said` is what reg.exe complained of."""

    text: str = ""
    said: str = ""
    trouble: str = ""


def search_registry(client: WsmanClient, registry: RegistryGateway, lines: Sequence[str]) -> SearchOutput:
    """Run `lines`, each a command of its own. Raises: WsmanError where the host is not reached or answers nonsense."""
    if registry.has_shell is False:
        return SearchOutput(trouble="this host does not run commands for the connecting account")
    try:
        result = client.run_command(_JOINT.join(lines), timeout_s=TIMEOUT_S)
    except WsmanFault as fault:
        registry.has_shell = False
        return SearchOutput(trouble=f"this host does not run commands for the connecting account: {fault}")
    except (CommandTimedOut, MessageTooLarge) as error:
        return SearchOutput(trouble=str(error))
    said = shown(" ".join(decode_output(result.stderr).split()), _MAX_SAID)
    return SearchOutput(decode_output(result.stdout), said)
