# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible.windows.win_group_membership: members of a local group, added, removed or made exact.

Source: win_group_membership.ps1 of ansible.windows 3.x (built on the legacy utilities).
"""

from __future__ import annotations

from ...subsystems.account_database import AccountError, Group
from ..argument_spec import ModuleFailure, Option
from ..module import Contract, ModuleRun
from .names import NOT_TRANSLATED, to_name, to_sid


def _run(run: ModuleRun) -> None:
    name, state = run.params["name"], run.params["state"]
    run.result["name"] = name
    if state in ("present", "pure"):
        run.result["added"] = []
    if state in ("absent", "pure"):
        run.result["removed"] = []
    group = run.host.accounts.local.find_group(name)
    if group is None:
        raise ModuleFailure(f"Could not find local group {name}")
    wanted = [_sid(run, text) for text in run.params["members"]]
    wanted = list(dict.fromkeys(wanted))
    if state != "absent":
        _add(run, group, [sid for sid in wanted if sid not in group.members])
    if state == "absent":
        _remove(run, group, [sid for sid in wanted if sid in group.members])
    elif state == "pure":
        _remove(run, group, sorted(group.members - set(wanted)))
    run.result["members"] = _members(run, name)


def _members(run: ModuleRun, name: str) -> list[str]:
    """Names of all members; in check mode as they would be."""
    names = [to_name(run.host, sid) for sid in sorted(run.host.accounts.local.group(name).members)]
    if run.check_mode:
        names += run.result.get("added", [])
        names = [item for item in names if item not in run.result.get("removed", [])]
    return names


def _add(run: ModuleRun, group: Group, sids: list[str]) -> None:
    for sid in sids:
        run.result["added"].append(_mapped_name(run, sid))
        if run.change():
            try:
                run.host.accounts.add_member(run.caller, group.name, sid)
            except AccountError as error:
                raise ModuleFailure(_message("Add", error)) from error


def _remove(run: ModuleRun, group: Group, sids: list[str]) -> None:
    for sid in sids:
        run.result["removed"].append(to_name(run.host, sid))
        if run.change():
            try:
                run.host.accounts.remove_member(run.caller, group.name, sid)
            except AccountError as error:
                raise ModuleFailure(_message("Remove", error)) from error


def _message(method: str, error: AccountError) -> str:
    text = "Access is denied." if error.code == 5 else str(error)
    return f'Exception calling "{method}" with "1" argument(s): "{text}"'


def _sid(run: ModuleRun, text: str) -> str:
    sid = to_sid(run.host, text)
    if sid is None:
        raise ModuleFailure(
            f"account_name {text} is not a valid account, cannot get SID: "
            f'Exception calling "Translate" with "1" argument(s): "{NOT_TRANSLATED}"'
        )
    _mapped_name(run, sid)
    return sid


def _mapped_name(run: ModuleRun, sid: str) -> str:
    """The module refuses a SID that it cannot turn into a name."""
    name = to_name(run.host, sid)
    if name == sid:
        raise ModuleFailure(
            f"failed to convert sid '{sid}' to a logon name: "
            f'Exception calling "Translate" with "1" argument(s): "{NOT_TRANSLATED}"'
        )
    return name


WIN_GROUP_MEMBERSHIP = Contract(
    {
        "name": Option(required=True),
        "members": Option("list", required=True),
        "state": Option(default="present", choices=("present", "absent", "pure")),
    },
    _run,
    is_legacy=True,
)
