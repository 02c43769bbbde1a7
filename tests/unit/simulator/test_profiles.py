# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows versions as data: phases of dcom.md 7, schemas of dcom.md 5.2, stacks of wsman_cim.md 2, shipped values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hosts import administrator, get

from simulator import shipped_descriptors
from simulator.host import SimulatedHost
from simulator.profiles import PROFILES, SERVER_2019, Hardening, HardeningPhase, hardening

VECTORS = Path(__file__).parents[3].parent / "shared" / "reference" / "security_descriptors.json"
CURRENT_VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
OLE = r"HKLM\SOFTWARE\Microsoft\Ole"


@pytest.mark.parametrize(
    ("build", "revision", "phase", "default_raise"),
    [  # table of dcom.md 7: one below and at each floor of Server 2019, and the odd rows
        (17763, 1998, 0, 0),
        (17763, 1999, 1, 1),
        (17763, 3045, 1, 1),
        (17763, 3046, 2, 1),
        (17763, 3649, 2, 1),
        (17763, 3650, 2, 2),
        (17763, 4130, 2, 2),
        (17763, 4131, 3, 2),
        (14393, 5786, 3, 2),
        (20348, 0, 1, 1),
        (20348, 1607, 3, 2),
        (19041, 9999, 1, 1),
        (19043, 9999, 2, 2),
        (19045, 0, 2, 1),
        (19045, 2728, 3, 2),
        (7601, 24545, 0, 0),
        (7601, 26415, 3, 2),
        (9600, 20671, 2, 2),
        (22631, 0, 3, 2),
        (26100, 0, 3, 2),
    ],
)
def test_hardening_phase_of_a_revision(build: int, revision: int, phase: int, default_raise: int) -> None:
    assert hardening(build, revision) == Hardening(HardeningPhase(phase), default_raise)


@pytest.mark.parametrize(
    ("key", "schema", "stack", "version"),
    [
        ("7", (2, 10), "2.0", "6.1.7601"),
        ("2008r2", (2, 10), "2.0", "6.1.7601"),
        ("2012r2", (2, 22), "3.0", "6.3.9600"),
        ("2016", (2, 26), "3.0", "10.0.14393"),
        ("2019", (2, 29), "3.0", "10.0.17763"),
        ("2022", (2, 31), "3.0", "10.0.20348"),
        ("2025", (2, 33), "3.0", "10.0.26100"),
        ("10", (2, 30), "3.0", "10.0.19045"),
        ("11", (2, 32), "3.0", "10.0.22631"),
    ],
)
def test_each_version(key: str, schema: tuple[int, int], stack: str, version: str) -> None:
    profile = PROFILES[key]
    host = SimulatedHost("h", profile)
    assert (profile.firewall_schema, host.stack_version) == (schema, stack)
    assert host.os_version == (version, 1 if profile.build == 7601 else 0)
    build = host.registry.get(CURRENT_VERSION, "CurrentBuildNumber")
    assert build is not None and build.text == version.rpartition(".")[2]
    assert host.is_up and host.violations == []


def test_ubr_is_a_number_on_windows_10_and_later_and_absent_before() -> None:
    for profile in PROFILES.values():
        value = SimulatedHost("h", profile).registry.get(CURRENT_VERSION, "UBR")
        assert (value.number if value else None) == (profile.revision if profile.version[0] == 10 else None)


def test_windows_11_says_windows_10_in_product_name_but_not_in_caption() -> None:
    host = SimulatedHost("h", PROFILES["11"])
    product_name = host.registry.get(CURRENT_VERSION, "ProductName")
    assert product_name is not None and product_name.text == "Windows 10 Pro"
    assert "11" in get(host, administrator(host), "Win32_OperatingSystem")["Caption"]


@pytest.mark.parametrize(
    ("constant", "vector"),
    [
        ("DEFAULT_LAUNCH_PERMISSION", "ole_default_launch_permission_win7_era"),
        ("MACHINE_ACCESS_RESTRICTION_7", "ole_machine_access_restriction_win7_era"),
        ("MACHINE_LAUNCH_RESTRICTION_7", "ole_machine_launch_restriction_win7_era"),
        ("MACHINE_ACCESS_RESTRICTION_10", "ole_machine_access_restriction_win10"),
        ("MACHINE_LAUNCH_RESTRICTION_10", "ole_machine_launch_restriction_win10"),
        ("OPC_ENUM_ACCESS", "opcenum_registered_access_xp_sp2_and_later"),
        ("OPC_ENUM_LAUNCH", "opcenum_registered_launch_xp_sp2_and_later"),
        ("WMI_LAUNCH", "wmi_appid_launch_default"),
        ("BUILT_IN_ACCESS", "effective_default_access_when_value_absent"),
    ],
)
def test_shipped_descriptors_are_the_reference_vectors(constant: str, vector: str) -> None:
    if not VECTORS.exists():
        pytest.skip("reference security descriptors are not on this machine")
    vectors = {item["name"]: item["hex"] for item in json.loads(VECTORS.read_text())}
    assert getattr(shipped_descriptors, constant).hex() == vectors[vector]


def test_ole_as_shipped_has_no_levels_no_default_access_and_no_hardening_values() -> None:
    host = SimulatedHost("h", SERVER_2019)  # dcom.md 1.1 and 1.3: absent by default
    names = {name for name, _unused in host.registry.enum_values(None, OLE)}
    assert names == {"EnableDCOM", "DefaultLaunchPermission", "MachineAccessRestriction", "MachineLaunchRestriction"}
    assert host.registry.enum_values(None, OLE + r"\AppCompat") == []


def test_versions_before_10_have_the_limits_without_app_packages() -> None:
    old = SimulatedHost("h", PROFILES["2008r2"]).registry.get(OLE, "MachineLaunchRestriction")
    new = SimulatedHost("h", PROFILES["2016"]).registry.get(OLE, "MachineLaunchRestriction")
    assert old is not None and old.data == shipped_descriptors.MACHINE_LAUNCH_RESTRICTION_7
    assert new is not None and new.data == shipped_descriptors.MACHINE_LAUNCH_RESTRICTION_10
