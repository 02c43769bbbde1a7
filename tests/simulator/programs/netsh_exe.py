# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh.exe as far as the firewall goes: `advfirewall firewall ... rule` and `advfirewall set|show ...profile`.

Every other context is answered as a command that does not exist and recorded as a violation. Exit code 0, or 1 for
anything that did not work or matched nothing (dcom.md 5.4: observed by several programs, not documented).

Source: netsh's own help; dcom.md 5.4. Deviations: after a syntax error only the first line of the usage text is
printed; commands cannot be abbreviated; `set rule` without `new` is refused (netsh: "no changes are made").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..cim import Caller, ProgramResult
from ..journal import Journal
from ..subsystems.firewall import ERROR_ACCESS_DENIED, Firewall, FirewallError, StoredRule
from ..subsystems.firewall_shipped import resolve_text
from .netsh_arguments import Arguments, NetshError, join_tags, parse_tags, require
from .netsh_profile import TARGETS, set_profiles, show_profiles
from .netsh_rule import PROPERTIES, SELECTORS, changed_rule, new_rule, option_fields, selects
from .netsh_show import show_rule
from .netsh_texts import Text, say
from .program import Invocation

_SYNTAX_ERRORS = (Text.INVALID_VALUE, Text.INVALID_PORT, Text.INVALID_PROTOCOL, Text.INVALID_ADDRESS, Text.MISSING)
_USAGE = {
    "add": "Usage: add rule name=<string> dir=in|out action=allow|block|bypass ...",
    "set": "Usage: set rule group=<string> | name=<string> ... new ...",
    "delete": "Usage: delete rule name=<string> ...",
    "show": "Usage: show rule name=<string> [profile=public|private|domain|any[,...]] [type=static|dynamic] [verbose]",
}


