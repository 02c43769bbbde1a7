# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium over its debugging pipe: what a page loads, says, looks like and how accessible it is.

The pipe (file descriptors 3 and 4, messages of JSON that end with NUL) needs no port, no driver and no package.
Source: Chromium's ``--remote-debugging-pipe`` and the Chrome DevTools Protocol.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
_TIMEOUT_S = 60.0
# Becomes Chromium, with the ends of the pipe on its descriptors 3 and 4.
_START = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD_CLOEXEC, 64) for end in sys.argv[1:3]]
for place, end in zip((3, 4), ends):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class BrowserError(Exception):
    """Chromium did not do what it was asked."""


class Page:
    """One page.

    `requests` are the addresses it asked for, `blocked` those that its own policy stopped before they left; `messages`
    is what its console said, errors included.
    """

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self._asked: dict[str, str] = {}
        self.blocked: list[str] = []
        self.messages: list[str] = []

    @property
    def requests(self) -> list[str]:
        return [url for url in self._asked.values() if url not in self.blocked]

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.send(method, parameters, self._session)

    def heard(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self._asked[parameters["requestId"]] = parameters["request"]["url"]
        elif method == "Network.loadingFailed" and parameters.get("blockedReason") == "csp":
            self.blocked.append(self._asked[parameters["requestId"]])
        elif method == "Log.entryAdded":
            self.messages.append(f"{parameters['entry']['level']}: {parameters['entry']['text']}")
        elif method == "Runtime.exceptionThrown":
            self.messages.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.messages.append(json.dumps(parameters["args"]))

    def open(self, path: Path, *, scheme: str = "light", width: int = 1280, height: int = 900) -> None:
        """Load a file as a person would, and wait until it is there."""
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        # What is not in front is not drawn, and what is not drawn has no contrast.
        self.send("Page.bringToFront")
        self.send("Page.navigate", url=path.absolute().as_uri())
        self._wait_until_loaded(path)

    def _wait_until_loaded(self, path: Path) -> None:
        deadline = time.monotonic() + _TIMEOUT_S
        wanted = json.dumps(path.name)
        while not self.evaluate(f"document.readyState === 'complete' && location.href.endsWith({wanted})"):
            if time.monotonic() > deadline:
                raise BrowserError(f"{path} was not loaded in {_TIMEOUT_S:.0f} s")
            time.sleep(0.05)

    def evaluate(self, expression: str, *, world: int | None = None) -> Any:
        """The value of an expression, promises awaited. `world`: an isolated world, whatever the page forbids."""
        parameters: dict[str, Any] = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        if world is not None:
            parameters["contextId"] = world
        answer = self.send("Runtime.evaluate", **parameters)
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def isolated_world(self) -> int:
        """A place for scripts of a test, apart from those of the page."""
        frame = self.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        made = self.send("Page.createIsolatedWorld", frameId=frame, worldName="test", grantUniveralAccess=True)
        context: int = made["executionContextId"]
        return context

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.send("Page.printToPDF", printBackground=False)["data"]))

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key; `code` is its Windows virtual key code."""
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed)


class Browser:
    """A running Chromium."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._number = 0
        self._rest = b""
        self._pages: dict[str, Page] = {}

    def new_page(self) -> Page:
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session)
        self._pages[session] = page
        return page

    def send(self, method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        """Ask, and wait for the answer; what the pages tell meanwhile is theirs."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            answer = self._next(deadline)
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            page = self._pages.get(answer.get("sessionId", ""))
            if page is not None:
                page.heard(answer["method"], answer["params"])

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _w, _x = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self._read, 1 << 16) if ready else b""
            if not piece:
                raise BrowserError("Chromium does not answer")
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def running(executable: str) -> Iterator[Browser]:
    """A Chromium of its own profile, without a network it could use by itself."""
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, str(to_read), str(from_write), executable, *_arguments(profile)],
            env={**os.environ, "HOME": profile},
            pass_fds=(to_read, from_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(from_write)
        try:
            yield Browser(to_write, from_read)
        finally:
            os.close(to_write)
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(from_read)


def _arguments(profile: str) -> list[str]:
    return [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
        "--remote-debugging-pipe",
    ]
