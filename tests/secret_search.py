# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a secret shows, as it is or as a program would write it: in texts, in files, in what a host has recorded."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from simulator.host import SimulatedHost
from simulator.site import SiteHost

SNAPSHOTS = r"HKLM\SOFTWARE\otsec\opc_dcom\Snapshots"
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")
_HEX_RUN = re.compile(rb"(?:[0-9A-Fa-f]{2}){8,}")
_MAX_NESTING = 4


def spellings(secret: str) -> dict[str, str]:
    """The secret as programs write it, by what the way is called. A spelling that changes nothing is left out."""
    quoted = escape(secret, {'"': "&quot;"})
    found = {
        "repr": repr(secret)[1:-1],
        "JSON": json.dumps(secret)[1:-1],
        "JSON in Unicode": json.dumps(secret, ensure_ascii=False)[1:-1],
        "JSON in JSON": json.dumps(json.dumps(secret))[3:-3],
        "XML": escape(secret),
        "XML attribute": quoted,
        "XML with apostrophes": quoted.replace("'", "&apos;"),
        "HTML": html.escape(secret),
        "URL": quote(secret, safe=""),
        "form": quote_plus(secret),
        "doubled apostrophes": secret.replace("'", "''"),
        "escaped quotes": secret.replace("\\", "\\\\").replace('"', '\\"'),
    }
    for encoding in ("utf-8", "utf-16-le"):
        data = secret.encode(encoding)
        found[f"hexadecimal {encoding}"] = data.hex()
        found |= {f"base64 {encoding} +{shift}": _base64_core(data, shift) for shift in range(3)}
    return {"as it is": secret, **{name: text for name, text in found.items() if text != secret}}


def _base64_core(data: bytes, shift: int) -> str:
    """The characters that stand for the data alone where it begins `shift` bytes behind a group of three."""
    text = base64.b64encode(bytes(shift) + data).decode()
    return text[(0, 2, 3)[shift] : 8 * (shift + len(data)) // 6]


def ways_found(secret: str, place: str | bytes) -> list[str]:
    """In which ways the secret is in a text or in bytes, also inside what is base64, hexadecimal or compressed."""
    data = place.encode("utf-8", "surrogateescape") if isinstance(place, str) else place
    return sorted(set(_search(spellings(secret), data, _MAX_NESTING)))


def _search(wanted: Mapping[str, str], data: bytes, nesting: int) -> Iterator[str]:
    for name, spelling in wanted.items():
        ignores_case = name.startswith("hexadecimal")
        hay = data.lower() if ignores_case else data
        if any(spelling.encode(encoding) in hay for encoding in ("utf-8", "utf-16-le")):
            yield name
    if nesting:
        for inner in _unpacked(data):
            yield from (f"inside: {name}" for name in _search(wanted, inner, nesting - 1))


def _unpacked(data: bytes) -> Iterator[bytes]:
    for run in _BASE64_RUN.findall(data.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")):
        yield base64.b64decode(run.rstrip(b"=")[: len(run.rstrip(b"=")) // 4 * 4])
    for run in _HEX_RUN.findall(data):
        yield binascii.unhexlify(run)
    try:
        yield zlib.decompressobj(wbits=47).decompress(data)  # zlib or gzip
    except zlib.error:
        return


def places_of_host(site_host: SiteHost) -> dict[str, str]:
    """What a simulated host has recorded, and what lasts on it, by the name of the place."""
    host = site_host.host
    assert isinstance(host, SimulatedHost)
    name = site_host.name
    places = {
        f"{name}: journal": repr(host.journal.records),
        f"{name}: violations": repr(host.violations),
        f"{name}: command lines": "\n".join(site_host.statistics.command_lines),
        f"{name}: counters": repr(site_host.statistics.operations),
        f"{name}: state": host.snapshot().text(),
    }
    for channel in host.event_log.channels():
        places[f"{name}: events of {channel}"] = repr(host.event_log.read(None, channel))
    return places | {f"{name}: {kept}": text for kept, text in _kept_snapshots(host).items()}


def _kept_snapshots(host: SimulatedHost) -> dict[str, str]:
    """What the collection saved on the host: four strings for people, then base64, cut into strings and values."""
    found: dict[str, str] = {}
    if host.registry.key_exists(None, SNAPSHOTS):
        for name, value in sorted(host.registry.enum_values(None, SNAPSHOTS)):
            first = f"snapshot {name.partition('.')[0]}"
            head, lines = ([], value.texts) if first in found else (value.texts[:4], value.texts[4:])
            found[first] = found.get(first, "") + "".join(f"{text} " for text in head) + "".join(lines)
    return found


def where_found(secrets: Iterable[str], places: Mapping[str, str | bytes]) -> list[str]:
    """`place: way` for every secret that is somewhere."""
    return [
        f"{place}: {way}"
        for place, content in places.items()
        for secret in secrets
        for way in ways_found(secret, content)
    ]


def files_below(directory: Path, inputs: Iterable[Path] = ()) -> dict[str, bytes]:
    """Every file, with its name before its content; `inputs` are what the test itself wrote."""
    left_out = {path.resolve() for path in inputs}
    return {
        str(path.relative_to(directory)): str(path).encode() + b"\n" + path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.resolve() not in left_out
    }
