# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A REST store that is enough of AWX's API for the modules of awx.awx to create objects in, on loopback.

It keeps what is posted and finds it by the fields that are searched for. It knows nothing of what the fields mean, but
an object can only refer to objects that exist. Source: the requests that awx.awx 24.6.1 makes (controller_api.py).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_ROOT = "/api/v2/"
# Fields that hold the id of an object, and where that object is.
_REFERENCES = {
    "organization": ("organizations",),
    "inventory": ("inventories",),
    "project": ("projects",),
    "credential_type": ("credential_types",),
    "execution_environment": ("execution_environments",),
    "default_environment": ("execution_environments",),
    "unified_job_template": ("job_templates", "workflow_approval_templates"),
    "workflow_job_template": ("workflow_job_templates",),
}
_TYPES = {"job_templates": "job_template", "projects": "project", "workflow_job_templates": "workflow_job_template"}


class RecordingController:
    """Serves while the context is open; `objects` has what was made: kind, id, fields."""

    def __init__(self, existing: Mapping[str, list[dict[str, Any]]]) -> None:
        self.objects: dict[str, dict[int, dict[str, Any]]] = {}
        self.links: dict[str, list[int]] = {}
        self.documents: dict[str, Any] = {}
        self.changes: list[str] = []
        self._ids = 0
        for kind, items in existing.items():
            for item in items:
                self._create(kind, item)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"controller": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> RecordingController:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def by_name(self, kind: str) -> dict[str, dict[str, Any]]:
        return {item.get("name") or item["identifier"]: item for item in self.objects.get(kind, {}).values()}

    def linked(self, kind: str, name: str, field: str, target: str) -> list[str]:
        """Names of the objects that an object is associated with."""
        item = self.by_name(kind)[name]
        ids = self.links.get(f"{kind}/{item['id']}/{field}", [])
        return [
            self.objects[target][number].get("name") or self.objects[target][number]["identifier"] for number in ids
        ]

    # Requests: each gives a status and an answer

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        parts = path.removeprefix(_ROOT).strip("/").split("/")
        if method != "GET":
            self.changes.append(f"{method} {path}")
        if len(parts) == 1:
            return (201, self._create(parts[0], body)) if method == "POST" else (200, self._search(parts[0], query))
        kind, number = parts[0], int(parts[1])
        item = self.objects.get(kind, {}).get(number)
        if item is None:
            return 404, {"detail": f"no {kind} {number}"}
        if len(parts) == 3:
            return self._below(method, f"{kind}/{number}/{parts[2]}", item, body)
        if method == "DELETE":
            del self.objects[kind][number]
            return 204, None
        if method == "PATCH":
            item.update(self._checked(body))
        return 200, item

    def _below(self, method: str, place: str, item: dict[str, Any], body: Any) -> tuple[int, Any]:
        field = place.rpartition("/")[2]
        if field == "survey_spec":
            if method == "POST":
                self.documents[place] = body
            return 200, self.documents.get(place, {})
        if field == "create_approval_template":
            made = self._create("workflow_approval_templates", body)
            item["unified_job_template"] = made["id"]
            item["related"]["unified_job_template"] = made["url"]
            return 201, made
        ids = self.links.setdefault(place, [])
        if method == "POST":
            if body.get("disassociate"):
                ids.remove(body["id"])
            else:
                ids.append(body["id"])
            return 204, None
        return 200, _listed([{"id": number} for number in ids])

    def _create(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self._ids += 1
        url = f"{_ROOT}{kind}/{self._ids}/"
        item = {"type": _TYPES.get(kind, kind), **self._checked(body), "id": self._ids, "url": url}
        names = (
            "credentials",
            "labels",
            "instance_groups",
            "survey_spec",
            "success_nodes",
            "failure_nodes",
            "always_nodes",
        )
        item |= {"scm_revision": "", "summary_fields": {}} if kind == "projects" else {}
        item["related"] = {name: f"{url}{name}/" for name in names}
        self.objects.setdefault(kind, {})[self._ids] = item
        return item

    def _checked(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The fields. Raises ValueError where one refers to an object that is not there."""
        for field, kinds in _REFERENCES.items():
            if body.get(field) and not any(int(body[field]) in self.objects.get(kind, {}) for kind in kinds):
                raise ValueError(f"{field}: there is no {' or '.join(kinds)} with the id {body[field]}")
        return dict(body)

    def _search(self, kind: str, query: Mapping[str, str]) -> dict[str, Any]:
        kinds = ("job_templates", "projects") if kind == "unified_job_templates" else (kind,)
        found = [item for name in kinds for item in self.objects.get(name, {}).values()]
        wanted = {name: text for name, text in query.items() if name not in ("page_size", "page")}
        return _listed([item for item in found if all(str(item.get(name)) == text for name, text in wanted.items())])


def _listed(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"count": len(items), "next": None, "previous": None, "results": items}


class _Handler(BaseHTTPRequestHandler):
    controller: RecordingController

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        try:
            status, data = self.controller.answer(self.command, parts.path, dict(parse_qsl(parts.query)), body)
        except ValueError as error:
            status, data = 400, {"detail": str(error)}
        text = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing on stderr."""
