# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""From the variables of a role, the site model and the tags of a run to the options it gives to ``opc_host``. Pure.

What the variables mean, and what they may be, is in meta/argument_specs.yml of the roles opc_server and opc_client.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ._application import parse_selector
from ._errors import ParameterError

SERVER, CLIENT = "server", "client"
# Each option of opc_host that a role may give, and the tag that selects it.
_TAGS = {
    "defaults": "dcom_defaults",
    "logging": "dcom_logging",
    "applications": "dcom_application",
    "permissions": "dcom_permission",
    "opc_enum": "opc_enum",
    "grants": "dcom_grants",
    "firewall": "opc_firewall",
}
_COLLECTION_TAG, _ACCOUNTS_TAG = "opc_dcom", "opc_accounts"
# Every tag that the tasks of the roles carry by themselves.
OWN_TAGS = frozenset({*_TAGS.values(), _COLLECTION_TAG, _ACCOUNTS_TAG, "opc_server", "opc_client", "always", "never"})
_ALWAYS_SELECTED = frozenset({"all", "tagged", _COLLECTION_TAG})

_COMMON = (
    "authentication_level",
    "impersonation_level",
    "allowed",
    "applications",
    "permissions",
    "log_activation_failures",
    "log_call_failures",
)
_OWN = {SERVER: ("allow_launch", "revoked", "prog_ids"), CLIENT: ("programs",)}
OTHER_ROLE = {SERVER: CLIENT, CLIENT: SERVER}
# Settings of the whole host, which both roles decide: the variable's name, and the option and the part it becomes.
MACHINE_WIDE = {
    "authentication_level": ("defaults", "authentication_level"),
    "impersonation_level": ("defaults", "impersonation_level"),
    "log_activation_failures": ("logging", "activation_failures"),
    "log_call_failures": ("logging", "call_failures"),
}

_ON_DEFAULTS = {"authentication_level": "default", "use_default_access": True, "use_default_launch": True}
_ACCESS = ("local_access", "remote_access")
_ACTIVATION = ("local_activation", "remote_activation")
_LAUNCH = ("local_launch", "remote_launch")

# What the role opc_accounts asks of accounts by default. Its own defaults say the same (tests/drift): it is loaded only
# where an account is not in order, because each variable of a loaded role costs every task of every host time.
ACCOUNT_DEFAULTS: Mapping[str, Any] = {
    "opc_accounts_group": "OPC Users",
    "opc_accounts_groups": ["S-1-5-32-562"],
    "opc_accounts_update_password": "on_create",
    "opc_accounts_deny_interactive_logon": False,
    "opc_accounts_services": {},
}

Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunTags:
    """What --tags and --skip-tags of a run say; `run` is {"all"} without --tags.

    `given` are tags that a playbook has given to the whole role, as in ``- {role: ..., tags: [plant_a]}``.
    """

    run: frozenset[str]
    skipped: frozenset[str]
    given: frozenset[str] = frozenset()

    def select(self, role: str, tag: str) -> bool:
        """Whether the run wants what has this tag in a role; the role's own tag, the collection's, and one given to the
        whole role want all of it.
        """
        selects_all = self.run & (_ALWAYS_SELECTED | {f"opc_{role}"} | self.given)
        return bool(selects_all or tag in self.run) and tag not in self.skipped

    def select_accounts(self, role: str) -> bool:
        """Whether the run includes the role opc_accounts from this role."""
        return self.select(role, _ACCOUNTS_TAG) and not self.skipped & {_COLLECTION_TAG, f"opc_{role}"}


@dataclass(frozen=True, slots=True)
class SiteShare:
    """What the site model says for the host, as far as this role is the one to do it.

    `sections`: options of opc_host. `expected_accounts`: accounts that a preview takes for there.
    """

    sections: Mapping[str, Any]
    expected_accounts: Collection[str] = ()


def variables_of(role: str) -> dict[str, str]:
    """The variables of the role that count, by the name that role_options wants them under."""
    return {name: f"opc_{role}_{name}" for name in (*_COMMON, *_OWN[role])}


def role_options(role: str, values: Mapping[str, Any], site: SiteShare, tags: RunTags) -> Options:
    """Every option of opc_host that a role may give; None for what it leaves out.

    Raises: ParameterError for a variable that is no list, or whose items are no mappings.
    """
    own = _BUILDERS[role](values)
    options: Options = dict.fromkeys(_TAGS)
    for option in _TAGS:
        wanted = _joined(own.get(option), _section(option, site, own))
        if wanted and tags.select(role, _TAGS[option]):
            options[option] = wanted
    return options


def refuse_disagreement(role: str, options: Options, other: Options) -> None:
    """The two roles must want the same of a whole host that has both. `options` are of this role, `other` of the other.

    Raises: ParameterError that names both variables.
    """
    for name, (option, part) in MACHINE_WIDE.items():
        mine, theirs = ((found.get(option) or {}).get(part) for found in (options, other))
        if None not in (mine, theirs) and mine != theirs:
            raise ParameterError(
                f"opc_{role}_{name}",
                f"this is {mine}, but opc_{OTHER_ROLE[role]}_{name} is {theirs}. The host has both roles and one such "
                "setting, so every run would write the one and then the other. Give both the same value on this host",
            )


