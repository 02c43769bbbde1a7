# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What the role opc_server or opc_client asks of the host of a task, from the variables and tags of the task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils._errors import ParameterError
from ..module_utils._role_options import (
    ACCOUNT_DEFAULTS,
    MACHINE_WIDE,
    OTHER_ROLE,
    OWN_TAGS,
    Options,
    RunTags,
    SiteShare,
    account_options,
    machine_wide,
    refuse_disagreement,
    role_options,
    variables_of,
)
from ..module_utils._site_groups import CLIENTS, SERVERS
from ._site_variables import plain, said_as

# What opc_host may have set for the other role.
_SECTIONS = ("logging", "defaults", "opc_enum", "applications", "permissions", "grants")
_ACCOUNTS = "opc_accounts_list"
_PASSWORDS = "opc_accounts_service_passwords"


@dataclass(frozen=True, slots=True)
class AskedByRole:
    """What a role asks of a host.

    `options`: every option of opc_host that a role may give, None for what it leaves out. `account_options`: those of
    opc_account_info, None where accounts are not looked at. `takes_links`: whether the role does what links need.
    `is_preview`: whether it only says what it would do. `after`: options of opc_host that follow from what the other
    role has done.
    """

    options: Options
    after: Options
    account_options: Options | None
    accounts_with_password: Sequence[str]
    takes_links: bool
    is_preview: bool


def read_role(
    role: str, variables: Mapping[str, Any], templar: Any, state: Mapping[str, Any], task_tags: Iterable[str] = ()
) -> AskedByRole:
    """What the role asks of the host of the task. `state` is what the site means for it (read_host_state).

    Raises: ParameterError.
    """
    other = OTHER_ROLE[role]
    tags = _run_tags(variables, task_tags)
    takes_links = not _has_links_from(other, variables)
    site = _share(takes_links, variables, state)
    options = role_options(role, _role_values(role, variables, templar), site, tags)
    refuse_disagreement(role, options, _wanted_by_other(other, variables, templar))
    names, with_password = _accounts(variables, templar, state) if site.sections else ([], [])
    accounts = account_options(names, _account_values(variables, templar))
    _require_mapping(_PASSWORDS, variables, templar)
    looks_at_accounts = bool(names or accounts["services"]) and tags.select_accounts(role)
    return AskedByRole(
        options=options,
        after=_after(other, variables),
        account_options=accounts if looks_at_accounts else None,
        accounts_with_password=with_password,
        takes_links=takes_links,
        is_preview=_previews(variables),
    )


def _run_tags(variables: Mapping[str, Any], task_tags: Iterable[str]) -> RunTags:
    run, skipped = (variables.get(name) or () for name in ("ansible_run_tags", "ansible_skip_tags"))
    given = frozenset(map(str, task_tags)) - OWN_TAGS
    return RunTags(frozenset(map(str, run)) or frozenset({"all"}), frozenset(map(str, skipped)), given)


def _has_worked(role: str, variables: Mapping[str, Any]) -> bool:
    """Whether the role has set anything of this host in this run, or said it where both only preview."""
    done = _done(role, variables)
    return not done.get("skipped") and "before" in done and done.get("is_preview") == _previews(variables)


def _done(role: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """What opc_role has said of the role on this host."""
    return variables.get(f"__opc_{role}_host") or {}


def _after(other: str, variables: Mapping[str, Any]) -> Options:
    """What opc_host has to know of the other role: what it has set on this host, which this one must not set otherwise,
    and the snapshot it took, so that both are taken back as one run. Firewall rules have no such conflicts.
    """
    if not _has_worked(other, variables):
        return {}
    done = plain(_done(other, variables))
    held = {name: done["options"].get(name) for name in _SECTIONS}
    return {
        "holding": {name: value for name, value in held.items() if value is not None},
        "snapshot_continues": done.get("snapshot"),
    }


def _has_links_from(role: str, variables: Mapping[str, Any]) -> bool:
    """Whether the role has set what the links of this host need.

    A host that is a client and a server gets all of it in the transaction of the role that comes first. A run may go
    through the roles several times, such as a report, the roll-out and another report.
    """
    return _has_worked(role, variables) and bool(_done(role, variables).get("takes_links"))


def _share(takes_links: bool, variables: Mapping[str, Any], state: Mapping[str, Any]) -> SiteShare:
    if not takes_links:
        return SiteShare({})
    return SiteShare(state["sections"], state["accounts"] if _previews(variables) else ())


def _wanted_by_other(other: str, variables: Mapping[str, Any], templar: Any) -> Options:
    """What the other role wants of the whole host where it works too: it has, in this run, or it is in the play, which
    makes its variables known, and the host in both groups.
    """
    done = plain(_done(other, variables))
    if "options" in done:
        return dict(done["options"])
    named = {name: f"opc_{other}_{name}" for name in MACHINE_WIDE}
    in_both = {SERVERS, CLIENTS} <= set(variables.get("group_names") or ())
    if not in_both or any(variable not in variables for variable in named.values()):
        return {}
    return machine_wide({name: said_as(variable, variables, templar) for name, variable in named.items()})


def _previews(variables: Mapping[str, Any]) -> bool:
    """An audit previews like check mode, which ansible_check_mode does not tell."""
    return bool(variables.get("ansible_check_mode")) or boolean(variables.get("__opc_auditing", False), strict=False)


def _role_values(role: str, variables: Mapping[str, Any], templar: Any) -> dict[str, Any]:
    named = variables_of(role)
    unknown = [variable for variable in named.values() if variable not in variables]
    if unknown:
        raise ParameterError(
            "role", f"{', '.join(unknown)} not defined: the variables of the role opc_{role} are only known with it"
        )
    values = {name: said_as(variable, variables, templar) for name, variable in named.items()}
    if "allow_launch" in values:
        values["allow_launch"] = boolean(values["allow_launch"], strict=False)
    return values


def _account_values(variables: Mapping[str, Any], templar: Any) -> dict[str, Any]:
    return {
        name: said_as(name, variables, templar) if name in variables else default
        for name, default in ACCOUNT_DEFAULTS.items()
    }


def _accounts(variables: Mapping[str, Any], templar: Any, state: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Those of the site model, or of the variable in its place; and those with a password, which is kept here."""
    if not state["accounts"] or _ACCOUNTS not in variables:
        return list(state["accounts"]), list(state["accounts_with_password"])
    listed = said_as(_ACCOUNTS, variables, templar)
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) and item.get("name") for item in listed):
        raise ParameterError(_ACCOUNTS, "this is not a list of mappings with a name each")
    return [str(item["name"]) for item in listed], [str(item["name"]) for item in listed if "password" in item]


def _require_mapping(variable: str, variables: Mapping[str, Any], templar: Any) -> None:
    """The contract of a role would show the value, a secret, where it is no mapping."""
    if not isinstance(said_as(variable, variables, templar) or {}, Mapping):
        raise ParameterError(variable, "this is not a mapping of accounts to passwords")
