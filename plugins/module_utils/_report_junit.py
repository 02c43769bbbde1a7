# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""A report for pipelines: JUnit XML, in which each link and each host is a test case. Pure.

A link that fails is a failure, one of which not everything is known is skipped; so is a host that was not looked at. A
host fails where it differs, waits for a reboot or has an unfinished run. Source: the schema that Jenkins publishes for
its JUnit plugin (testsuites, testsuite, testcase, failure, skipped).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._markup import Markup, element, join, text

Data = Mapping[str, Any]
_MAX_LINES = 50


def render_junit(report: Data) -> str:
    """The whole file."""
    suites = [
        _suite("links", [_link(link) for link in report["links"]], report),
        _suite("hosts", [_host(host) for host in report["hosts"]], report),
    ]
    root = element("testsuites", {"name": f"OPC links: {report['title']}"}, suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'


def _suite(name: str, cases: Sequence[tuple[str, Markup]], report: Data) -> Markup:
    outcomes = [outcome for outcome, _case in cases]
    counts = {
        "name": name,
        "tests": len(cases),
        "failures": outcomes.count("failure"),
        "errors": 0,
        "skipped": outcomes.count("skipped"),
        "time": "0",
        "timestamp": str(report["generated"]).removesuffix("Z"),
    }
    return element("testsuite", dict(counts), [case for _outcome, case in cases])


def _case(group: str, name: str, outcome: str, message: str, lines: Iterable[str]) -> tuple[str, Markup]:
    about = {"classname": f"opc_dcom.{group}", "name": name, "time": "0"}
    if outcome == "passed":
        return outcome, element("testcase", about)
    kept = list(lines)[:_MAX_LINES]
    attributes: dict[str, object] = {"message": message}
    attributes |= {"type": group} if outcome == "failure" else {}
    content = [join((text(line), Markup("\n"))) for line in kept]
    return outcome, element("testcase", about, element(outcome, attributes, content))


def _link(link: Data) -> tuple[str, Markup]:
    lines = [
        f"{item['way']} {item['layer']} on {item['host']}: {item['evidence']}"
        for item in link["layers"]
        if item["state"] != "ok"
    ]
    if link["state"] == "fails":
        first = link["first"]
        return _case(
            "link", link["name"], "failure", f"{first['layer']} on {first['host']}: {first['evidence']}", lines
        )
    outcome = "passed" if link["state"] == "works" else "skipped"
    return _case("link", link["name"], outcome, "not everything is known", lines)


def _host(host: Data) -> tuple[str, Markup]:
    if not host["is_reached"]:
        return _case("host", host["name"], "skipped", "was not looked at", ())
    lines = [f"differs: {line}" for line in host["drift"]]
    lines += [f"waits for a reboot: {line}" for line in host["reboot_reasons"]]
    lines += [f"runs with old values: service {line}" for line in host["stale_services"]]
    lines += [f"not finished: {line}" for line in host["unfinished_run"]]
    outcome = "failure" if lines else "passed"
    return _case("host", host["name"], outcome, f"{len(lines)} things to put in order", lines)
