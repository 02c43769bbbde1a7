# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A described site that is served and has an inventory file: what the pytest fixtures give to a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from .description import SiteDescription
from .host import SimulatedHost
from .host_data import changes, in_force_data
from .inventory import format_inventory
from .opc.connection import connect
from .opc.layers import Link, Outcome
from .site import SimulatedSite
from .subsystems.registry_value import RegistryValue

_PLAYBOOK_S = 600.0
_Answer = TypeVar("_Answer")
# They make pywinrm ask somebody else than the site.
_IN_THE_WAY = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


class WindowsHost:
    """One host of a served site; everything it tells is asked from the simulated Windows, not over the network."""

    def __init__(self, site: ServedSite, name: str) -> None:
        self.site = site
        self.name = name

    @property
    def variables(self) -> dict[str, object]:
        """The Ansible variables that reach it."""
        return self.site.variables(self.name)

    @property
    def in_force(self) -> Mapping[str, Any]:
        """What decides about DCOM at this moment: docs/simulated_site.md, `in_force`."""
        return self.site.ask(self.name, lambda host: in_force_data(host.in_force()))

    @property
    def changes(self) -> Mapping[str, list[str]]:
        """Lines of its state that were `added` and `removed` since it was described."""
        return self.site.ask(self.name, lambda host: changes(host.initial.text(), host.snapshot().text()))

    @property
    def writes(self) -> list[str]:
        """Every change from outside, oldest first."""
        return self.site.served[self.name].writes

    def registry_value(self, key: str, name: str) -> RegistryValue | None:
        """A value such as of `HKLM\\SOFTWARE\\Microsoft\\Ole`: `type`, `data`, and `text`, `texts` or `number`."""
        return self.site.ask(self.name, lambda host: host.registry.get(key, name))


class ServedSite:
    """The hosts of a description, served while the context is open; `inventory` is a file for ansible-playbook."""

    def __init__(self, description: SiteDescription, directory: Path) -> None:
        self._description = description
        self._hosts = description.build()
        self._network = description.network(self._hosts)
        self.inventory = directory / "simulated_site.json"
        self.served = SimulatedSite(
            self._hosts, schemes=description.schemes, auth=description.auth, delay_s=description.delay_s
        )

    def __enter__(self) -> ServedSite:
        self.served.start()
        hosts = {name: self.variables(name) for name in self._hosts}
        self.inventory.write_text(format_inventory(hosts, self._description.ansible_groups), encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.served.stop()

    def __getitem__(self, name: str) -> WindowsHost:
        if name not in self._hosts:
            raise KeyError(f"no host {name!r}; there are {', '.join(self._hosts)}")
        return WindowsHost(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def variables(self, name: str) -> dict[str, object]:
        """The Ansible variables that reach a host; NTLM if offered, because Basic takes local accounts."""
        auth = "ntlm" if "ntlm" in self._description.auth else "basic"
        return self.served.inventory_vars(name, auth=auth)

    def playbook(
        self, playbook: str | Path, *arguments: str, succeeds: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run this environment's ansible-playbook on the site, with its inventory after those in `arguments`.

        Raises AssertionError with the output when it ends with an error, unless `succeeds` is False.
        """
        tool = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [str(tool), str(playbook), *arguments, "-i", str(self.inventory)],
            env={name: value for name, value in os.environ.items() if name not in _IN_THE_WAY},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PLAYBOOK_S,
            check=False,
        )
        if succeeds and done.returncode:
            raise AssertionError(f"ansible-playbook {playbook} ended with {done.returncode}:\n{done.stdout}")
        return done

    def links(self) -> list[Outcome]:
        """Every link of the description, tried now."""
        return [self.connect(link) for link in self._description.links]

    def connect(self, link: Link) -> Outcome:
        """One link, tried now."""
        return self.served.run_in_loop(lambda: connect(self._network, link))

    def ask(self, name: str, question: Callable[[SimulatedHost], _Answer]) -> _Answer:
        """What a function says of a simulated host, between two messages."""
        host = self._hosts[name]
        return self.served.run_in_loop(lambda: question(host))

    def expect_violation(self, pattern: str) -> None:
        """Let the test ask something that the site does not know: what this regular expression finds."""
        self.served.expect_violation(pattern)

    def check(self) -> None:
        """Raises AssertionError if a host was asked anything that it does not know."""
        self.served.check()
