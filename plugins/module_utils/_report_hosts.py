# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Hosts, exceptions and what was not looked at, as sections of a report. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from ._markup import Markup, element

Data = Mapping[str, Any]
_SEVERITY = {"critical": "bad", "warning": "unsure", "info": "plain"}
_ORIGINS = {"declared": "declared in the model or the roles", "found": "found on the host"}
_MAX_LINES = 200


def hosts_section(report: Data) -> Markup:
    """Every host, folded; those with something to see are marked."""
    hosts = report["hosts"]
    return element(
        "section",
        {"id": "hosts", "aria-labelledby": "hosts-title"},
        element("h2", {"id": "hosts-title"}, "Hosts"),
        element("p", {"class": "soft"}, _intro(report)),
        _overview(hosts) if hosts else None,
        element("h3", None, "Host by host") if hosts else None,
        [_host(number, host) for number, host in enumerate(hosts, 1)],
    )


def _intro(report: Data) -> str:
    if report.get("compared_with"):
        return "Settings that differ from the earlier report are marked, with their value of then."
    return "Give an earlier report (opc_report_earlier) to see what each setting was before."


def _overview(hosts: Sequence[Data]) -> Markup:
    head = element("tr", None, [_th(name) for name in ("Host", "Role", "Windows", "Patch level", "State")])
    rows = [_overview_row(number, host) for number, host in enumerate(hosts, 1)]
    table = element(
        "table",
        None,
        element("caption", None, "All hosts at a glance"),
        element("thead", None, head),
        element("tbody", None, rows),
    )
    return element("div", {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "All hosts"}, table)


def _overview_row(number: int, host: Data) -> Markup:
    link = element("a", {"href": f"#host-{number}"}, host["name"])
    windows = host["windows"].removeprefix("Microsoft ")
    cells = [", ".join(host["roles"]), f"{windows} ({host['build']})" if host["build"] else windows, host["phase_text"]]
    return element(
        "tr",
        None,
        element("th", {"scope": "row"}, link),
        [element("td", None, text) for text in cells],
        element("td", None, _marks(host)),
    )


def _marks(host: Data) -> list[Markup]:
    """What somebody should know of a host before opening it."""
    marks: list[tuple[str, str]] = []
    if not host["is_reached"]:
        marks.append(("bad", "not reached"))
    if host["reboot_reasons"]:
        marks.append(("unsure", "must reboot"))
    if host["stale_services"]:
        marks.append(("unsure", "restart services"))
    if host["unfinished_run"]:
        marks.append(("bad", "unfinished run"))
    if host["drift"]:
        marks.append(("unsure", f"{len(host['drift'])} to change"))
    if host["exceptions"] or host["weak_switches"]:
        count = len(host["exceptions"]) + len(host["weak_switches"])
        marks.append(("unsure", f"{count} exception{'' if count == 1 else 's'}"))
    if not marks:
        marks.append(("ok", "in order" if host["is_audited"] else "nothing pending"))
    return [_badge(state, text) for state, text in marks]


def _badge(state: str, text: str) -> Markup:
    sign = {"ok": "\N{CHECK MARK} ", "bad": "\N{BALLOT X} ", "unsure": "! "}.get(state, "")
    return element("span", {"class": f"badge {state}"}, f"{sign}{text}")


def _th(text: str) -> Markup:
    return element("th", {"scope": "col"}, text)


def _host(number: int, host: Data) -> Markup:
    summary = (element("strong", None, host["name"]), *_marks(host))
    body = (
        _facts(host),
        _list("Waits for a reboot", host["reboot_reasons"]),
        _list("Services that run with old values", host["stale_services"]),
        _list("Operations of a run that did not finish; the next run undoes them", host["unfinished_run"]),
        _list("Differs from what the roles and the model want", host["drift"]),
        _list("Exceptions", (*host["exceptions"], *host["weak_switches"])),
        _findings(host["findings"]),
        _software(host["software"]),
        _list("OPC proxy/stub libraries that are not usable", host["missing_libraries"]),
        _settings(host["settings"]),
        _snapshot(host["snapshot"]),
    )
    return element(
        "details",
        {"id": f"host-{number}"},
        element("summary", None, summary),
        element("div", {"class": "body"}, [part for part in body if part]),
    )


