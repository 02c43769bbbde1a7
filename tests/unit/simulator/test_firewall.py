# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Store, copy in force and verdicts of the simulated firewall (dcom.md 5.2, 5.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from simulator.cim import Caller
from simulator.journal import Journal
from simulator.subsystems.firewall import Firewall, FirewallError, Verdict
from simulator.subsystems.firewall_match import Connection
from simulator.subsystems.firewall_rule import parse_rule
from simulator.subsystems.firewall_shipped import GROUP_POLICY_ROOT, POLICY_ROOT, RULES_KEY, shipped_values
from simulator.subsystems.registry import KeyNode, Registry
from simulator.subsystems.registry_value import RegistryValue

ADMIN = Caller("admin", "S-1-5-21-1-2-3-500", frozenset({"S-1-5-32-544"}))
USER = Caller("user", "S-1-5-21-1-2-3-1001", frozenset({"S-1-5-32-545"}))
APIS = r"C:\apis\bin64\apishivex64.exe"


def guids() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"00000000-0000-0000-0000-{number:012d}"


@pytest.fixture
def registry() -> Registry:
    journal = Journal(lambda: datetime(2026, 3, 2, tzinfo=UTC))
    registry = Registry(KeyNode(""), journal)
    registry.create_key(None, r"HKLM\SOFTWARE\Policies\Microsoft")
    for key, name, value in shipped_values((2, 31), is_server=True):
        registry.put(key, name, value)
    journal.records.clear()
    return registry


