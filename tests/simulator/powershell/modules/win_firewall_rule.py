# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""community.windows.win_firewall_rule: rules by name or group, through the firewall's COM API.

The API refuses nothing that netsh accepts, so values are checked as netsh checks them. An existing rule is compared and
changed property by property; rules are told apart by name alone. IPsec options and ICMP types are not simulated.

Source: win_firewall_rule.ps1 of community.windows 2.x/3.x; messages of refused values are composed.
"""

from __future__ import annotations

from ...files import expand
from ...programs.netsh_arguments import NetshError
from ...programs.netsh_rule import REPLACED_KEYS, checked, option_fields
from ...subsystems.firewall import FirewallError, StoredRule
from ...subsystems.firewall_rule import FirewallRule, canonical_order
from ...subsystems.firewall_shipped import resolve_text
from ..argument_spec import ModuleFailure, Option
from ..module import Contract, ModuleRun

# option of the module -> option of netsh that has the same values
_OPTIONS = {
    "description": "description", "direction": "dir", "action": "action", "program": "program", "service": "service",
    "profiles": "profile", "localip": "localip", "remoteip": "remoteip", "protocol": "protocol",
    "localport": "localport", "remoteport": "remoteport", "interfacetypes": "interfacetype", "edge": "edge",
}  # fmt: skip
_DENIED = "Access is denied. (Exception from HRESULT: 0x80070005 (E_ACCESSDENIED))"

Fields = list[tuple[str, str]]


def _run(run: ModuleRun) -> None:
    name, group = run.params["name"], run.params["group"]
    if not name and not group:
        raise ModuleFailure("Either name or group must be specified")
    if run.params["security"] not in (None, "notrequired") or run.params["icmp_type_code"] is not None:
        raise run.refuse("win_firewall_rule options security and icmp_type_code")
    found = [item for item in run.host.firewall.rules() if not item.is_policy and _is_meant(run, item)]
    try:
        run.host.firewall.demand_service()
        if run.params["state"] == "absent":
            _absent(run, found)
        elif found:
            _update(run, found)
        elif name:
            _create(run)
    except FirewallError as error:
        raise ModuleFailure(_DENIED if error.code == 5 else str(error)) from error
    except NetshError as error:
        raise ModuleFailure(f"Value does not fall within the expected range. ({error.text.name})") from error


def _is_meant(run: ModuleRun, item: StoredRule) -> bool:
    language = run.host.ui_language
    wanted, stored = str(run.params["name"] or ""), item.rule.name
    if not wanted:
        wanted, stored = str(run.params["group"]), item.rule.grouping
    return resolve_text(stored, language).lower() == wanted.lower()


def _wanted(run: ModuleRun) -> dict[str, Fields]:
    """Fields by netsh option, for every option that was given. Raises: NetshError."""
    wanted: dict[str, Fields] = {}
    for option, netsh_option in _OPTIONS.items():
        value = run.params[option]
        if value is None or (option == "service" and value.lower() == "any"):
            continue
        text = ",".join(value) if isinstance(value, list) else value
        if option == "program":
            text = expand(text, run.host.environment)
        wanted[netsh_option] = option_fields(netsh_option, text)
    if run.params["enabled"] is not None:
        wanted["enable"] = [("Active", "TRUE" if run.params["enabled"] else "FALSE")]
    if run.params["group"] is not None:
        wanted["group"] = [("EmbedCtxt", run.params["group"])]
    return wanted


def _create(run: ModuleRun) -> None:
    wanted = {"enable": [("Active", "TRUE")], "action": [("Action", "Allow")], "dir": [("Dir", "In")], **_wanted(run)}
    fields = option_fields("name", run.params["name"])
    for values in wanted.values():
        fields = fields + values
    rule = checked(FirewallRule(run.host.firewall.schema, canonical_order(fields)))
    if run.change():
        run.host.firewall.add_rule(run.caller, rule)
    run.result["msg"] = f"Firewall rule '{run.params['name']}' created."


def _update(run: ModuleRun, found: list[StoredRule]) -> None:
    changed: list[str] = []
    unchanged: list[str] = []
    for item in found:
        after = _changed(item.rule, _wanted(run))
        name = resolve_text(item.rule.name, run.host.ui_language)
        (unchanged if after == item.rule else changed).append(name)
        if after != item.rule and run.change():
            run.host.firewall.replace_rule(run.caller, item.rule_id, after)
    run.result["msg"] = f"Firewall rule(s) changed '{_quoted(changed)}' - unchanged '{_quoted(unchanged)}'"


def _changed(rule: FirewallRule, wanted: dict[str, Fields]) -> FirewallRule:
    fields = list(rule.fields)
    for option, values in wanted.items():
        keys = ("EmbedCtxt",) if option == "group" else REPLACED_KEYS[option]
        current = [item for item in fields if item[0] in keys]
        if set(current) != set(values):
            fields = [item for item in fields if item[0] not in keys] + values
    if fields == list(rule.fields):
        return rule
    return checked(FirewallRule(rule.version, canonical_order(fields)))


def _absent(run: ModuleRun, found: list[StoredRule]) -> None:
    name, group = run.params["name"], run.params["group"]
    if not found:
        run.result["msg"] = (
            f"Firewall rule '{name}' does not exist." if name else f"No firewall rules in group '{group}' exist."
        )
        return
    for item in found:
        if run.change():
            run.host.firewall.delete_rule(run.caller, item.rule_id)
    names = [resolve_text(item.rule.name, run.host.ui_language) for item in found]
    run.result["msg"] = f"Firewall rule(s) '{_quoted(names)}' removed."


def _quoted(names: list[str]) -> str:
    return "', '".join(names)


WIN_FIREWALL_RULE = Contract(
    {
        "name": Option(),
        "group": Option(),
        "description": Option(),
        "direction": Option(choices=("in", "out")),
        "action": Option(choices=("allow", "block")),
        "program": Option(),
        "service": Option(),
        "enabled": Option("bool", aliases=("enable",)),
        "profiles": Option("list", aliases=("profile",)),
        "localip": Option(),
        "remoteip": Option(),
        "localport": Option(),
        "remoteport": Option(),
        "protocol": Option(),
        "interfacetypes": Option("list"),
        "edge": Option(choices=("no", "yes", "deferapp", "deferuser")),
        "security": Option(choices=("notrequired", "authnoencap", "authenticate", "authdynenc", "authenc")),
        "icmp_type_code": Option("list"),
        "state": Option(default="present", choices=("present", "absent")),
    },
    _run,
    is_legacy=True,
)