def _facts(host: Data) -> Markup:
    facts = [
        ("Role", ", ".join(host["roles"]) or "in no link"),
        ("Windows", host["windows"] or "not known"),
        ("Build", host["build"] or "not known"),
        ("KB5004442", host["phase_text"]),
        ("As a server", host["as_server"]),
        ("As a client", host["as_client"]),
        ("Booted", str(host["last_boot_time"] or "not known")[:19].replace("T", " ")),
    ]
    facts += [(str(name).replace("_", " "), str(value)) for name, value in host["switches"].items()]
    return element("dl", {"class": "facts"}, [_fact(name, value) for name, value in facts if value])


def _fact(name: str, value: str) -> Markup:
    return element("div", None, element("dt", None, name), element("dd", None, value))


def _list(title: str, lines: Iterable[str]) -> Markup | None:
    found = list(lines)
    if not found:
        return None
    items = [element("li", None, line) for line in found[:_MAX_LINES]]
    if len(found) > _MAX_LINES:
        items.append(element("li", {"class": "soft"}, f"and {len(found) - _MAX_LINES} more, in the JSON file"))
    return _part(title, element("ul", {"class": "plain"}, items))


def _part(title: str, *content: Markup) -> Markup:
    return element("div", None, element("h3", None, title), content)


def _findings(findings: Sequence[Data]) -> Markup | None:
    if not findings:
        return None
    head = element("tr", None, [_th(name) for name in ("Severity", "Where", "What", "Advice")])
    rows = [_finding(item) for item in findings[:_MAX_LINES]]
    table = element("table", None, element("thead", None, head), element("tbody", None, rows))
    return _part("Findings", element("div", {"class": "scroll"}, table))


def _finding(item: Data) -> Markup:
    severity = str(item.get("severity", "info"))
    texts = (item.get("subject", ""), item.get("evidence", ""), item.get("advice", ""))
    badge = element("td", None, _badge(_SEVERITY.get(severity, "plain"), severity))
    return element("tr", None, badge, [element("td", None, str(text)) for text in texts])


def _software(items: Sequence[Data]) -> Markup | None:
    if not items:
        return None
    names = ("Server", "Speaks", "Program", "Bits", "Service", "Runs as", "Version", "State")
    head = element("tr", None, [_th(name) for name in names])
    rows = [_server(item) for item in items[:_MAX_LINES]]
    table = element("table", None, element("thead", None, head), element("tbody", None, rows))
    return _part("OPC software", element("div", {"class": "scroll"}, table))


def _server(item: Data) -> Markup:
    running = {True: "runs", False: "does not run"}.get(item["running"], "not known")
    state = "; ".join((running, *item["troubles"]))
    texts = (
        item["kind"],
        item["program"],
        item["bitness"] or "?",
        item["service"],
        item["run_as"],
        item["version"],
        state,
    )
    return element(
        "tr", None, element("th", {"scope": "row"}, item["name"]), [element("td", None, text) for text in texts]
    )


def _settings(settings: Sequence[Data]) -> Markup | None:
    if not settings:
        return None
    has_before = any(item["before"] is not None for item in settings)
    names = ["Setting", "Now", *(["Before"] if has_before else [])]
    head = element("thead", None, element("tr", None, [_th(name) for name in names]))
    bodies = [
        _setting_group(group, list(items), has_before=has_before)
        for group, items in groupby(settings, lambda item: str(item["group"]))
    ]
    return _part("Settings", element("div", {"class": "scroll"}, element("table", None, head, bodies)))