def account_options(names: Collection[str], values: Mapping[str, Any]) -> Options:
    """The options of opc_account_info for these accounts; `values` are those of the variables of ACCOUNT_DEFAULTS.

    Raises: ParameterError for groups that are no list.
    """
    group = values["opc_accounts_group"]
    return {
        "names": list(names),
        "groups": [*([group] if group else ()), *_listed(values["opc_accounts_groups"], "opc_accounts_groups")],
        "deny_interactive_logon": values["opc_accounts_deny_interactive_logon"],
        "services": values["opc_accounts_services"],
        "update_password": values["opc_accounts_update_password"],
    }


def names_in(value: object, variable: str) -> list[str]:
    """Names in a list, or in a text separated by commas or lines, as the survey of a job template gives them."""
    items = (
        value.replace("\n", ",").replace("\r", ",").split(",") if isinstance(value, str) else _listed(value, variable)
    )
    return [name for name in (str(item).strip() for item in items) if name]


def _section(option: str, site: SiteShare, own: Options) -> Any:
    section = site.sections.get(option)
    if option == "applications":
        said = {_selector(item) for item in own[option] if "authentication_level" in item} - {None}
        return [item for item in section or () if _selector(item) not in said]
    if option == "grants" and section is not None:
        return {**section, "expected_accounts": list(site.expected_accounts)}
    return section


def _selector(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """How an item of applications is named; None where that is a mistake, which opc_host names with its place."""
    try:
        selector = parse_selector(item)
    except ParameterError:
        return None
    return selector.option, selector.value.lower()


def _joined(own: Any, section: Any) -> Any:
    """Lists are joined; nothing else is said both by the role and by the site model. The level of an application that
    a variable of the role says is not said again."""
    if isinstance(own, list):
        return [*own, *(section or ())]
    return section if own is None else own


# -- the roles -------------------------------------------------------------------------------------------------------


def _server(values: Mapping[str, Any]) -> Options:
    allowed = names_in(values["allowed"], "opc_server_allowed")
    revoked = names_in(values["revoked"], "opc_server_revoked")
    prog_ids = dict.fromkeys(names_in(values["prog_ids"], "opc_server_prog_ids"))
    items = [{"prog_id": name} for name in prog_ids] + _mappings(values["applications"], "opc_server_applications")
    return {
        **machine_wide(values),
        "applications": [{**_ON_DEFAULTS, **item} for item in items],
        "permissions": [
            *(_server_grants(allowed, launch=values["allow_launch"]) if allowed else ()),
            *(_revocations(revoked) if revoked else ()),
            *_mappings(values["permissions"], "opc_server_permissions"),
        ],
    }


def _client(values: Mapping[str, Any]) -> Options:
    allowed = names_in(values["allowed"], "opc_client_allowed")
    programs = list(dict.fromkeys(names_in(values["programs"], "opc_client_programs")))
    own = _mappings(values["applications"], "opc_client_applications")
    return {
        **machine_wide(values),
        # Programs follow the machine default level, so that one variable decides for all of them.
        "applications": [*({"program": name, "authentication_level": "default"} for name in programs), *own],
        "permissions": [
            *(_client_grants(allowed, programs) if allowed else ()),
            *_mappings(values["permissions"], "opc_client_permissions"),
        ],
    }


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any]], Options]] = {SERVER: _server, CLIENT: _client}


def machine_wide(values: Mapping[str, Any]) -> Options:
    """The options for the whole host; `values` are those of the variables in MACHINE_WIDE."""
    options: Options = {"defaults": {"enable_dcom": True}, "logging": {}}
    for name, (option, part) in MACHINE_WIDE.items():
        options[option][part] = values[name]
    return options


def _server_grants(allowed: Iterable[str], *, launch: bool) -> list[Options]:
    access = _entries(allowed, _ACCESS)
    activation = _entries(allowed, (*(_LAUNCH if launch else ()), *_ACTIVATION))
    return [
        {"scope": scope, "kind": kind, "entries": entries}
        for scope in ("machine_limit", "machine_default")
        for kind, entries in (("access", access), ("launch", activation))
    ]


def _revocations(revoked: Iterable[str]) -> list[Options]:
    entries = [{"principal": name, "type": "allow"} for name in dict.fromkeys(revoked)]
    return [
        {"scope": "machine_default", "kind": kind, "state": "absent", "entries": entries}
        for kind in ("access", "launch")
    ]


def _client_grants(allowed: Iterable[str], programs: Collection[str]) -> list[Options]:
    """Callbacks of the servers: at the machine limit, and at the programs, or at the default where none is named."""
    access: Options = {"kind": "access", "entries": _entries(allowed, ("remote_access",))}
    at_programs = [{"scope": "application", "program": name, "state": "present", **access} for name in programs]
    return [{"scope": "machine_limit", **access}, *(at_programs or [{"scope": "machine_default", **access}])]


def _entries(principals: Iterable[str], rights: Iterable[str]) -> list[Options]:
    return [{"principal": name, "rights": list(rights)} for name in dict.fromkeys(principals)]


def _mappings(value: object, variable: str) -> list[Options]:
    items = _listed(value, variable)
    for index, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise ParameterError(f"{variable}[{index}]", f"{item!r} is not a mapping of options")
    return [dict(item) for item in items]


def _listed(value: object, variable: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise ParameterError(variable, f"{value!r} is not a list")
    return list(value)
