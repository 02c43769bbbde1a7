# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for secrets can fail: planted in each place and in each spelling, a secret is found."""

from __future__ import annotations

import base64
import gzip
import html
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from secret_search import SNAPSHOTS, files_below, places_of_host, spellings, ways_found, where_found

from simulator.host import SimulatedHost
from simulator.site import SimulatedSite, SiteHost
from simulator.subsystems.event_log import SECURITY_AUDITING, Event
from simulator.subsystems.registry_value import RegistryValue

SECRET = "S<3&\"r'v\u00ebr\\ 1%/+="

WRITERS: dict[str, Callable[[str], str | bytes]] = {
    "as it is": lambda text: f"password={text};",
    "repr": repr,
    "json": lambda text: json.dumps({"password": text}),
    "json with umlauts": lambda text: json.dumps([text], ensure_ascii=False),
    "json in json": lambda text: json.dumps({"inner": json.dumps({"password": text})}),
    "html": html.escape,
    "xml attribute": lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;"),
    "url": lambda text: "https://host/?p=" + quote(text, safe=""),
    "form": lambda text: "p=" + quote_plus(text),
    "powershell": lambda text: "'" + text.replace("'", "''") + "'",
    "utf-16": lambda text: text.encode("utf-16-le"),
    "hex": lambda text: f"x {text.encode('utf-16-le').hex().upper()} x",
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 behind one byte": lambda text: base64.b64encode(b"x" + text.encode() + b"y"),
    "base64 behind two bytes": lambda text: base64.b64encode(b"xx" + text.encode("utf-16-le") + b"yy"),
    "base64 in base64": lambda text: base64.b64encode(base64.b64encode(f"<{text}>".encode("utf-16-le"))),
    "base64 of json": lambda text: base64.b64encode(json.dumps({"p": text}).encode("utf-16-le")),
    "base64 of zlib": lambda text: base64.b64encode(zlib.compress(json.dumps({"p": text}).encode())),
    "gzip": lambda text: gzip.compress(text.encode()),
    "zlib in hex": lambda text: zlib.compress(text.encode()).hex(),
}


@pytest.mark.parametrize("way", WRITERS)
def test_every_way_to_write_a_secret_is_found(way: str) -> None:
    assert ways_found(SECRET, WRITERS[way](SECRET))


@pytest.mark.parametrize("way", WRITERS)
def test_another_secret_is_not_found(way: str) -> None:
    assert ways_found(SECRET, WRITERS[way](SECRET.replace("3", "4"))) == []


def test_every_spelling_of_the_list_is_searched_for() -> None:
    names = spellings(SECRET)
    assert len(names) == 1 + 12 + 2 * 4
    assert all(name in ways_found(SECRET, f"before {text} behind") for name, text in names.items())


def test_a_plain_word_has_no_spellings_that_are_the_word_itself() -> None:
    assert [name for name, text in spellings("word").items() if text == "word"] == ["as it is"]


def plant_in_journal(place: SiteHost, host: SimulatedHost) -> None:
    host.journal.change("accounts", "create_user", ("opc",), before=None, after={"password": SECRET})


def plant_in_violation(place: SiteHost, host: SimulatedHost) -> None:
    host.journal.violation("powershell", f"unknown script {SECRET}")


def plant_in_event(place: SiteHost, host: SimulatedHost) -> None:
    event = Event(SECURITY_AUDITING, 4688, level=0, data=(("CommandLine", f"net user opc {SECRET} /add"),))
    host.event_log.append("Security", event)


def plant_in_command_line(place: SiteHost, host: SimulatedHost) -> None:
    script = base64.b64encode(f"$password = {SECRET}".encode("utf-16-le")).decode()
    outer = base64.b64encode(f"powershell -EncodedCommand {script}".encode("utf-16-le")).decode()
    place.statistics.command_lines.append(f"powershell.exe -EncodedCommand {outer}")


def plant_in_registry(place: SiteHost, host: SimulatedHost) -> None:
    host.registry.put(r"HKLM\SOFTWARE\otsec\opc_dcom", "Journal", RegistryValue.multi_sz(("x", SECRET)))


def plant_in_description(place: SiteHost, host: SimulatedHost) -> None:
    host.accounts.create_user(None, "opc", "other", description=SECRET)


def plant_in_snapshot(place: SiteHost, host: SimulatedHost) -> None:
    packed = base64.b64encode(zlib.compress(json.dumps({"values": ["x" * 999, SECRET]}).encode())).decode()
    texts = [packed[start : start + 20] for start in range(0, len(packed), 20)]
    head = ("otsec.opc_dcom snapshot 1", "2", "0" * 64, "text")
    host.registry.put(SNAPSHOTS, "20260101T000000Z", RegistryValue.multi_sz((*head, *texts[:1])))
    host.registry.put(SNAPSHOTS, "20260101T000000Z.2", RegistryValue.multi_sz(tuple(texts[1:])))


PLANTS = [
    (plant_in_journal, "journal"),
    (plant_in_violation, "violations"),
    (plant_in_event, "events of Security"),
    (plant_in_command_line, "command lines"),
    (plant_in_registry, "state"),
    (plant_in_description, "state"),
    (plant_in_snapshot, "snapshot 20260101T000000Z"),
]


@pytest.mark.parametrize(("plant", "place"), PLANTS, ids=[plant.__name__ for plant, _place in PLANTS])
def test_every_place_of_a_host_is_looked_at(plant: Callable[[SiteHost, SimulatedHost], None], place: str) -> None:
    host = SimulatedHost("gw01")
    site_host = SimulatedSite({"gw01": host})["gw01"]
    assert where_found([SECRET], places_of_host(site_host)) == []
    plant(site_host, host)
    assert {line.split(": ")[1] for line in where_found([SECRET], places_of_host(site_host))} >= {place}


def test_every_file_is_looked_at_but_what_the_test_wrote(tmp_path: Path) -> None:
    mine, left = tmp_path / "variables.json", tmp_path / "tmp" / "ansible-local" / "fact"
    left.parent.mkdir(parents=True)
    mine.write_text(SECRET)
    left.write_bytes(b"\xff\x00" + SECRET.encode("utf-16-le"))
    (tmp_path / f"named-{SECRET.replace('/', '')}").touch()
    assert sorted(files_below(tmp_path, [mine])) == [f"named-{SECRET.replace('/', '')}", "tmp/ansible-local/fact"]
    assert where_found([SECRET], files_below(tmp_path, [mine]))[0].startswith("tmp/ansible-local/fact")
    assert where_found([SECRET.replace("/", "")], files_below(tmp_path))[0].startswith("named-")