def _setting_group(group: str, items: Sequence[Data], *, has_before: bool) -> Markup:
    title = element("th", {"scope": "rowgroup", "colspan": 3 if has_before else 2}, group)
    rows = [_setting(item, has_before=has_before) for item in items]
    return element("tbody", None, element("tr", None, title), rows)


def _setting(item: Data, *, has_before: bool) -> Markup:
    before = element("td", {"class": "lines"}, _before(item)) if has_before else None
    name = element("th", {"scope": "row", "class": "soft"}, str(item["name"]).replace("_", " "))
    now = element("td", {"class": "lines"}, _multiline(str(item["now"])))
    return element("tr", {"class": "changed" if item["is_changed"] else None}, name, now, before)


def _before(item: Data) -> Markup | str:
    if item["before"] is None:
        return "not in the earlier report"
    return element("del", None, _multiline(str(item["before"]))) if item["is_changed"] else "the same"


def _multiline(value: str) -> list[Markup]:
    """Lines stay lines; each is escaped and cut by itself."""
    lines = value.split("\n")
    return [element("span", None, line, "" if last else Markup("\n")) for line, last in _with_last(lines)]


def _with_last(lines: Sequence[str]) -> list[tuple[str, bool]]:
    return [(line, index == len(lines) - 1) for index, line in enumerate(lines)]


def _snapshot(item: Data | None) -> Markup | None:
    """What was there before the collection changed anything, line by line."""
    if item is None:
        return None
    lines = [element("li", None, line) for line in item["contents"][:_MAX_LINES]]
    title = f"Before the collection changed anything ({str(item['taken'])[:16].replace('T', ' ')})"
    count = element("span", {"class": "soft small"}, f"{len(item['contents'])} items")
    return element(
        "details", None, element("summary", None, title, count), element("ul", {"class": "plain small"}, lines)
    )


# -- exceptions


def exceptions_section(report: Data) -> Markup:
    """What is weaker than need be, for whom it is to be justified."""
    found = report["exceptions"]
    intro = (
        "What is weaker than need be: anonymous callers, Everyone, UAC and other switches. Declared ones carry the "
        "reason that somebody gave; found ones were there and nobody has declared them."
    )
    head = element("tr", None, [_th(name) for name in ("Host", "Exception", "Where it comes from")])
    rows = [
        element(
            "tr",
            None,
            element("th", {"scope": "row"}, item["host"]),
            element("td", None, item["what"]),
            element("td", None, _ORIGINS.get(item["origin"], item["origin"])),
        )
        for item in found
    ]
    table = element("table", None, element("thead", None, head), element("tbody", None, rows))
    shown = element("div", {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "Exceptions"}, table)
    return element(
        "section",
        {"id": "exceptions", "aria-labelledby": "exceptions-title"},
        element("h2", {"id": "exceptions-title"}, "Exceptions"),
        element("p", {"class": "soft"}, intro if found else "None was declared and none was found."),
        shown if found else None,
    )


# -- what is missing


def unread_section(report: Data) -> Markup:
    """What this report cannot know, so that nobody takes silence for good news."""
    lines = [
        f"{host['name']} did not answer; nothing is known of it" for host in report["hosts"] if not host["is_reached"]
    ]
    lines += [f"{host['name']}: {note}" for host in report["hosts"] for note in host["notes"]]
    unaudited = [host["name"] for host in report["hosts"] if host["is_reached"] and not host["is_audited"]]
    if unaudited:
        lines.append(f"Not compared with what the roles want: {', '.join(unaudited)}")
    listed = element("ul", {"class": "plain"}, [element("li", None, line) for line in lines[:_MAX_LINES]])
    return element(
        "section",
        {"id": "unread", "aria-labelledby": "unread-title"},
        element("h2", {"id": "unread-title"}, "Not looked at"),
        listed if lines else element("p", {"class": "soft"}, "Everything that was asked was read."),
    )
