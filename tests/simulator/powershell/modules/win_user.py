# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible.windows.win_user: local users.

With `update_password: always` the module logs on with the password to see whether it is right: a wrong one leaves a
failed logon (4625) and counts towards the lock-out, on the simulated host too. A user it creates is in no group.
Expiry dates, home directory, login script and profile path are not simulated.

Source: win_user.ps1 of ansible.windows 3.x.
"""

from __future__ import annotations

from typing import Any

from ...subsystems import logon as logons
from ...subsystems import well_known
from ...subsystems.account_database import NERR_PASSWORD_TOO_SHORT, AccountError, User
from ..argument_spec import ModuleFailure, Option
from ..module import Contract, ModuleRun
from .names import ads_path, to_name, to_sid

_NOT_SIMULATED = ("home_directory", "login_script", "profile")
# The password is right, but the account may not log on this way for another reason.
_RIGHT_ANYWAY = frozenset({logons.STATUS_ACCOUNT_RESTRICTION, logons.STATUS_LOGON_TYPE_NOT_GRANTED})
# Options that are plain fields of an account: option -> (field, value that the field gets)
_FIELDS: dict[str, tuple[str, bool]] = {
    "account_disabled": ("is_enabled", True),
    "account_locked": ("is_locked_out", False),
    "fullname": ("full_name", False),
    "description": ("description", False),
    "password_expired": ("must_change_password", False),
    "password_never_expires": ("password_never_expires", False),
    "user_cannot_change_password": ("cannot_change_password", False),
}


def _run(run: ModuleRun) -> None:
    _check(run)
    name = run.params["name"]
    user = run.host.accounts.local.find_user(name)
    run.diff = {"before": _state(run, user), "after": ""}
    try:
        if run.params["state"] == "present":
            _present(run, user)
        elif run.params["state"] == "absent":
            _absent(run, user)
        else:
            run.result["msg"] = f"Querying user '{name}'"
            run.diff["after"] = run.diff["before"]
    except AccountError as error:
        raise ModuleFailure(_message(error)) from error
    found = run.host.accounts.local.find_user(name)
    run.result["state"] = run.params["state"]
    if run.params["state"] == "query":
        run.result["state"] = "present" if found else "absent"
    run.result["name"] = name
    if found is not None:
        run.result.update(_returned(run, found))


def _check(run: ModuleRun) -> None:
    if run.params["account_locked"]:
        raise ModuleFailure("account_locked must be set to 'no' if provided")
    for option in _NOT_SIMULATED:
        if run.params[option] is not None:
            raise run.refuse(f"win_user option {option}")
    if run.params["account_expires"] not in (None, "never"):
        raise run.refuse("win_user option account_expires with a date")


def _present(run: ModuleRun, user: User | None) -> None:
    accounts, name, password = run.host.accounts, run.params["name"], run.params["password"]
    if user is None:
        run.diff["after"] = {"name": name, **({"password": "REDACTED"} if password is not None else {})}
        if not run.change():
            return  # nothing else can be said of a user who does not exist
        user = accounts.create_user(run.caller, name, password or "")
        accounts.remove_member(run.caller, well_known.USERS, user.sid)
    run.diff["after"] = _state(run, user)
    if password is not None and run.params["update_password"] == "always" and not _is_right(run, user, password):
        run.diff["after"]["password"] = "CHANGED REDACTED"
        if run.change():
            accounts.set_password(run.caller, name, password)
    _change_fields(run, accounts.local.user(name))
    _change_groups(run, accounts.local.user(name))


def _is_right(run: ModuleRun, user: User, password: str) -> bool:
    if not user.is_enabled or user.must_change_password:
        return False
    try:
        run.host.logons.logon(f".\\{user.name}", password, run.caller.address)
    except logons.LogonError as error:
        if error.status == logons.STATUS_WRONG_PASSWORD:
            return False
        if error.status in _RIGHT_ANYWAY:
            return True
        raise ModuleFailure(f"Failed to validate the user's credentials: {error}") from error
    return True


def _change_fields(run: ModuleRun, user: User) -> None:
    changes: dict[str, Any] = {}
    for option, (field, is_inverted) in _FIELDS.items():
        value = run.params[option]
        wanted = not value if is_inverted else value
        if value is not None and wanted != getattr(user, field):
            changes[field] = wanted
            run.diff["after"][option] = value
    if changes and run.change():
        run.host.accounts.update_user(run.caller, user.name, **changes)


def _change_groups(run: ModuleRun, user: User) -> None:
    if run.params["groups"] is None:
        return
    accounts, action = run.host.accounts, run.params["groups_action"]
    wanted = [_group_sid(run, text) for text in run.params["groups"] if text.strip()]
    held = [group.sid for group in accounts.local.groups() if user.sid in group.members]
    to_add = [] if action == "remove" else [sid for sid in dict.fromkeys(wanted) if sid not in held]
    to_remove = [] if action == "add" else [sid for sid in held if (sid in wanted) == (action == "remove")]
    for sid in to_add:
        if run.change():
            accounts.add_member(run.caller, sid, user.sid)
    for sid in to_remove:
        if run.change():
            accounts.remove_member(run.caller, sid, user.sid)
    after = [sid for sid in held if sid not in to_remove] + to_add
    run.diff["after"]["groups"] = [to_name(run.host, sid) for sid in after]


def _group_sid(run: ModuleRun, text: str) -> str:
    sid = to_sid(run.host, text)
    if sid is None or run.host.accounts.local.find_group(sid) is None:
        raise ModuleFailure(f"group '{text}' not found")
    return sid


def _absent(run: ModuleRun, user: User | None) -> None:
    name = run.params["name"]
    run.result["msg"] = f"User '{user.name}' deleted successfully" if user else f"User '{name}' was not found"
    if user is not None and run.change():
        run.host.accounts.delete_user(run.caller, user.name)


def _state(run: ModuleRun, user: User | None) -> Any:
    if user is None:
        return ""
    groups = [group.sid for group in run.host.accounts.local.groups() if user.sid in group.members]
    return {
        "account_disabled": not user.is_enabled,
        "account_expires": "never",
        "account_locked": user.is_locked_out,
        "description": user.description,
        "fullname": user.full_name,
        "groups": [to_name(run.host, sid) for sid in groups],
        "home_directory": "",
        "login_script": "",
        "name": user.name,
        "password": "REDACTED",
        "password_expired": user.must_change_password,
        "password_never_expires": user.password_never_expires,
        "profile": "",
        "user_cannot_change_password": user.cannot_change_password,
    }


def _returned(run: ModuleRun, user: User) -> dict[str, Any]:
    groups = (group for group in run.host.accounts.local.groups() if user.sid in group.members)
    return {
        "fullname": user.full_name,
        "path": ads_path(run.host, user.name),
        "description": user.description,
        "password_expired": user.must_change_password,
        "password_never_expires": user.password_never_expires,
        "user_cannot_change_password": user.cannot_change_password,
        "account_disabled": not user.is_enabled,
        "account_locked": user.is_locked_out,
        "sid": user.sid,
        "groups": [{"name": group.name, "path": ads_path(run.host, group.name)} for group in groups],
    }


def _message(error: AccountError) -> str:
    texts = {
        5: "Access is denied.",
        NERR_PASSWORD_TOO_SHORT: (
            "The password does not meet the password policy requirements. Check the minimum password length, password "
            "complexity and password history requirements."
        ),
    }
    text = texts.get(error.code, str(error))
    return f'Unhandled exception while executing module: Exception calling "SetInfo" with "0" argument(s): "{text}"'


WIN_USER = Contract(
    {
        "account_disabled": Option("bool"),
        "account_expires": Option(),
        "account_locked": Option("bool"),
        "description": Option(),
        "fullname": Option(),
        "groups": Option("list"),
        "groups_action": Option(default="replace", choices=("add", "remove", "replace")),
        "home_directory": Option(),
        "login_script": Option(),
        "name": Option(required=True),
        "password": Option(no_log=True),
        "password_expired": Option("bool"),
        "password_never_expires": Option("bool"),
        "profile": Option(),
        "state": Option(default="present", choices=("present", "absent", "query")),
        "update_password": Option(default="always", choices=("always", "on_create")),
        "user_cannot_change_password": Option("bool"),
    },
    _run,
)
