# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a real browser: it loads nothing, says nothing on the console, and everybody can use it.

Screenshots are left in .build/browser for people to look at. `tools/run.py browser` installs Chromium and axe-core.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, Page, find_chromium, running
from report_sites import audited, collected, large_site, poisoned, small_report

from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_data import report_of
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_html import render_page

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROOT = Path(__file__).resolve().parents[3]
PICTURES = ROOT / ".build" / "browser"
AXE = ROOT / ".build" / "axe-core" / "axe.min.js"
SCHEMES = ("light", "dark")
POISON = "<script>document.title='hacked'</script>'\"><img src=https://example.invalid/x onerror=alert(1)>\u202e"
ELSEWHERE = "https://example.invalid/x"
_SERIOUS = ("serious", "critical")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("the report in a browser: there is no Chromium; tools/run.py browser installs Debian's")
    with running(executable) as started:
        yield started


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    large = large_site()
    reports = {
        "small": small_report(),
        "large": report_of(collected(large, audits=audited(large))),
        "hostile": poisoned(small_report(), POISON),
    }
    directory = tmp_path_factory.mktemp("reports")
    made = {}
    for name, report in reports.items():
        made[name] = directory / f"{name}.html"
        made[name].write_text(render_page(report), encoding="utf-8")
    return made


@pytest.fixture
def page(browser: Browser, files: dict[str, Path]) -> Page:
    opened = browser.new_page()
    opened.open(files["small"])
    return opened


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("small", "light"), ("small", "dark"), ("large", "light"), ("large", "dark"), ("hostile", "dark")],
)
def test_it_opens_without_a_request_or_a_word_on_the_console(
    browser: Browser, files: dict[str, Path], name: str, scheme: str
) -> None:
    opened = browser.new_page()
    opened.open(files[name], scheme=scheme)
    PICTURES.mkdir(parents=True, exist_ok=True)
    opened.screenshot(PICTURES / f"{name}-{scheme}.png")
    _open_everything(opened)
    assert opened.requests == [files[name].as_uri()]
    assert opened.messages == []
    assert opened.evaluate("document.title").startswith("OPC links")
    assert opened.evaluate("document.scripts.length + document.images.length") == 0
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(244, 245, 247)", "dark": "rgb(15, 20, 26)"}[scheme]


def _open_everything(opened: Page) -> None:
    opened.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["small", "hostile"])
def test_it_never_scrolls_sideways_as_a_whole(browser: Browser, files: dict[str, Path], name: str, width: int) -> None:
    opened = browser.new_page()
    opened.open(files[name], width=width)
    _open_everything(opened)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("is_open", [False, True], ids=["folded", "open"])
def test_accessibility_has_no_serious_finding(
    browser: Browser, files: dict[str, Path], scheme: str, is_open: bool
) -> None:
    if not AXE.is_file():
        pytest.skip("accessibility of the report: axe-core is not in .build; tools/run.py browser fetches it with npm")
    opened = browser.new_page()
    opened.open(files["small"], scheme=scheme)
    if is_open:
        _open_everything(opened)
    world = opened.isolated_world()
    opened.evaluate(AXE.read_text(encoding="utf-8") + "\n;0", world=world)
    options = json.dumps({"runOnly": _RULES, "resultTypes": ["violations"]})
    found: list[dict[str, Any]] = json.loads(
        opened.evaluate(f"axe.run(document, {options}).then(found => JSON.stringify(found.violations))", world=world)
    )
    said = [(item["impact"], item["id"], item["nodes"][0]["html"][:200]) for item in found]
    assert [item for item in said if item[0] in _SERIOUS] == [], said


def test_axe_would_find_something(browser: Browser, tmp_path: Path) -> None:
    """The test above can fail."""
    if not AXE.is_file():
        pytest.skip("accessibility of the report: axe-core is not in .build; tools/run.py browser fetches it with npm")
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!DOCTYPE html><html><body><p style='color:#ddd;background:#fff'>pale words</p><input></body></html>"
    )
    opened = browser.new_page()
    opened.open(bad)
    world = opened.isolated_world()
    opened.evaluate(AXE.read_text(encoding="utf-8") + "\n;0", world=world)
    found = opened.evaluate("axe.run(document).then(found => found.violations.map(item => item.id))", world=world)
    assert {"color-contrast", "html-has-lang", "label"} <= set(found)


def test_nothing_can_run_in_it(page: Page) -> None:
    """Even a script that got into the page would not run: the policy in the page forbids it."""
    for tag, member, value in (("script", "textContent", "window.hacked = 1"), ("img", "src", ELSEWHERE)):
        page.evaluate(f"document.body.append(Object.assign(document.createElement('{tag}'), {{{member}: '{value}'}}))")
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert page.blocked == [ELSEWHERE]
    assert len(page.messages) >= 2 and all("Content Security Policy" in text for text in page.messages), page.messages


def test_a_keyboard_is_enough(page: Page) -> None:
    """The first stop skips to the content; what is folded opens; a choice filters the table."""
    page.press("Tab", 9)
    assert page.evaluate("document.activeElement.textContent") == "Skip to the problems"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") > 0
    page.evaluate("document.querySelector('#hosts summary').focus()")
    page.press("Enter", 13, "\r")
    assert page.evaluate("document.querySelector('#hosts details').open") is True
    visible = "[...document.querySelectorAll('tr[data-state]')].filter(row => row.offsetParent).length"
    everything = page.evaluate(visible)
    page.evaluate("document.getElementById('only-all').focus()")
    page.press("ArrowDown", 40)
    assert page.evaluate("document.activeElement.id") == "only-fails"
    assert 0 < page.evaluate(visible) < everything


def test_a_reference_opens_what_is_folded(page: Page) -> None:
    page.evaluate("document.querySelector('#links a[href=\"#link-2\"]').click()")
    assert page.evaluate("location.hash") == "#link-2"
    place = "document.getElementById('link-2').getBoundingClientRect().top"
    deadline = time.monotonic() + 10
    while not 0 <= page.evaluate(place) < 900:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_prints(page: Page, tmp_path: Path) -> None:
    """On paper everything is open, and nothing that only a screen needs is there."""
    page.send("Emulation.setEmulatedMedia", media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    closed = "document.querySelector('#hosts details:not([open]) table').getBoundingClientRect().height"
    assert page.evaluate(closed) > 0
    page.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
