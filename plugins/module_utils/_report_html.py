# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The page of a report: one HTML file that opens from anywhere, loads nothing and runs nothing. Pure.

The content security policy in the page forbids everything but its own style sheet, by hash, so even a mistake in here
could not make a browser fetch or run what a host said. All texts are escaped by _markup.
Source: Content Security Policy Level 3, 6.6 (hashes, delivery by a meta element).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ._markup import Markup, constant, element, join
from ._report_events import events_section
from ._report_hosts import exceptions_section, hosts_section, unread_section
from ._report_map import CLASSES, SIGNS, TITLES, Server, figures, legend, servers_of, shapes, strip
from ._report_style import STYLE

Data = Mapping[str, Any]
# A site with more servers or links is shown server by server, folded, with an index of signs before.
MANY_LINKS = 24
_CERTAINTY = {
    "refuses": ("bad", "refuses now"),
    "logged": ("bad", "seen in a log"),
    "likely": ("unsure", "likely"),
    "possible": ("plain", "possible"),
    "weakness": ("plain", "weakness"),
}
_MAX_WEAKNESSES = 200
_LAYER_TITLES = {layer.value: title for layer, title in TITLES.items()}


def render_page(report: Data) -> str:
    """The whole file."""
    style = constant(STYLE)
    digest = base64.b64encode(hashlib.sha256(STYLE.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"OPC links: {report['title']}"
    head = element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "referrer", "content": "no-referrer"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("meta", {"name": "generated", "content": str(report["generated"])}),
        element("title", None, title),
        Markup(f"<style>{style}</style>"),
    )
    body = element(
        "body", None, _skip(), _header(report), element("main", {"id": "main"}, _sections(report)), _footer(report)
    )
    return f"<!DOCTYPE html>\n{element('html', {'lang': 'en'}, head, body)}\n"


def _sections(report: Data) -> list[Markup]:
    return [
        section
        for section in (
            _problems(report),
            _map(report),
            _links(report),
            hosts_section(report),
            exceptions_section(report),
            events_section(report),
            unread_section(report),
        )
        if section
    ]


def _skip() -> Markup:
    return element("a", {"class": "skip", "href": "#main"}, "Skip to the problems")


# -- head and foot


def _header(report: Data) -> Markup:
    summary = report["summary"]
    compared = report.get("compared_with")
    when = f"As read at {_time(report['generated'])}" + (f", compared with {_time(compared)}" if compared else "")
    return element(
        "header",
        None,
        element("p", {"class": "kind"}, "OPC Classic / DCOM report"),
        element("h1", None, str(report["title"])),
        element("p", {"class": "soft"}, when),
        _verdict(summary),
        _tiles(summary),
        _contents(),
    )


def _time(text: object) -> str:
    return f"{str(text)[:16].replace('T', ' ')} UTC" if text else "an unknown time"


def _verdict(summary: Data) -> Markup:
    failing, unknown, count = summary["links_fails"], summary["links_unknown"], summary["links"]
    if failing:
        state, said = "bad", f"{failing} of {_count(count, 'link')} fail{'s' if failing == 1 else ''}"
    elif unknown:
        state, said = "unsure", f"Nothing refuses, but of {unknown} of {_count(count, 'link')} not everything is known"
    elif count:
        state, said = (
            "ok",
            f"All {count} links are let through on every layer" if count > 1 else "The link is let through",
        )
    else:
        state, said = "unsure", "The site model has no links"
    sign = element("span", {"class": "sign", "aria-hidden": "true"}, SIGNS[state])
    return element("div", {"class": f"verdict {state}"}, sign, element("p", None, said))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _tiles(summary: Data) -> Markup:
    hosts = summary["hosts"]
    tiles = (
        ("Links that work", summary["links_works"], f"of {summary['links']}"),
        ("Causes to remove", summary["causes"], ""),
        ("Hosts with KB5004442 enforced", summary["hosts_enforced"], f"of {hosts}"),
        ("Hosts that must reboot", summary["hosts_pending_reboot"], f"of {hosts}"),
        ("Hosts that differ from the model", summary["hosts_drifting"], f"of {hosts}"),
        ("Exceptions", summary["exceptions"], ""),
    )
    return element("dl", {"class": "tiles"}, [_tile(*item) for item in tiles])


def _tile(name: str, value: int, of: str) -> Markup:
    more = element("span", None, f" {of}") if of else None
    return element("div", None, element("dt", None, name), element("dd", None, value, more))


_CONTENTS = (
    ("problems", "Problems"),
    ("map", "Map of links"),
    ("links", "Links"),
    ("hosts", "Hosts"),
    ("exceptions", "Exceptions"),
    ("events", "Events"),
    ("unread", "Not looked at"),
)


def _contents() -> Markup:
    items = [element("li", None, element("a", {"href": f"#{name}"}, title)) for name, title in _CONTENTS]
    return element("nav", {"aria-label": "Contents"}, element("ul", None, items))


def _footer(report: Data) -> Markup:
    text = (
        "Judged is what is configured on both hosts and what their logs say; nothing was tried and nothing was "
        "changed. Not to be seen that way: whether both hosts have the same password, what a program sets by itself, "
        "and routers and firewalls in between. Made by the Ansible collection otsec.opc_dcom, report format "
        f"{report['schema']}."
    )
    return element("footer", None, element("p", None, text))


# -- problems


def _problems(report: Data) -> Markup:
    problems = report["problems"]
    concerned = [item for item in problems if item["links"] and item["certainty"] != "possible"]
    unsure = [item for item in problems if item["links"] and item["certainty"] == "possible"]
    others = [item for item in problems if not item["links"]]
    intro = "Most likely cause first. Run a playbook with --check --diff before you run it." if concerned else None
    nothing = element("p", None, "Nothing refuses, as far as configuration and logs tell.")
    listed = [_problem(number, item) for number, item in enumerate(concerned, 1)]
    return element(
        "section",
        {"id": "problems", "aria-labelledby": "problems-title"},
        element("h2", {"id": "problems-title"}, "Problems"),
        element("p", {"class": "soft"}, intro) if intro else nothing,
        element("ol", {"class": "problems"}, listed) if listed else None,
        _unsure(unsure),
        _weaknesses(others),
    )


def _problem(number: int, item: Data) -> Markup:
    state, word = _CERTAINTY[item["certainty"]]
    links = ", ".join(item["links"][:8]) + (f" and {len(item['links']) - 8} more" if len(item["links"]) > 8 else "")
    badge = element("span", {"class": f"badge {state}"}, word)
    title = element("h3", None, f"{item['host']}: {item['what']} ", badge)
    return element(
        "li",
        None,
        element("span", {"class": "rank", "aria-hidden": "true"}, number),
        element("div", None, title, element("p", {"class": "soft small"}, f"Concerns {links}"), _steps(item)),
    )


def _unsure(items: Sequence[Data]) -> Markup | None:
    """Folded: what the configuration of now contradicts, what was not seen again, what was not looked at."""
    if not items:
        return None
    listed = [_problem(number, item) for number, item in enumerate(items, 1)]
    title = element("strong", None, f"{_count(len(items), 'thing')} that may be over, or uncertain")
    hint = element("span", {"class": "soft small"}, "of an earlier state, as far as is known")
    return element("details", None, element("summary", None, title, hint), element("ol", {"class": "problems"}, listed))


def _steps(item: Data) -> Markup:
    """Why, what to do, and the command."""
    rows: list[Markup] = []
    if item["why"]:
        rows += [element("dt", None, "Why"), element("dd", None, _lines(item["why"]))]
    rows += [element("dt", None, "Do this"), element("dd", None, _sentence(item["do"]))]
    if item["commands"]:
        told = [element("pre", None, element("code", None, text)) for text in item["commands"]]
        rows += [element("dt", None, "Run"), element("dd", None, told)]
    return element("dl", {"class": "steps"}, rows)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lines(texts: Sequence[str]) -> Markup:
    if len(texts) == 1:
        return join((texts[0],))
    more = element("ul", {"class": "plain"}, [element("li", None, text) for text in texts[1:]])
    title = element("summary", None, f"{_count(len(texts) - 1, 'more sign')} of it")
    return join((texts[0], element("details", {"class": "more"}, title, more)))


def _weaknesses(items: Sequence[Data]) -> Markup | None:
    """Folded: they are no reason for a link to fail, and an auditor reads them host by host."""
    if not items:
        return None
    rows = [_weakness(item) for item in items[:_MAX_WEAKNESSES]]
    more = len(items) - len(rows)
    head = element("tr", None, [_th(name) for name in ("Host", "What", "Why", "Do this")])
    table = element("table", None, element("thead", None, head), element("tbody", None, rows))
    note = element("p", {"class": "soft"}, f"{more} more are in the JSON file.") if more > 0 else None
    title = element("strong", None, f"{_count(len(items), 'finding')} beside the links")
    hint = element("span", {"class": "soft small"}, "no link fails for them")
    return element(
        "details", None, element("summary", None, title, hint), element("div", {"class": "body scroll"}, table, note)
    )


def _weakness(item: Data) -> Markup:
    cells = [element("td", None, text) for text in (item["what"], "; ".join(item["why"]), _sentence(item["do"]))]
    return element("tr", None, element("th", {"scope": "row"}, item["host"]), cells)


def _th(text: str) -> Markup:
    return element("th", {"scope": "col"}, text)


# -- map


def _map(report: Data) -> Markup:
    servers = servers_of(report["links"])
    is_large = len(report["links"]) > MANY_LINKS
    intro = (
        "A row is a link, a lane one of its ways, a column a layer that may refuse. Both doors, the limit of the "
        "machine and the permission of the program, must let a caller in. Point at a sign to read what was found; the "
        "links below say it all in words."
    )
    return element(
        "section",
        {"id": "map", "aria-labelledby": "map-title"},
        element("h2", {"id": "map-title"}, "Map of links"),
        element("p", {"class": "soft"}, intro),
        shapes(),
        legend(),
        [_folded(server) for server in servers] if is_large else list(figures(servers)),
    )


def _folded(server: Server) -> Markup:
    """One server of many: its links as a line of signs, the drawing folded away unless something is wrong."""
    failing = server.count("fails")
    state = "fails" if failing else "unknown" if server.count("unknown") else "works"
    said = f"{failing} of {len(server.links)} fail" if failing else f"{_count(len(server.links), 'link')}"
    title = (element("strong", None, server.host), _state_badge(state, said), strip(server.links))
    return element(
        "details",
        {"open": bool(failing)},
        element("summary", None, title),
        element("div", None, list(figures([server]))),
    )


def _state_badge(state: str, text: str | None = None) -> Markup:
    name = CLASSES[state]
    return element("span", {"class": f"badge {name}"}, f"{SIGNS[name]} {text or state}")


# -- links


def _links(report: Data) -> Markup:
    links = report["links"]
    head = element(
        "tr", None, [_th(name) for name in ("No.", "Link", "Client", "Server", "Result", "First refusal, or advice")]
    )
    rows = [_link(number, link) for number, link in enumerate(links, 1)]
    table = element(
        "table",
        None,
        element("caption", None, "Every link of the site model"),
        element("thead", None, head),
        element("tbody", None, rows),
    )
    choices = (_pick(name, text) for name, text in (("all", "all"), ("fails", "that fail"), ("unknown", "not known")))
    return element(
        "section",
        {"id": "links", "aria-labelledby": "links-title"},
        element("h2", {"id": "links-title"}, "Links"),
        element("p", {"class": "soft"}, "Show only some:") if links else None,
        list(choices) if links else None,
        element("div", {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "Table of links"}, table),
        _all_layers(links),
    )


def _all_layers(links: Sequence[Data]) -> Markup:
    """Folded once more where there are many; a browser opens what a reference leads to."""
    title = "Every layer in words"
    listed = [_layers(number, link) for number, link in enumerate(links, 1)]
    if len(links) <= MANY_LINKS:
        return join((element("h3", None, title), listed))
    return element("details", None, element("summary", None, element("strong", None, title)), listed)


def _pick(name: str, text: str) -> Markup:
    """A choice that the style sheet obeys, so that no script is needed."""
    button = {"type": "radio", "name": "only", "id": f"only-{name}", "checked": name == "all"}
    return join((element("input", button), element("label", {"class": "pick", "for": f"only-{name}"}, f" {text}")))


def _link(number: int, link: Data) -> Markup:
    first = link["first"]
    refusal = (
        ""
        if first is None
        else f"{_LAYER_TITLES.get(first['layer'], first['layer'])} on {first['host']}: {first['evidence']}"
    )
    how = f"{link['read_mode']}{', browses' if link['browse'] else ''}"
    cells = (
        element("td", None, number),
        element("th", {"scope": "row"}, element("a", {"href": f"#link-{number}"}, link["name"]), _under(how)),
        element("td", None, link["client"]["host"], _under(_end(link["client"]))),
        element("td", None, link["server"]["host"], _under(_end(link["server"]))),
        element("td", None, _state_badge(link["state"])),
        element("td", None, refusal, [_under(text) for text in (*link["pending"], *link["advice"])]),
    )
    return element("tr", {"data-state": link["state"]}, cells)


def _under(text: str) -> Markup:
    return element("div", {"class": "soft small"}, text)


def _end(end: Data) -> str:
    return f"{end['application']} as {end['account']}"


def _layers(number: int, link: Data) -> Markup:
    """All layers of one link as a table, folded."""
    head = element("tr", None, [_th(name) for name in ("Layer", "Host", "State", "Evidence", "Do this")])
    ways = [_way(way, list(items)) for way, items in groupby(link["layers"], lambda item: str(item["way"]))]
    table = element("table", None, element("thead", None, head), ways)
    waits = [element("li", None, text) for text in (*link["pending"], *link["advice"])]
    title = element("strong", None, f"{number}. {link['name']}")
    return element(
        "details",
        {"id": f"link-{number}"},
        element("summary", None, title, _state_badge(link["state"])),
        element("div", {"class": "body scroll"}, element("ul", {"class": "plain"}, waits) if waits else None, table),
    )


_WAY_TITLES = {"connect": "To the OPC server", "browse": "To OpcEnum", "callback": "The way back to the client"}


def _way(way: str, items: Sequence[Data]) -> Markup:
    title = element("th", {"scope": "rowgroup", "colspan": 5}, _WAY_TITLES.get(way, way))
    return element("tbody", None, element("tr", None, title), [_layer(item) for item in items])


def _layer(item: Data) -> Markup:
    state = {"ok": "works", "refuses": "fails", "unknown": "unknown"}[item["state"]]
    word = {"works": "ok", "fails": "refuses", "unknown": "not known"}[state]
    texts = (_LAYER_TITLES.get(item["layer"], item["layer"].replace("_", " ")), item["host"])
    badge = element("td", None, _state_badge(state, word))
    evidence = [element("td", None, item[name]) for name in ("evidence", "fix")]
    return element("tr", None, [element("td", None, text) for text in texts], badge, evidence)