class Netsh:
    """netsh.exe of one host."""

    def __init__(self, firewall: Firewall, journal: Journal, language: str) -> None:
        self._firewall = firewall
        self._journal = journal
        self._language = language

    def program(self, invocation: Invocation) -> ProgramResult:
        return self.run(invocation.caller, invocation.arguments)

    def run(self, caller: Caller, arguments: Sequence[str]) -> ProgramResult:
        """Run one command; `arguments` are the words after netsh.exe, quotes already gone."""
        words = [word.lower() for word in arguments]
        try:
            match words:
                case ["advfirewall", "firewall", ("add" | "set" | "delete" | "show") as verb, "rule", *_]:
                    return self._rule_command(caller, verb, join_tags(arguments[4:]))
                case ["advfirewall", ("show" | "set") as verb, target, *_] if target in TARGETS:
                    return self._profile_command(caller, verb, target, arguments[3:])
        except FirewallError as error:
            text = Text.NOT_ELEVATED if error.code == ERROR_ACCESS_DENIED else Text.NO_SERVICE
            return self._said(text, exit_code=1)
        self._journal.violation("netsh", f"unknown command: {' '.join(arguments)}")
        return self._said(Text.COMMAND_NOT_FOUND, " ".join(arguments), exit_code=1)

    # -- rules --------------------------------------------------------------------------------------------

    def _rule_command(self, caller: Caller, verb: str, tokens: list[str]) -> ProgramResult:
        verbs: dict[str, Callable[[Caller, list[str]], ProgramResult]] = {
            "add": self._add,
            "set": self._set,
            "delete": self._delete,
            "show": self._show,
        }
        try:
            return verbs[verb](caller, tokens)
        except NetshError as error:
            usage = f"\r\n\r\n{_USAGE[verb]}" if error.text in _SYNTAX_ERRORS else ""
            message = say(error.text, self._language, *error.values)
            return ProgramResult(stdout=f"\r\n{message}{usage}\r\n\r\n", exit_code=1)

    def _add(self, caller: Caller, tokens: list[str]) -> ProgramResult:
        arguments = parse_tags(tokens, PROPERTIES)
        require(arguments, "name", "dir", "action")
        rule = new_rule(arguments, self._firewall.schema)
        self._firewall.add_rule(caller, rule)
        return self._said(Text.OK)

    def _set(self, caller: Caller, tokens: list[str]) -> ProgramResult:
        keywords = [token.lower() for token in tokens]
        if "new" not in keywords[:-1]:
            raise NetshError(Text.MISSING)
        split = keywords.index("new")
        selectors = parse_tags(tokens[:split], ("name", "group", *SELECTORS))
        if (selectors.get("name") is None) == (selectors.get("group") is None):
            raise NetshError(Text.MISSING)
        is_group = selectors.get("group") is not None
        changes = parse_tags(tokens[split + 1 :], ("enable",) if is_group else PROPERTIES)
        if (selectors.get("name") or "").lower() == "all":
            raise NetshError(Text.INVALID_VALUE)
        return self._change(caller, selectors, changes)

    def _change(self, caller: Caller, selectors: Arguments, changes: Arguments) -> ProgramResult:
        found = self._selected(selectors, local_only=True)
        changed = [(item.rule_id, changed_rule(item.rule, changes)) for item in found]
        self._firewall.demand(caller)
        if not changed:
            return self._said(Text.NO_MATCH, exit_code=1)
        for rule_id, rule in changed:
            self._firewall.replace_rule(caller, rule_id, rule)
        return self._counted(Text.UPDATED, len(changed))

    def _delete(self, caller: Caller, tokens: list[str]) -> ProgramResult:
        arguments = parse_tags(tokens, ("name", *SELECTORS))
        require(arguments, "name")
        found = self._selected(arguments, local_only=True)
        self._firewall.demand(caller)
        if not found:
            return self._said(Text.NO_MATCH, exit_code=1)
        for item in found:
            self._firewall.delete_rule(caller, item.rule_id)
        return self._counted(Text.DELETED, len(found))

    def _show(self, caller: Caller, tokens: list[str]) -> ProgramResult:
        arguments = parse_tags(tokens, ("name", "profile", "dir", "type"), ("verbose",))
        require(arguments, "name")
        if arguments.values.get("type", "static").lower() not in ("static", "dynamic"):
            raise NetshError(Text.INVALID_VALUE)
        self._firewall.demand_service()
        found = self._selected(arguments, local_only=False)
        if not found:
            return self._said(Text.NO_MATCH, exit_code=1)
        verbose = "verbose" in arguments.flags
        shown = "".join(show_rule(item, self._language, verbose=verbose) for item in found)
        return ProgramResult(stdout=f"{shown}{say(Text.OK, self._language)}\r\n\r\n")

    def _selected(self, arguments: Arguments, *, local_only: bool) -> list[StoredRule]:
        """Rules by name (`all` = every one) or group, and by the other properties given. Raises: NetshError."""
        for option, value in arguments.values.items():
            if option in SELECTORS:
                option_fields(option, value)  # refuses a wrong value even where no rule has the name
        return [
            item
            for item in self._firewall.rules()
            if not (local_only and item.is_policy)
            and self._is_named(item, arguments)
            and selects(arguments, item.rule, self._firewall.context.variables)
        ]

    def _is_named(self, item: StoredRule, arguments: Arguments) -> bool:
        name, group = arguments.get("name"), arguments.get("group")
        if name is None:
            return group is not None and self._is_text(item.rule.grouping, group)
        return name.lower() == "all" or self._is_text(item.rule.name, name)

    def _is_text(self, stored: str, wanted: str) -> bool:
        """A resource name is found by itself (`@FirewallAPI.dll,-28502`) and by the text shown for it."""
        return wanted.lower() in (stored.lower(), resolve_text(stored, self._language).lower())

    # -- profiles --------------------------------------------------------------------------------------------

    def _profile_command(self, caller: Caller, verb: str, target: str, words: Sequence[str]) -> ProgramResult:
        try:
            if verb == "show":
                self._firewall.demand_service()
                shown = show_profiles(self._firewall, self._language, target, words)
                return ProgramResult(stdout=f"{shown}{say(Text.OK, self._language)}\r\n\r\n")
            set_profiles(self._firewall, caller, target, words)
        except NetshError as error:
            self._journal.violation("netsh", f"{verb} {target} {' '.join(words)}: {error}")
            return self._said(error.text, exit_code=1)
        return self._said(Text.OK)

    # -- output --------------------------------------------------------------------------------------------

    def _said(self, text: Text, *values: object, exit_code: int = 0) -> ProgramResult:
        start = "\r\n" if text is Text.NO_MATCH or text in _SYNTAX_ERRORS else ""
        return ProgramResult(stdout=f"{start}{say(text, self._language, *values)}\r\n\r\n", exit_code=exit_code)

    def _counted(self, text: Text, count: int) -> ProgramResult:
        return ProgramResult(stdout=f"\r\n{say(text, self._language, count)}\r\n{say(Text.OK, self._language)}\r\n\r\n")
