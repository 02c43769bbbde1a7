# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as files on the controller: whole or not there, for their owner only, written when something has changed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from report_sites import small_site

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._diagnosis_info import diagnose_site
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._report_files import write_report

DEFAULTS: dict[str, Any] = {
    "inventory": ["site.ini"],
    "name": "opc_report",
    "formats": ["html", "json", "junit"],
    "title": "Plant North",
    "time": "2026-03-02T07:10:00+01:00",
    "audits": {},
    "policies": {},
    "snapshots": {},
    "earlier": None,
    "mode": "0600",
}


@cache
def read() -> dict[str, Any]:
    """What a playbook has of the hosts."""
    seen = small_site()
    return {
        "links": [link.to_dict() for link in seen.links],
        "ends": {name: facts.to_dict() for name, facts in seen.ends.items()},
        "unreached": list(seen.unreached),
        "events": dict(seen.events),
        "machines": dict(seen.machines),
    }


def options(path: Path, **more: Any) -> dict[str, Any]:
    return {**DEFAULTS, **read(), "path": str(path), **more}


def write(path: Path, *, check_mode: bool = False, **more: Any) -> dict[str, Any]:
    return write_report(options(path, **more), check_mode=check_mode)


def files(path: Path) -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in path.iterdir()} if path.exists() else {}


def test_three_files_that_only_their_owner_reads(tmp_path: Path) -> None:
    reports = tmp_path / "deep" / "reports"
    result = write(reports)
    assert result["changed"] is True
    assert sorted(files(reports)) == ["opc_report.html", "opc_report.json", "opc_report.xml"]
    assert {item.stat().st_mode & 0o777 for item in reports.iterdir()} == {0o600}
    assert result["files"]["html"] == str(reports / "opc_report.html")
    assert result["generated"] == "2026-03-02T06:10:00Z"
    assert "gone" in result["failing"] and result["unknown"] == []
    assert result["counts"]["links"] == 8
    assert json.loads((reports / "opc_report.json").read_text())["generated"] == "2026-03-02T06:10:00Z"


def test_only_what_differs_is_written_and_the_time_is_no_difference(tmp_path: Path) -> None:
    write(tmp_path)
    before = files(tmp_path)
    later = write(tmp_path, time="2026-03-09T06:00:00Z")
    assert (later["changed"], later["generated"]) == (False, "2026-03-02T06:10:00Z")
    assert files(tmp_path) == before
    changed = write(tmp_path, time="2026-03-09T06:00:00Z", title="Plant South")
    assert (changed["changed"], changed["generated"]) == (True, "2026-03-09T06:00:00Z")
    assert write(tmp_path, title="Plant South")["changed"] is False
    (tmp_path / "opc_report.html").write_text("edited")
    assert write(tmp_path, title="Plant South")["changed"] is True
    (tmp_path / "opc_report.xml").unlink()
    assert write(tmp_path, title="Plant South")["changed"] is True
    assert write(tmp_path, title="Plant South", mode="0640")["changed"] is True
    assert {item.stat().st_mode & 0o777 for item in tmp_path.iterdir()} == {0o640}


def test_check_mode_tells_and_writes_nothing(tmp_path: Path) -> None:
    assert write(tmp_path / "new", check_mode=True)["changed"] is True
    assert files(tmp_path) == {}
    write(tmp_path / "new")
    assert write(tmp_path / "new", check_mode=True)["changed"] is False


@pytest.mark.parametrize("formats", [["html"], ["json"], ["junit"]])
def test_one_format_alone(tmp_path: Path, formats: list[str]) -> None:
    assert write(tmp_path, formats=formats)["changed"] is True
    assert len(files(tmp_path)) == 1
    assert write(tmp_path, formats=formats, time="2027-01-01T00:00:00Z")["changed"] is False


def test_without_a_time_it_is_now(tmp_path: Path) -> None:
    assert write(tmp_path, time=None)["generated"] > "2026-03-02"


def test_an_earlier_report_gives_the_values_before(tmp_path: Path) -> None:
    write(tmp_path / "old", formats=["json"])
    write(tmp_path / "new", earlier=str(tmp_path / "old" / "opc_report.json"))
    report = json.loads((tmp_path / "new" / "opc_report.json").read_text())
    assert report["compared_with"] == "2026-03-02T06:10:00Z"
    settings = [item for host in report["hosts"] for item in host["settings"]]
    assert settings and all(item["before"] == item["now"] for item in settings)


def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "opc_report.html").mkdir()
    with pytest.raises(HostStateError, match="cannot be written on the controller"):
        write(tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["opc_report.html"]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"mode": "rw"}, "mode"),
        ({"mode": "0999"}, "mode"),
        ({"name": "../x"}, "name"),
        ({"name": ""}, "name"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-03-02T06:00:00"}, "time"),
        ({"audits": {"gw01": "text"}}, "audits.gw01"),
        ({"links": [{}]}, "links[0]"),
        ({"ends": {"gw01": {"host": "gw01"}}}, "ends.gw01"),
        ({"events": {"gw01": ["x"]}}, "events.gw01"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, wrong: dict[str, Any], path: str) -> None:
    with pytest.raises(ParameterError) as caught:
        write(tmp_path, **wrong)
    assert caught.value.path == path
    assert files(tmp_path) == {}


def test_an_earlier_report_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(HostStateError, match="cannot be read"):
        write(tmp_path, earlier=str(tmp_path / "gone.json"))
    (tmp_path / "odd.json").write_text("[")
    with pytest.raises(ParameterError, match="is no JSON"):
        write(tmp_path, earlier=str(tmp_path / "odd.json"))
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(ParameterError, match="is no report"):
        write(tmp_path, earlier=str(tmp_path / "odd.json"))


def test_a_diagnosis_in_lines() -> None:
    """The module opc_diagnosis, of the same data."""
    result = diagnose_site({**read(), "inventory": ["site.ini", "bad\nname"]})
    assert result["changed"] is False
    assert len(result["summary"]) == len(result["problems"])
    assert result["summary"][0].startswith("1. [refuses] ")
    told = [command for item in result["problems"] for command in item["commands"]]
    assert told and all(" -i site.ini " in command and "\n" not in command for command in told)
