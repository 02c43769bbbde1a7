# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Writes reports on the controller, for opc_report. A file is whole or not there, and only its owner may read it.

A report that says the same as the files that are there leaves them alone, whatever the time; so the time of a report
is when that was first true.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..module_utils._errors import HostStateError, ParameterError
from ..module_utils._json_text import load_json
from ..module_utils._report_data import Collected, check_earlier, report_of
from ..module_utils._report_html import render_page
from ..module_utils._report_junit import render_junit
from ._controller_files import write_file
from ._diagnosis_info import SEEN_SPEC, parse_seen
from ._resource import Parameters, Spec

_SUFFIXES = {"html": ".html", "json": ".json", "junit": ".xml"}
_MAX_BYTES = 64 * 1024 * 1024
_NAME = re.compile(r"[\w][\w .-]{0,99}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_MODE = re.compile(r"0?[0-7]{3}", re.ASCII)

REPORT_SPEC: Spec = {
    **SEEN_SPEC,
    "path": {"type": "path", "required": True},
    "name": {"type": "str", "default": "opc_report"},
    "formats": {"type": "list", "elements": "str", "choices": [*_SUFFIXES], "default": [*_SUFFIXES]},
    "title": {"type": "str", "default": "OPC site"},
    "time": {"type": "str"},
    "audits": {"type": "dict", "default": {}},
    "policies": {"type": "dict", "default": {}},
    "snapshots": {"type": "dict", "default": {}},
    "earlier": {"type": "path"},
    "mode": {"type": "str", "default": "0600"},
}


def write_report(parameters: Parameters, *, check_mode: bool) -> dict[str, Any]:
    """Write what is not there yet. Raises: ParameterError, HostStateError."""
    directory, mode = Path(parameters["path"]).expanduser(), _mode(parameters["mode"])
    targets = {kind: directory / f"{_name(parameters)}{_SUFFIXES[kind]}" for kind in parameters["formats"]}
    collected = _collected(parameters)
    report = report_of(collected)
    before = {kind: _read(path) for kind, path in targets.items()}
    time = _standing_time(before)
    if time is not None and _contents(report | {"generated": time}, targets) == before:
        report = report | {"generated": time}
        changed = [path for path in targets.values() if stat.S_IMODE(path.stat().st_mode) != mode]
    else:
        changed = list(targets.values())
    if changed and not check_mode:
        _write_all(_contents(report, targets), targets, mode)
    return {
        "changed": bool(changed),
        "files": {kind: str(path) for kind, path in targets.items()},
        "generated": report["generated"],
        "counts": report["summary"],
        "failing": [link["name"] for link in report["links"] if link["state"] == "fails"],
        "unknown": [link["name"] for link in report["links"] if link["state"] == "unknown"],
    }


def _collected(parameters: Parameters) -> Collected:
    earlier = None if parameters["earlier"] is None else _read_earlier(parameters["earlier"])
    return Collected(
        title=parameters["title"],
        generated=_time(parameters["time"]),
        seen=parse_seen(parameters),
        **{name: _mappings(name, parameters[name]) for name in ("audits", "policies", "snapshots")},
        earlier=earlier,
    )


def _mappings(path: str, items: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    for name, item in items.items():
        if item is not None and not isinstance(item, Mapping):
            raise ParameterError(f"{path}.{name}", "is not what a module of this collection tells of a host")
    return {str(name): item for name, item in items.items() if item}


def _time(text: str | None) -> str:
    """The time of the report, in UTC."""
    if text is None:
        return datetime.now(timezone.utc).strftime(_TIME)
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ParameterError("time", f"{text!r} is no time with its zone, such as 2026-03-01T06:00:00Z")
    return moment.astimezone(timezone.utc).strftime(_TIME)


def _name(parameters: Parameters) -> str:
    name: str = parameters["name"]
    if not _NAME.fullmatch(name):
        raise ParameterError("name", f"{name!r} is not letters, digits, blanks, dots and hyphens")
    return name


def _mode(text: str) -> int:
    if not _MODE.fullmatch(text):
        raise ParameterError("mode", f"{text!r} is no octal mode such as '0600'; write it in quotes")
    return int(text, 8)


# -- files


def _contents(report: Mapping[str, Any], targets: Mapping[str, Path]) -> dict[str, str | None]:
    made = {
        "html": render_page,
        "json": lambda item: json.dumps(item, indent=1, sort_keys=True) + "\n",
        "junit": render_junit,
    }
    return {kind: made[kind](report) for kind in targets}


def _read(path: Path) -> str | None:
    """A file as it is; None where there is none, or none of ours."""
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size <= _MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None


# Where each form says when it was made. What a host says cannot look like that: it is escaped.
_STAMPS = {
    "html": re.compile(r'<meta name="generated" content="([0-9T:-]{19})Z"/>'),
    "json": re.compile(r'^ "generated": "([0-9T:-]{19})Z"', re.MULTILINE),
    "junit": re.compile(r' timestamp="([0-9T:-]{19})"'),
}


def _standing_time(before: Mapping[str, str | None]) -> str | None:
    """When the files that are there were made; None unless all are of one time."""
    found = [_STAMPS[kind].search(text or "") for kind, text in before.items()]
    times = {match[1] if match else "" for match in found}
    return f"{times.pop()}Z" if len(times) == 1 and "" not in times else None


def _read_earlier(path: str) -> Mapping[str, Any]:
    text = _read(Path(path).expanduser())
    if text is None:
        raise HostStateError(f"earlier: {path} cannot be read on the controller")
    try:
        item = load_json(text)
    except ValueError as error:
        raise ParameterError("earlier", f"{path} is no JSON ({error})") from error
    return check_earlier("earlier", item)


def _write_all(contents: Mapping[str, str | None], targets: Mapping[str, Path], mode: int) -> None:
    for kind, text in contents.items():
        try:
            write_file(targets[kind], (text or "").encode("utf-8"), mode)
        except OSError as error:
            raise HostStateError(f"{targets[kind]} cannot be written on the controller: {error}") from error
