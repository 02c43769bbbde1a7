# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches of a host and its ports for RPC: Microsoft's names and numbers, and the last range that is taken."""

from __future__ import annotations

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import LockoutError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._host_policy import (
    HOST_POLICY,
    PORT_VALUES,
    RPC_PORTS,
    PortRange,
    plan_ports,
    refuse_lockout,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import Effect
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryType, RegistryValue

LSA = "SYSTEM\\CurrentControlSet\\Control\\Lsa"
SYSTEM = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System"
# Security policy pages "UAC: Run all administrators in Admin Approval Mode", "Let Everyone permissions apply to
# anonymous users", "Sharing and security model for local accounts"; KB951016. Word -> data, None where it is absent.
PUBLISHED = {
    "uac": (SYSTEM, "EnableLUA", {"enabled": 1, "disabled": 0, "default": None}, "disabled"),
    "remote_local_administrators": (
        SYSTEM, "LocalAccountTokenFilterPolicy", {"filtered": 0, "full": 1, "default": None}, "full",
    ),
    "everyone_includes_anonymous": (LSA, "EveryoneIncludesAnonymous", {"true": 1, "false": 0}, "true"),
    "network_logons": (LSA, "ForceGuest", {"as_themselves": 0, "as_guest": 1}, "as_guest"),
}  # fmt: skip


@pytest.mark.parametrize("setting", HOST_POLICY, ids=lambda item: item.option)
def test_switches_have_their_published_values(setting: object) -> None:
    found = next(item for item in HOST_POLICY if item is setting)
    key, name, words, weak = PUBLISHED[found.option]
    assert (found.key.path, found.value_name, found.type) == (key, name, RegistryType.DWORD)
    assert (dict(found.words), found.weak_words) == (words, {weak})
    # Only UAC waits for a start of Windows.
    assert (found.effect is Effect.REBOOT) is (found.option == "uac")


def test_all_switches_are_known_here() -> None:
    assert {item.option for item in HOST_POLICY} == set(PUBLISHED)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("5001-5100", 5001, 5100),
        (" 50000-50200 ", 50000, 50200),
        ("65436-65535", 65436, 65535),
        ("5001-65535", 5001, 65535),
    ],
)
def test_ranges_that_are_taken(text: str, first: int, last: int) -> None:
    """KB154596: above 5000, and at least 100 ports."""
    assert PortRange.parse(text) == PortRange(first, last)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5000-5200", "ports run from 5001 to 65535, ascending: '5000-5200'"),
        ("65436-65536", "ports run from 5001 to 65535, ascending"),
        ("6000-5900", "ports run from 5001 to 65535, ascending"),
        ("5001-5099", "99 ports are too few"),
        ("6000-6000", "1 ports are too few"),
        ("50000", "is not a range such as 50000-50200"),
        ("50000-50200x", "is not a range"),
        ("50000-", "is not a range"),
        ("100000-100200", "is not a range"),
        ("\u0665001-5100", "is not a range"),
    ],
)
def test_ranges_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        PortRange.parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["default", " Default "])
def test_windows_may_decide(text: str) -> None:
    assert PortRange.parse(text) is None


def strings(*ports: str) -> RegistryValue:
    return RegistryValue.multi_string(*ports)


YES = RegistryValue.string("Y")


def test_a_range_is_three_values() -> None:
    """KB154596: Ports is REG_MULTI_SZ, PortsInternetAvailable and UseInternetPorts are REG_SZ "Y"."""
    values = PortRange(50000, 50200).values()
    assert values == {"Ports": strings("50000-50200"), "PortsInternetAvailable": YES, "UseInternetPorts": YES}
    assert {name: item.type for name, item in values.items()} == dict(PORT_VALUES)
    plan = plan_ports({}, PortRange(50000, 50200), ())
    assert [(item.key, item.name, item.after) for item in plan.operations] == [  # type: ignore[union-attr]
        (RPC_PORTS, name, value) for name, value in values.items()
    ]
    assert plan.reboot_reasons == ("dcom_ports",)
    assert plan.after == {"dcom_ports": "50000-50200"}
    assert plan.before == {"dcom_ports": "default (Windows decides, 49152-65535)"}
    same = plan_ports(values, PortRange(50000, 50200), ())
    assert (same.operations, same.reboot_reasons) == ((), ())
    partly = plan_ports({**values, "UseInternetPorts": RegistryValue.string("N")}, PortRange(50000, 50200), ())
    assert [item.name for item in partly.operations] == ["UseInternetPorts"]  # type: ignore[union-attr]
    assert partly.before == {
        "dcom_ports": f"Ports: {values['Ports']}; PortsInternetAvailable: {YES}; UseInternetPorts: "
        f"{RegistryValue.string('N')}"
    }
    gone = plan_ports(values, None, ())
    assert [(item.name, item.after) for item in gone.operations] == [(name, None) for name in values]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("port", "is_taken"), [(5985, True), (5986, True), (47001, True), (5984, False), (5987, False), (47000, False)]
)
def test_ports_of_winrm_stay_out_of_a_range(port: int, is_taken: bool) -> None:
    # WinRM: 5985 and 5986, and the compatibility listener on 47001.
    for wanted in (PortRange(port, port), PortRange(port - 50, port), PortRange(port, port + 50)):
        hit = any(wanted.first <= known <= wanted.last for known in (5985, 5986, 47001))
        if hit:
            with pytest.raises(LockoutError, match="which WinRM listens on"):
                plan_ports({}, wanted, ())
        else:
            assert plan_ports({}, wanted, ()).operations
    if is_taken:
        with pytest.raises(LockoutError):
            plan_ports({}, PortRange(port, port), ())


def test_a_port_of_this_connection_stays_out_too() -> None:
    with pytest.raises(LockoutError, match="the range holds 50001, 50200, which"):
        plan_ports({}, PortRange(50000, 50200), (50200, 50001, 50201, 49999))
    assert plan_ports({}, PortRange(50000, 50200), (50201, 49999)).operations


@pytest.mark.parametrize(
    ("before", "desired", "is_refused"),
    [
        ({"uac": "disabled"}, {"uac": "enabled"}, True),
        ({"uac": "disabled"}, {"uac": "default"}, True),
        ({"uac": "disabled"}, {"uac": "disabled"}, False),
        ({"uac": "enabled"}, {"uac": "disabled"}, False),
        ({"uac": None}, {"uac": "enabled"}, False),
        ({"uac": "disabled"}, {}, False),
        ({"remote_local_administrators": "full"}, {"remote_local_administrators": "filtered"}, True),
        ({"remote_local_administrators": "filtered"}, {"remote_local_administrators": "full"}, False),
        ({"network_logons": "as_guest"}, {"network_logons": "as_themselves"}, False),
    ],
)
def test_what_may_take_the_rights_of_the_account_in_use(
    before: dict[str, str | None], desired: dict[str, str], is_refused: bool
) -> None:
    if is_refused:
        with pytest.raises(LockoutError, match="Set allow_lockout: true"):
            refuse_lockout(before, desired)
    else:
        refuse_lockout(before, desired)
