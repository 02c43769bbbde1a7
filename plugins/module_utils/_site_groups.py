# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""A site without links: two groups of hosts and a handful of plain variables mean "every client to every server".

The variables may be texts, as an inventory in INI form and the surveys of AWX give them. Who is in the groups comes
from the inventory and, for hosts that the inventory of a job slice lacks, from ``opc_site.hosts.<name>.groups``.
"""

from __future__ import annotations

import ntpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ._site_model import SiteModelError, is_built_in, is_domain_account

SERVERS = "opc_servers"
CLIENTS = "opc_clients"
_SIDES = {"server": SERVERS, "client": CLIENTS}
_NAMES = ("app_id", "prog_id", "clsid", "service", "program")
# Variables that say something about every link, and what they stand for in a link of the model.
_LINK_WORDS = ("read_mode", "browse", "allow_anonymous", "reason")
_TRUTHS = ("browse", "allow_anonymous")
# An inventory in INI form makes numbers and truth values of what looks like them. The value may be a password.
_NO_TEXT = "is not a text; write it in a file of group_vars, in quotes if it looks like a number or a truth value"
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})

# Every variable this module looks at.
VARIABLES = (
    *(
        f"opc_{side}_{name}"
        for side in _SIDES
        for name in ("application", *_NAMES, "account", "account_password")
    ),
    *(f"opc_{word}" for word in _LINK_WORDS),
    "opc_domain",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Groups:
    """Who is in the two groups, as far as the inventory knows, and the plain variables of the host."""

    servers: Sequence[str] = ()
    clients: Sequence[str] = ()
    variables: Mapping[str, object] = field(default_factory=dict)

    def value(self, name: str) -> object:
        """A variable; None where it is not set or empty, which is what an unanswered survey question gives."""
        value = self.variables.get(name)
        text = value.strip() if isinstance(value, str) else value
        return None if text == "" else text


def has_links(model: object) -> bool:
    return isinstance(model, Mapping) and model.get("links") is not None


def is_described(model: object, groups: Groups) -> bool:
    """Whether anything says which links there are: a model, or the variables for every link."""
    return model is not None or any(groups.value(name) is not None for name in VARIABLES if name != "opc_domain")


def with_group_links(model: object, groups: Groups) -> Mapping[str, object]:
    """The model, with links from every client to every server where it has none.

    Raises: SiteModelError that names the variables which are missing or wrong.
    """
    base: Mapping[str, object] = model if isinstance(model, Mapping) else {}
    members = {side: _members(base, side, groups) for side in _SIDES}
    problems = [f"{name}: is missing; a site without links needs it" for name in _missing(groups)]
    problems += [f"{_SIDES[side]}: no host is known in this group" for side, names in members.items() if not names]
    problems += [f"{name}: {_NO_TEXT}" for name in _no_texts(groups)]
    words, wrong = _link_words(groups)
    if problems + wrong:
        raise SiteModelError(problems + wrong)
    names = {side: _application_name(groups, side) for side in _SIDES}
    accounts = {side: str(groups.value(f"opc_{side}_account")) for side in _SIDES}
    ends = {side: {"application": names[side], "account": accounts[side]} for side in _SIDES}
    links = [
        {"server": {"host": server, **ends["server"]}, "client": {"host": clients, **ends["client"]}, **words}
        for server in members["server"]
        if (clients := [name for name in members["client"] if name != server])
    ]
    domain = groups.value("opc_domain")
    return {
        **base,
        **({} if domain is None else {"domain": domain}),
        "applications": {**_mapping(base, "applications"), **_applications(groups, names)},
        "accounts": {**_accounts(groups, accounts), **_mapping(base, "accounts")},
        "links": links,
    }


def in_words_of_groups(problem: str) -> str:
    """A problem of a link that the groups stand for, with the path of the variable that says it."""
    problem = re.sub(r"^links\[\d+\]\.(server|client)\.host(\[\d+\])?", lambda match: _SIDES[match[1]], problem)
    problem = re.sub(r"^links\[\d+\]\.(server|client)\.(\w+)", r"opc_\1_\2", problem)
    problem = re.sub(r"^links\[\d+\]\.(\w+)", r"opc_\1", problem)
    return re.sub(r"^links\[\d+\]", "opc_clients to opc_servers", problem)


def _members(model: Mapping[str, object], side: str, groups: Groups) -> list[str]:
    """The hosts of a group in a fixed order: those the inventory knows and those that the model says are in it."""
    known = groups.servers if side == "server" else groups.clients
    described = [name for name, host in _mapping(model, "hosts").items() if _SIDES[side] in _groups_of(host)]
    return sorted(dict.fromkeys([*known, *described]))


def _groups_of(host: object) -> Sequence[object]:
    listed = host.get("groups") if isinstance(host, Mapping) else None
    return listed if isinstance(listed, list) else [listed]


def _missing(groups: Groups) -> list[str]:
    missing = [f"opc_{side}_account" for side in _SIDES if groups.value(f"opc_{side}_account") is None]
    for side, names in (("server", ("prog_id", "clsid", "app_id", "service")), ("client", _NAMES)):
        if all(groups.value(f"opc_{side}_{name}") is None for name in ("application", *names)):
            missing.append(f"one of {', '.join(f'opc_{side}_{name}' for name in ('application', *names))}")
    return missing


def _no_texts(groups: Groups) -> list[str]:
    texts = (name for name in VARIABLES if name not in {f"opc_{word}" for word in _TRUTHS})
    return [name for name in texts if not isinstance(groups.value(name), (str, type(None)))]


def _link_words(groups: Groups) -> tuple[dict[str, object], list[str]]:
    """What every link says, and what is wrong with the variables for it."""
    words: dict[str, object] = {}
    problems: list[str] = []
    for word in _LINK_WORDS:
        value = groups.value(f"opc_{word}")
        if value is None:
            continue
        if word in _TRUTHS:
            truth = _boolean(value)
            if truth is None:
                problems.append(f"opc_{word}: {value!r} is neither true nor false")
            value = truth
        words[word] = value
    return words, problems


def _boolean(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    folded = str(value).lower()
    return True if folded in _TRUE else False if folded in _FALSE else None


def _application_name(groups: Groups, side: str) -> str:
    """The name of an application of the model, or a name made of what the variables call it."""
    named = groups.value(f"opc_{side}_application")
    if named is not None:
        return str(named)
    for name in ("service", "prog_id", "program", "app_id", "clsid"):
        value = groups.value(f"opc_{side}_{name}")
        if value is not None:
            return ntpath.splitext(ntpath.basename(str(value)))[0] if name == "program" else str(value)
    return side


def _applications(groups: Groups, names: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """What the variables say of the two applications; one that is both is said once."""
    found: dict[str, dict[str, object]] = {}
    for side in _SIDES:
        said = {name: value for name in _NAMES if (value := groups.value(f"opc_{side}_{name}")) is not None}
        if said and groups.value(f"opc_{side}_application") is None:
            found[names[side]] = {**found.get(names[side], {}), **said}
    return found


def _accounts(groups: Groups, accounts: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """The accounts that need a description: local ones."""
    found: dict[str, dict[str, object]] = {}
    for side, account in accounts.items():
        password = groups.value(f"opc_{side}_account_password")
        bare = account[2:] if account.startswith(".\\") else account
        if password is not None:
            found[bare] = {"password": password}
        elif not is_built_in(account) and not is_domain_account(bare):
            found.setdefault(bare, {})
    return found


def _mapping(model: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = model.get(key)
    return found if isinstance(found, Mapping) else {}