@pytest.fixture
def journal() -> Journal:
    return Journal(lambda: datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
def firewall(registry: Registry, journal: Journal) -> Firewall:
    numbers = guids()
    firewall = Firewall(registry, journal, (2, 31), lambda: next(numbers))
    firewall.configure(
        network_profile="Domain", variables={"SystemRoot": r"C:\Windows"}, local_networks=("10.0.0.0/24",)
    )
    return firewall


def stored(registry: Registry, rule_id: str) -> str | None:
    value = registry.get(RULES_KEY, rule_id)
    return value.text if value else None


def to_opc_server(**changes: object) -> Connection:
    """A client's call to the dynamic port of ApisHive."""
    base: dict[str, object] = {
        "direction": "In",
        "remote_address": "10.0.0.21",
        "program": APIS,
        "local_port": 49733,
        "is_rpc_dynamic": True,
    }
    return Connection(**{**base, **changes})  # type: ignore[arg-type]


def add(firewall: Firewall, fields: str) -> str:
    return firewall.add_rule(ADMIN, parse_rule(f"v2.31|Action=Allow|Active=TRUE|Dir=In|{fields}|Name=t|"))


def test_rules_are_the_registry_values(firewall: Firewall, registry: Registry, journal: Journal) -> None:
    rule_id = add(firewall, "Protocol=6|LPort=135")
    assert rule_id == "{00000000-0000-0000-0000-000000000001}"
    assert stored(registry, rule_id) == "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|Name=t|"
    (record,) = journal.changes_by_callers()
    assert (record.subsystem, record.action, record.caller) == ("firewall", "add_rule", "admin")
    firewall.delete_rule(ADMIN, rule_id)
    assert stored(registry, rule_id) is None


def test_a_rule_written_by_hand_takes_effect_when_the_service_restarts(firewall: Firewall, registry: Registry) -> None:
    text = f"v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=RPC|App={APIS}|Name=by hand|"
    registry.put(RULES_KEY, "by-hand", RegistryValue.sz(text))
    assert firewall.evaluate(to_opc_server()) == Verdict(False, "default")
    firewall.reload()
    verdict = firewall.evaluate(to_opc_server())
    assert verdict.is_allowed
    assert verdict.rule is not None
    assert verdict.rule.rule_id == "by-hand"


def test_malformed_values_are_not_loaded_and_not_lost(firewall: Firewall, registry: Registry) -> None:
    registry.put(RULES_KEY, "bad", RegistryValue.sz("v2.31|Action=Allow|LPort=135|Dir=In|Name=x|"))
    registry.put(RULES_KEY, "number", RegistryValue.dword(1))
    firewall.reload()
    assert set(firewall.rejected) == {"bad", "number"}
    assert not {"bad", "number"} & {item.rule_id for item in firewall.rules()}
    assert stored(registry, "bad") is not None


def test_inbound_is_blocked_and_outbound_allowed_by_default(firewall: Firewall) -> None:
    assert firewall.evaluate(to_opc_server()) == Verdict(False, "default")
    assert firewall.evaluate(to_opc_server(direction="Out", remote_port=135)) == Verdict(True, "default")


def test_winrm_is_reachable_on_a_fresh_host(firewall: Firewall) -> None:
    winrm = Connection("In", "192.168.9.9", "System", local_port=5985)
    verdict = firewall.evaluate(winrm)
    assert verdict.is_allowed
    assert verdict.rule is not None
    assert verdict.rule.rule_id == "WINRM-HTTP-In-TCP"


def test_block_rules_beat_allow_rules(firewall: Firewall) -> None:
    """dcom.md 5.3: block rules beat allow rules."""
    add(firewall, f"App={APIS}")
    blocking = parse_rule(f"v2.31|Action=Block|Active=TRUE|Dir=In|App={APIS}|Name=b|")
    rule_id = firewall.add_rule(ADMIN, blocking)
    verdict = firewall.evaluate(to_opc_server())
    assert (verdict.is_allowed, verdict.reason) == (False, "block rule")
    assert verdict.rule is not None
    assert verdict.rule.rule_id == rule_id


CONDITIONS = {
    "program": (f"App={APIS}", to_opc_server(), True),
    "program in another case": (f"App={APIS.upper()}", to_opc_server(), True),
    "program with a variable": (
        r"App=%SystemRoot%\SysWOW64\opcenum.exe",
        to_opc_server(program=r"C:\Windows\SysWOW64\OpcEnum.exe"),
        True,
    ),
    "other program": (r"App=C:\apis\other.exe", to_opc_server(), False),
    "64-bit path does not cover the 32-bit program": (
        r"App=%SystemRoot%\System32\opcenum.exe",
        to_opc_server(program=r"C:\Windows\SysWOW64\OpcEnum.exe"),
        False,
    ),
    "RPC, port handed out by the run-time": ("Protocol=6|LPort=RPC", to_opc_server(), True),
    "RPC, fixed port": ("Protocol=6|LPort=RPC", to_opc_server(is_rpc_dynamic=False), False),
    "RPC-EPMap, RpcSs on 135": (
        "Protocol=6|LPort=RPC-EPMap",
        to_opc_server(local_port=135, services=frozenset({"RpcSs", "RpcEptMapper"})),
        True,
    ),
    "RPC-EPMap, another service": (
        "Protocol=6|LPort=RPC-EPMap",
        to_opc_server(local_port=135, services=frozenset({"Spooler"})),
        False,
    ),
    "service short name without case": ("Svc=rpcss", to_opc_server(services=frozenset({"RpcSs"})), True),
    "service, process has none": ("Svc=rpcss", to_opc_server(), False),
    "any service": ("Svc=*", to_opc_server(services=frozenset({"OpcEnum"})), True),
    "any service, no service": ("Svc=*", to_opc_server(), False),
    "port in list": ("Protocol=6|LPort=135|LPort2_10=49000-50000", to_opc_server(), True),
    "port not in list": ("Protocol=6|LPort=135|LPort2_10=5000-5100", to_opc_server(), False),
    "other protocol": ("Protocol=17", to_opc_server(), False),
    "peer address": ("RA4=10.0.0.21", to_opc_server(), True),
    "peer in subnet with mask": ("RA4=10.0.0.0/255.255.255.0", to_opc_server(), True),
    "peer in range": ("RA4=10.0.0.20-10.0.0.22", to_opc_server(), True),
    "peer outside": ("RA4=10.0.1.0/255.255.255.0", to_opc_server(), False),
    "local subnet": ("RA4=LocalSubnet|RA6=LocalSubnet", to_opc_server(), True),
    "not the local subnet": ("RA4=LocalSubnet", to_opc_server(remote_address="10.9.9.9"), False),
    "IPv6 peer of an IPv4 rule": ("RA4=10.0.0.21", to_opc_server(remote_address="fe80::21"), False),
    "profile": ("Profile=Domain", to_opc_server(), True),
    "other profile": ("Profile=Private|Profile=Public", to_opc_server(), False),
    "wireless only": ("IFType=Wireless", to_opc_server(), False),
    "a condition that is not simulated": ("LUAuth=O:LSD:(A;;CC;;;UD)", to_opc_server(), False),
    "IPsec": ("Security=Authenticate", to_opc_server(), False),
}


@pytest.mark.parametrize(("fields", "connection", "applies"), CONDITIONS.values(), ids=CONDITIONS)
def test_conditions(firewall: Firewall, fields: str, connection: Connection, applies: bool) -> None:
    rule = parse_rule(f"v2.31|Action=Allow|Active=TRUE|Dir=In|{fields}|Name=t|")
    rule_id = firewall.add_rule(ADMIN, rule)
    verdict = firewall.evaluate(connection)
    assert verdict.is_allowed == applies
    assert (verdict.rule is not None and verdict.rule.rule_id == rule_id) == applies


def test_a_disabled_rule_does_nothing(firewall: Firewall) -> None:
    firewall.add_rule(ADMIN, parse_rule(f"v2.31|Action=Allow|Active=FALSE|Dir=In|App={APIS}|Name=t|"))
    assert not firewall.evaluate(to_opc_server()).is_allowed


def test_shields_up_blocks_what_rules_allow(firewall: Firewall) -> None:
    add(firewall, f"App={APIS}")
    firewall.set_setting(ADMIN, "Domain", "DoNotAllowExceptions", 1)
    assert firewall.evaluate(to_opc_server()) == Verdict(False, "shields up")
    assert firewall.evaluate(to_opc_server(direction="Out")).is_allowed


def test_a_profile_that_is_off_filters_nothing(firewall: Firewall, registry: Registry) -> None:
    firewall.set_setting(ADMIN, "Domain", "EnableFirewall", 0)
    assert firewall.evaluate(to_opc_server()) == Verdict(True, "profile off")
    assert firewall.evaluate(to_opc_server(profile="Public")) == Verdict(False, "default")
    assert registry.get_number(rf"{POLICY_ROOT}\DomainProfile", "EnableFirewall", 9) == 0


def test_the_private_profile_is_kept_under_StandardProfile(firewall: Firewall, registry: Registry) -> None:
    firewall.set_setting(ADMIN, "Private", "DefaultOutboundAction", 1)
    assert registry.get_number(rf"{POLICY_ROOT}\StandardProfile", "DefaultOutboundAction", 9) == 1


def set_policy(registry: Registry, profile: str, name: str, number: int) -> None:
    registry.put(rf"{GROUP_POLICY_ROOT}\{profile}", name, RegistryValue.dword(number))


def test_policy_without_merge_makes_local_rules_dead(firewall: Firewall, registry: Registry) -> None:
    """FASP 2.2.38: AllowLocalPolicyMerge=0."""
    add(firewall, f"App={APIS}")
    set_policy(registry, "DomainProfile", "AllowLocalPolicyMerge", 0)
    firewall.reload()
    assert firewall.evaluate(to_opc_server()) == Verdict(False, "default")
    text = f"v2.31|Action=Allow|Active=TRUE|Dir=In|App={APIS}|Name=from policy|"
    registry.put(rf"{GROUP_POLICY_ROOT}\FirewallRules", "policy-rule", RegistryValue.sz(text))
    firewall.reload()
    verdict = firewall.evaluate(to_opc_server())
    assert verdict.is_allowed
    assert verdict.rule is not None
    assert verdict.rule.is_policy


def test_the_local_twin_of_AllowLocalPolicyMerge_means_nothing(firewall: Firewall, registry: Registry) -> None:
    add(firewall, f"App={APIS}")
    registry.put(rf"{POLICY_ROOT}\DomainProfile", "AllowLocalPolicyMerge", RegistryValue.dword(0))
    firewall.reload()
    assert firewall.evaluate(to_opc_server()).is_allowed


def test_policy_wins_over_local_settings_where_it_is_set(firewall: Firewall, registry: Registry) -> None:
    firewall.set_setting(ADMIN, "Domain", "EnableFirewall", 0)
    set_policy(registry, "DomainProfile", "EnableFirewall", 1)
    firewall.reload()
    assert firewall.settings("Domain").is_enabled


def test_no_exceptions_wins_wherever_it_is_on(firewall: Firewall, registry: Registry) -> None:
    firewall.set_setting(ADMIN, "Domain", "DoNotAllowExceptions", 1)
    set_policy(registry, "DomainProfile", "DoNotAllowExceptions", 0)
    firewall.reload()
    assert firewall.settings("Domain").is_shielded


def test_StandardProfile_policy_counts_for_both_unless_one_of_them_exists(
    firewall: Firewall, registry: Registry
) -> None:
    """GPFAS 2.2.3."""
    set_policy(registry, "StandardProfile", "EnableFirewall", 0)
    firewall.reload()
    assert [firewall.settings(name).is_enabled for name in ("Domain", "Private", "Public")] == [True, False, False]
    set_policy(registry, "PublicProfile", "EnableFirewall", 1)
    firewall.reload()
    assert firewall.settings("Private").is_enabled


def test_changes_need_an_elevated_administrator(firewall: Firewall, journal: Journal) -> None:
    rule = parse_rule("v2.31|Action=Allow|Active=TRUE|Dir=In|Name=t|")
    filtered = Caller("admin2", "S-1-5-21-1-2-3-1002", frozenset({"S-1-5-32-544"}), is_elevated=False)
    for caller in (USER, filtered):
        with pytest.raises(FirewallError) as caught:
            firewall.add_rule(caller, rule)
        assert caught.value.code == 5
    assert journal.records == []


def test_with_the_service_stopped_nothing_can_be_changed(firewall: Firewall) -> None:
    firewall.is_running = lambda: False
    with pytest.raises(FirewallError) as caught:
        add(firewall, "Protocol=6")
    assert caught.value.code == 1062
    assert firewall.evaluate(to_opc_server()) == Verdict(True, "service stopped")


def test_loopback_is_not_filtered(firewall: Firewall) -> None:
    assert firewall.evaluate(to_opc_server(remote_address="127.0.0.1")) == Verdict(True, "loopback")
