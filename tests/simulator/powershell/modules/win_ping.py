# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible.windows.win_ping: answers `ping` with its data; `crash` ends in an unhandled exception."""

from __future__ import annotations

from ..argument_spec import ModuleFailure, Option
from ..module import Contract, ModuleRun


def _run(run: ModuleRun) -> None:
    if run.params["data"] == "crash":
        raise ModuleFailure("Unhandled exception while executing module: boom")
    run.result["ping"] = run.params["data"]


WIN_PING = Contract({"data": Option(default="pong")}, _run)
