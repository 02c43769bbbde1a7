# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Galaxy of a few tarballs on loopback, for ansible-galaxy where there is no internet.

**Source**: the calls of ansible/galaxy/api.py (`get_collection_metadata`, `get_collection_versions`,
`get_collection_version_metadata`) of ansible-core 2.21, version 3 of the interface. One version of each collection.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_COLLECTION = re.compile(r"/api/v3/collections/(\w+)/(\w+)/(versions/)?(?:([^/]+)/)?$")
_DATE = "2026-01-01T00:00:00.000000Z"


class Galaxy:
    """Answers by path. `tarballs` are what `ansible-galaxy collection build` makes."""

    def __init__(self, tarballs: Iterable[Path]) -> None:
        self._files = {f"/{path.name}": path for path in tarballs}
        self._known = {(about["namespace"], about["name"]): about for about in map(_read, self._files.values())}

    def answer(self, path: str) -> bytes | None:
        """None for what is not there."""
        if path in self._files:
            return self._files[path].read_bytes()
        if path == "/api/":
            return json.dumps({"available_versions": {"v3": "v3/"}}).encode()
        match = _COLLECTION.match(path)
        about = self._known.get((match[1], match[2])) if match else None
        if match is None or about is None or match[4] not in (None, about["version"]):
            return None
        if match[4]:
            return json.dumps(self._one(about, path)).encode()
        return json.dumps(_all(about) if match[3] else {"created_at": _DATE, "updated_at": _DATE}).encode()

    def _one(self, about: dict[str, Any], path: str) -> dict[str, Any]:
        name = f"/{about['namespace']}-{about['name']}-{about['version']}.tar.gz"
        return {
            "namespace": {"name": about["namespace"]},
            "collection": {"name": about["name"]},
            "version": about["version"],
            "download_url": name,
            "artifact": {"sha256": hashlib.sha256(self._files[name].read_bytes()).hexdigest()},
            "metadata": {"dependencies": about["dependencies"]},
            "href": path,
        }


def _read(tarball: Path) -> dict[str, Any]:
    with tarfile.open(tarball) as archive:
        manifest = archive.extractfile("MANIFEST.json")
        assert manifest is not None
        about: dict[str, Any] = json.load(manifest)["collection_info"]
        return about


def _all(about: dict[str, Any]) -> dict[str, Any]:
    return {"data": [{"version": about["version"]}], "links": {"next": None}}


@contextmanager
def serve(tarballs: Iterable[Path]) -> Iterator[str]:
    """Serve them; gives the address that ANSIBLE_GALAXY_SERVER takes."""
    galaxy = Galaxy(tarballs)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = galaxy.answer(self.path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: ansible-galaxy says itself what it could not get."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="galaxy", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/api/"
        finally:
            server.shutdown()
            thread.join()
