# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible.windows.win_group: creates, describes, fills and deletes local groups.

Source: win_group.ps1 of ansible.windows 3.x. In check mode a group to be created gets the SID the module invents.
"""

from __future__ import annotations

from ...subsystems.account_database import AccountError, Group
from ..argument_spec import ModuleFailure, Option
from ..module import Contract, ModuleRun
from .names import NOT_TRANSLATED, to_name, to_sid

_NO_SID_YET = "S-1-5-0000"


def _run(run: ModuleRun) -> None:
    run.result["sid"] = None
    group = run.host.accounts.local.find_group(run.params["name"])
    run.diff = {"before": _state(run, group), "after": None}
    try:
        if run.params["state"] == "present":
            _present(run, group)
        elif group is not None and run.change():
            run.host.accounts.delete_group(run.caller, group.name)
    except AccountError as error:
        raise ModuleFailure(f"Unhandled exception while executing module: {error}") from error


def _present(run: ModuleRun, group: Group | None) -> None:
    accounts = run.host.accounts
    if group is None:
        if not run.change():
            run.result["sid"] = _NO_SID_YET
            run.diff["after"] = {
                "name": run.params["name"], "description": run.params["description"], "members": [],
            }  # fmt: skip
            return
        group = accounts.create_group(run.caller, run.params["name"])
    run.result["sid"] = group.sid
    description = run.params["description"]
    if description is not None and description != group.description and run.change():
        group = accounts.update_group(run.caller, group.name, description)
    to_add, to_remove = _member_changes(run, group)
    for sid in to_add:
        if run.change():
            accounts.add_member(run.caller, group.name, sid)
    for sid in to_remove:
        if run.change():
            accounts.remove_member(run.caller, group.name, sid)
    after = sorted((group.members | set(to_add)) - set(to_remove))
    run.diff["after"] = {
        "name": run.params["name"],
        "description": description if description is not None else group.description,
        "members": sorted(to_name(run.host, sid) for sid in after),
    }


def _member_changes(run: ModuleRun, group: Group) -> tuple[list[str], list[str]]:
    members = run.params["members"] or {}
    if members.get("set") is not None:
        wanted = _sids(run, members["set"])
        return [sid for sid in wanted if sid not in group.members], sorted(group.members - set(wanted))
    to_add = [sid for sid in _sids(run, members.get("add") or []) if sid not in group.members]
    return to_add, [sid for sid in _sids(run, members.get("remove") or []) if sid in group.members]


def _sids(run: ModuleRun, texts: list[str]) -> list[str]:
    sids = []
    for text in texts:
        sid = to_sid(run.host, text)
        if sid is None:
            raise ModuleFailure(
                f"Unhandled exception while executing module: Failed to translate '{text}' to a SecurityIdentifier: "
                f"{NOT_TRANSLATED}"
            )
        sids.append(sid)
    return list(dict.fromkeys(sids))


def _state(run: ModuleRun, group: Group | None) -> dict[str, object] | None:
    if group is None:
        return None
    members = sorted(to_name(run.host, sid) for sid in group.members)
    return {"name": run.params["name"], "description": group.description, "members": members}


WIN_GROUP = Contract(
    {
        "name": Option(required=True),
        "description": Option(),
        "state": Option(default="present", choices=("absent", "present")),
        "members": Option(
            "dict",
            options={"add": Option("list"), "remove": Option("list"), "set": Option("list")},
            exclusive=(("set", "add"), ("set", "remove")),
        ),
    },
    _run,
)
