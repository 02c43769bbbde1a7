# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest fixtures for other people's tests: `windows_host`, one simulated host, and `opc_site`, a described site.

    @pytest.mark.windows_host(profile="2008r2", software=["opc_core_components"])
    def test_my_role(windows_host):
        windows_host.site.playbook("my_role.yml")
        assert windows_host.in_force["default_authentication_level"] == 5

A host is described with the keys of docs/simulated_site.md. A site is a file: the argument of the marker `opc_site`, or
the ini option of that name. At the end a test fails if a host was asked anything that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .description import DescriptionError, load_description, parse_description
from .served_site import ServedSite, WindowsHost

_NAME = "win01"
_ACCOUNT = {"name": "Administrator", "password": "Simulated-Passw0rd-1"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("opc_site", "the description of the site that the fixture opc_site serves", default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "windows_host(**keys): how the host of the fixture windows_host is described")
    config.addinivalue_line("markers", "opc_site(file): the description of the site that the fixture opc_site serves")


@pytest.fixture
def windows_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WindowsHost]:
    """One simulated Windows host, Server 2019 unless the marker says otherwise, that Ansible reaches as win01."""
    marker = request.node.get_closest_marker("windows_host")
    keys: dict[str, Any] = {"accounts": [_ACCOUNT], **(marker.kwargs if marker else {})}
    with ServedSite(parse_description({"hosts": {_NAME: keys}}), tmp_path) as site:
        yield site[_NAME]
        site.check()


@pytest.fixture
def opc_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServedSite]:
    """The site of the marker or of the ini option, as described, for one test."""
    with ServedSite(load_description(described_in(request)), tmp_path) as site:
        yield site
        site.check()


def described_in(request: pytest.FixtureRequest) -> Path:
    """The file that describes the site, relative to pytest's root. Raises DescriptionError when none is named."""
    marker = request.node.get_closest_marker("opc_site")
    name = marker.args[0] if marker and marker.args else request.config.getini("opc_site")
    if not name:
        raise DescriptionError("name a description: @pytest.mark.opc_site('site.yml') or the ini option opc_site")
    path: Path = request.config.rootpath / name
    return path
