# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible.windows.win_user_right: adds, removes or sets the holders of a user right.

Source: win_user_right.ps1 of ansible.windows 3.x. Rights the simulated host does not know are refused as wrong names.
"""

from __future__ import annotations

from ...subsystems.account_database import AccountError
from ..argument_spec import ModuleFailure, Option
from ..module import Contract, ModuleRun
from .names import to_name, to_sid


def _run(run: ModuleRun) -> None:
    run.result.update(added=[], removed=[])
    right = _right(run)
    wanted = [_sid(run, text) for text in run.params["users"]]
    held = sorted(run.host.accounts.holders_of(right))
    action = run.params["action"]
    to_add = [] if action == "remove" else [sid for sid in dict.fromkeys(wanted) if sid not in held]
    to_remove = [sid for sid in held if (sid in wanted) == (action == "remove")] if action != "add" else []
    after = [sid for sid in held if sid not in to_remove] + to_add
    run.result["added"] = [to_name(run.host, sid) for sid in to_add]
    run.result["removed"] = [to_name(run.host, sid) for sid in to_remove]
    run.diff = {"before": {right: _names(run, held)}, "after": {right: _names(run, after)}}
    if (to_add or to_remove) and run.change():
        try:
            run.host.accounts.set_holders(run.caller, right, after)
        except AccountError as error:
            raise ModuleFailure(f"Failed to change right {right}: Access is denied") from error


def _right(run: ModuleRun) -> str:
    wanted = run.params["name"].lower()
    found = next((right for right in run.host.accounts.rights() if right.lower() == wanted), None)
    if found is None:
        raise ModuleFailure(f"the specified right {run.params['name']} is not a valid right")
    return found


def _sid(run: ModuleRun, text: str) -> str:
    sid = to_sid(run.host, text)
    if sid is None:
        raise ModuleFailure(f"Failed to translate the account '{text}' to a SID")
    return sid


def _names(run: ModuleRun, sids: list[str]) -> list[str]:
    return [to_name(run.host, sid) for sid in sids]


WIN_USER_RIGHT = Contract(
    {
        "name": Option(required=True),
        "users": Option("list", required=True),
        "action": Option(default="set", choices=("add", "remove", "set")),
    },
    _run,
)
