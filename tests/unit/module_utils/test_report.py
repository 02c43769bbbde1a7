# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says and shows, and that nothing a host says becomes markup, a reference or a command of a terminal."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
import xml.etree.ElementTree as ET
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from report_sites import GENERATED, audited, collected, large_site, poisoned, renamed, site_of, small_report

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._markup import Markup, element, join, text
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_data import Collected, check_earlier, report_of
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_html import render_page
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_junit import render_junit

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;]]>--><!-- \x1b[31m\x00\u202egpj.exe\u2028"
    "\ud800\ufffe\uffff=cmd|' /C calc'!A0{{ lookup('pipe','id') }}javascript:alert(1)"
)


# What a terminal obeys, what reorders a line, what XML forbids.
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufffe\uffff]")


class Seen(HTMLParser):
    """What a browser's parser finds: elements, attributes, and whether every start has its end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.problems: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack.pop() != tag:
            self.problems.append(tag)


@cache
def sample() -> dict[str, Any]:
    return small_report()


@cache
def page() -> str:
    return render_page(sample())


def tree(html: str) -> ET.Element:
    return ET.fromstring(html.partition("\n")[2])


def assert_harmless(html: str) -> None:
    """No script, no handler, nothing to fetch, no character that a terminal obeys or that XML forbids."""
    seen = Seen(html)
    assert seen.problems == [] and seen.stack == []
    assert not {tag for tag, _attributes in seen.tags} & {"script", "img", "iframe", "object", "link", "base", "form"}
    for tag, attributes in seen.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style", "srcdoc")], tag
        assert (attributes.get("href") or "#").startswith("#")
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None and not re.search(r"url\(|@import|expression", style[1])
    assert not _FORBIDDEN.search(html)
    tree(html)


# -- hostile data


def test_a_report_of_hostile_data_is_harmless() -> None:
    bad = poisoned(sample(), HOSTILE)
    html = render_page(bad)
    assert_harmless(html)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "\\x1b[31m" in html and "\\u202e" in html
    junit = ET.fromstring(render_junit(bad))
    assert junit.tag == "testsuites"
    assert not re.search("[\x00\x1b\u202e\ufffe\uffff]", render_junit(bad))


def test_names_of_a_hundred_thousand_characters_stay_bounded() -> None:
    bad = poisoned(sample(), "A" * 100_000)
    html, junit = render_page(bad), render_junit(bad)
    assert_harmless(html)
    assert len(html) < 5_000_000 and len(junit) < 1_000_000


def test_hostile_results_of_modules_are_bounded_in_the_data() -> None:
    """From what is read to the data: long texts are cut, and what is odd is no reason to fail."""
    seen = site_of([("passwords_differ", "gw01", "hist01", HOSTILE + "B" * 100_000)])
    odd: dict[str, Any] = {"gw01": {"drift": None, "exceptions": [HOSTILE, 7]}, "hist01": {}}
    report = report_of(Collected(HOSTILE, GENERATED, seen, audits=odd, policies={"gw01": {"before": 3}}))
    assert max(len(name) for name in re.findall(r'"([^"\\]*)"', json.dumps(report))) <= 4096
    assert_harmless(render_page(report))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<b>&\"'", "&lt;b&gt;&amp;\"'"),
        ("\x1b[0m", "\\x1b[0m"),
        ("a\ufffeb", "a\ufffdb"),
        ("\ud800", "\\ud800"),
        ("x" * 700, "x" * 599 + "…"),
    ],
)
def test_texts_are_escaped(value: str, expected: str) -> None:
    assert text(value) == expected


def test_only_markup_is_not_escaped() -> None:
    made = element(
        "p", {"title": "\"<'>&", "hidden": True, "lang": None}, "<i>", [element("br"), "<b>"], Markup("<u/>")
    )
    assert made == '<p title="&quot;&lt;&#x27;&gt;&amp;" hidden="hidden">&lt;i&gt;<br/>&lt;b&gt;<u/></p>'
    assert join(["<", 7, None]) == "&lt;7"


# -- the page


def test_the_page_is_harmless_and_names_its_own_style_only() -> None:
    assert_harmless(page())
    style = re.search("<style>(.*?)</style>", page(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    metas = {attributes.get("http-equiv"): attributes for tag, attributes in Seen(page()).tags if tag == "meta"}
    policy = metas["Content-Security-Policy"]["content"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_every_reference_leads_somewhere_and_ids_are_told_apart() -> None:
    attributes = [item for _tag, item in Seen(page()).tags]
    ids = [item["id"] for item in attributes if "id" in item]
    assert len(ids) == len(set(ids))
    for item in attributes:
        if "href" in item:
            assert (item["href"] or "")[1:] in ids
        for name in ("for", "aria-labelledby"):
            assert item.get(name) is None or item[name] in ids


def test_the_structure_is_one_a_screen_reader_can_walk() -> None:
    root = tree(page())
    headings = [int(item.tag[1]) for item in root.iter() if re.fullmatch("h[1-6]", item.tag)]
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert [item.tag for item in root[1]] == ["a", "header", "main", "footer"]
    assert root.get("lang") == "en"
    for table in root.iter("table"):
        assert table.find("thead") is not None
        assert all(cell.get("scope") for cell in table.iter("th"))
    assert all(item.get("aria-label") or item.get("aria-hidden") for item in root.iter("svg"))


def test_the_map_shows_each_layer_by_a_sign_and_not_by_colour_alone() -> None:
    """One link whose way back is refused: one cross, on the third lane, with words for who points at it."""
    seen = site_of([("callback_access_permission_lacks_the_account", "gw01", "hist01", "history")])
    root = tree(render_page(report_of(collected(seen))))
    (drawing,) = [item for item in root.iter("svg") if (item.get("aria-label") or "").startswith("Links to gw01")]
    assert drawing.get("aria-label") == "Links to gw01: 1 in all, 1 fail. The table of links says the same in words."
    signs = [item.get("href") for item in drawing.iter("use")]
    assert signs.count("#s-bad") == 1 and signs.count("#s-unsure") == 0 and signs.count("#s-ok") > 20
    (cross,) = [item for item in drawing.iter("g") if [use.get("href") for use in item.findall("use")] == ["#s-bad"]]
    assert "access permission refuses (hist01: application_access of hive" in (cross.findtext("title") or "")
    words = "".join(drawing.itertext())
    for word in ("1  hist01", "gw01", "hive as OPCClientUser", "runs as OPCServerUser", "the way back", "launch limit"):
        assert word in words


def test_what_only_a_log_shows_makes_a_link_fail() -> None:
    seen = site_of([("passwords_differ", "gw01", "hist01", "history")])
    (link,) = report_of(collected(seen))["links"]
    assert (link["works"], link["state"], link["is_logged"]) == (True, "fails", True)
    assert (link["first"]["way"], link["first"]["layer"], link["first"]["host"]) == ("connect", "account", "gw01")
    assert len([item for item in link["layers"] if item["state"] == "refuses"]) == 1
    stub = site_of([("proxy_stub_is_missing_on_the_client", "gw01", "hist01", "history")])
    (link,) = report_of(collected(stub))["links"]
    assert link["first"]["layer"] == "proxy_stub"


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        ("named_accounts", "The link is let through"),
        ("passwords_differ", "1 of 1 link fails"),
        ("server_blocks_all_inbound", "Nothing refuses, but of 1 of 1 link not everything is known"),
    ],
)
def test_the_verdict(plant: str, said: str) -> None:
    assert said in render_page(report_of(collected(site_of([(plant, "gw01", "hist01", "history")]))))


def test_a_site_without_links_is_reported_too() -> None:
    report = report_of(collected(site_of([])))
    assert_harmless(render_page(report))
    assert "The site model has no links" in render_page(report)
    assert ET.fromstring(render_junit(report)).findall("testsuite/testcase") == []


# -- the data


def test_the_form_of_the_data() -> None:
    """What programs rely on; a change needs another number in the schema."""
    report = sample()
    assert report["schema"] == "otsec.opc_dcom/report/1"
    assert set(report) == {
        "schema", "title", "generated", "compared_with", "summary", "problems", "links", "hosts", "exceptions",
    }  # fmt: skip
    assert set(report["summary"]) == {
        "links", "links_works", "links_fails", "links_unknown", "hosts", "hosts_unreached", "hosts_pending_reboot",
        "hosts_drifting", "hosts_enforced", "exceptions", "causes", "weaknesses",
    }  # fmt: skip
    assert set(report["links"][0]) == {
        "name", "path", "client", "server", "works", "layer", "first", "unknown", "layers", "pending", "state",
        "is_logged", "read_mode", "browse", "is_local", "advice",
    }  # fmt: skip
    assert set(report["hosts"][0]) == {
        "name", "roles", "is_reached", "windows", "build", "last_boot_time", "phase", "phase_text", "reboot_reasons",
        "stale_services", "unfinished_run", "settings", "switches", "weak_switches", "findings", "drift", "is_audited",
        "exceptions", "snapshot", "events", "notes", "as_server", "as_client", "software", "missing_libraries",
    }  # fmt: skip
    assert json.loads(json.dumps(report)) == report


def test_the_summary_counts() -> None:
    report = sample()
    states = [link["state"] for link in report["links"]]
    assert states == ["fails"] * 5 + ["works", "works", "fails"]
    summary = report["summary"]
    assert (summary["links"], summary["links_works"], summary["links_fails"], summary["links_unknown"]) == (8, 2, 6, 0)
    assert (summary["hosts"], summary["hosts_unreached"], summary["hosts_enforced"]) == (16, 1, 14)
    assert summary["exceptions"] == len(report["exceptions"]) > 5
    assert summary["causes"] == len([item for item in report["problems"] if item["links"]])


def test_settings_have_their_value_of_the_earlier_report() -> None:
    host = sample()["hosts"][0]
    first, second = host["settings"][:2]
    assert (first["before"], first["is_changed"]) == ("connect (2)", True)
    unchanged = host["settings"][2]
    assert unchanged["before"] == unchanged["now"] and not unchanged["is_changed"]
    alone = report_of(collected(site_of([("named_accounts", "a1", "b1", "x")])))
    assert all(item["before"] is None for item in alone["hosts"][0]["settings"])
    assert "<del>" in page() and "compared with 2026-02-01 06:00 UTC" in page()
    assert second["group"] == "Machine-wide"


def test_exceptions_come_with_their_reasons() -> None:
    exceptions = sample()["exceptions"]
    assert {"host": "gw01", "what": "uac: disabled (0)", "origin": "found"} in exceptions
    assert not [item for item in exceptions if item["host"] == "gw02" and item["what"].startswith("uac")]
    declared = [item for item in exceptions if item["origin"] == "declared"]
    assert declared and "replaced in 2027" in declared[0]["what"]
    assert [item for item in exceptions if item["host"] == "gw06" and "ANONYMOUS LOGON" in item["what"]]


@pytest.mark.parametrize("item", [None, [], {"schema": "x"}, {"schema": "otsec.opc_dcom/report/1", "hosts": 3}])
def test_what_is_no_earlier_report_is_refused(item: object) -> None:
    with pytest.raises(ParameterError, match="is no report of this collection"):
        check_earlier("earlier", item)


# -- JUnit


def test_junit_counts_what_it_holds() -> None:
    root = ET.fromstring(render_junit(sample()))
    for suite in root:
        assert int(suite.get("tests") or 0) == len(suite.findall("testcase"))
        assert int(suite.get("failures") or 0) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped") or 0) == len(suite.findall("testcase/skipped"))
        assert (suite.get("errors"), suite.get("timestamp")) == ("0", GENERATED[:-1])
    links, hosts = root
    broken = {f"history {number}" for number in range(1, 6)} | {"gone"}
    assert {case.get("name") for case in links if len(case)} == broken
    (silent,) = [case for case in hosts if case.find("skipped") is not None]
    assert silent.get("name") == "gw08"
    text_of_failure = links[1].findtext("failure") or ""
    assert text_of_failure.startswith("callback application_access on hist02:")


# -- size


@pytest.mark.timed
def test_a_large_site_fits_and_is_quick() -> None:
    """A hundred hosts and 300 links: under 5 MB and under 10 s, diagnosis included."""
    seen = large_site()
    assert len({end.host for link in seen.links for end in (link.server, link.client)}) == 100
    started = time.perf_counter()
    report = report_of(collected(seen, audits=audited(seen)))
    html, junit, data = render_page(report), render_junit(report), json.dumps(report)
    took = time.perf_counter() - started
    assert took < 10
    assert len(html.encode()) < 5_000_000 and len(data) < 5_000_000 and len(junit) < 1_000_000
    assert_harmless(html)


def test_renaming_keeps_what_was_read() -> None:
    """The helper of these tests does not lose the data it renames."""
    found = renamed("named_accounts", "server001", "client001", "x")
    assert set(found["ends"]) == {"server001", "client001"}
    assert found["machines"]["server001"]["system"]["build"] == 17763
