# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dcom_grants on a simulated server: what is granted, what is taken away again, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory, OptionError, Result, changed_lines
from permission_tasks import OLE, OPC_ENUM, POLICY, preset, state_of

from ansible_collections.otsec.opc_dcom.plugins.module_utils._application import new_app_id
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import (
    HostStateError,
    LockoutError,
    OpcDcomError,
    ParameterError,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import to_sddl
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import SecurityDescriptor
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._accounts import UnknownAccountError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._grants import DcomGrants
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._permission import DcomPermission
from simulator.software import APIS_APP_ID
from simulator.subsystems.registry_value import RegistryValue

STATE_KEY = r"HKLM\SOFTWARE\otsec\opc_dcom"
APP_IDS = r"HKLM\SOFTWARE\Classes\AppID"
APIS = {"scope": "application", "prog_id": "Prediktor.ApisOPCServer.1"}
LIMIT = {"scope": "machine_limit"}
CLIENT = {"scope": "application", "program": r"C:\Program Files\Example\OpcClient.exe"}
CLIENT_APP_ID = new_app_id("OpcClient.exe")


@pytest.fixture
def server(opc_server: LiveHost) -> LiveHost:
    """With two accounts of OPC clients."""
    for name in ("ann", "bob"):
        opc_server.simulated.accounts.create_user(None, name, "Secret-of-1")
    opc_server.simulated.journal.records.clear()
    return opc_server


def item(place: dict[str, Any], kind: str, **entries: list[str]) -> dict[str, Any]:
    listed = [{"principal": f".\\{name}", "rights": rights} for name, rights in entries.items()]
    return {**place, "kind": kind, "entries": listed}


def grant(host: LiveHost, *items: dict[str, Any], check_mode: bool = False, **options: Any) -> Result:
    return host.run(DcomGrants(), {"permissions": list(items), **options}, check_mode=check_mode)


def sid(host: LiveHost, name: str) -> str:
    return host.simulated.accounts.local.user(name).sid


def sddl(host: LiveHost, key: str, name: str) -> str | None:
    value = host.simulated.registry.get(key, name)
    return None if value is None else to_sddl(SecurityDescriptor.from_bytes(value.data))


def record(host: LiveHost) -> list[str]:
    value = host.simulated.registry.get(STATE_KEY, "Grants")
    return [] if value is None else list(value.texts)


def full(*names: str) -> list[dict[str, Any]]:
    """All that a link needs at an OPC server that is a service."""
    access = {name: ["remote_access"] for name in names}
    activate = {name: ["remote_activation"] for name in names}
    return [
        item(LIMIT, "access", **access),
        item(LIMIT, "launch", **activate),
        item(APIS, "access", **access),
        item(APIS, "launch", **activate),
    ]


def is_in_a_list(host: LiveHost, sid_text: str) -> bool:
    """Whether any descriptor in the registry names the SID."""
    return Sid.from_string(sid_text).to_bytes().hex() in "".join(registry_of(state_of(host)))


def registry_of(state: str) -> list[str]:
    return [line for line in state.splitlines() if line.startswith(("[", "'"))]


def test_grants_are_written_once(server: LiveHost) -> None:
    first = grant(server, *full("ann"))
    assert first["changed"]
    assert first["reboot_reasons"] == ["machine_access_restriction", "machine_launch_restriction"]
    assert first["restart_required"] == ["ApisHive"]
    assert f"(A;;CCLC;;;{sid(server, 'ann')})" in (sddl(server, OLE, "MachineAccessRestriction") or "")
    assert f"(A;;CCRP;;;{sid(server, 'ann')})" in (sddl(server, OLE, "MachineLaunchRestriction") or "")
    writes = len(server.writes)
    again = grant(server, *full("ann"))
    assert not again["changed"]
    assert again["before"] == again["after"] == first["after"]
    assert len(server.writes) == writes


def test_what_is_not_asked_for_any_more_goes_and_everything_is_as_it_was(server: LiveHost) -> None:
    before = state_of(server)
    grant(server, *full("ann", "bob"))
    left = grant(server, *full("bob"))
    assert changed_lines(left)
    assert not is_in_a_list(server, sid(server, "ann"))
    assert sid(server, "bob") in (sddl(server, OLE, "MachineLaunchRestriction") or "")
    gone = grant(server)
    assert gone["changed"]
    assert state_of(server) == before
    assert record(server) == []
    assert not grant(server)["changed"]


def test_what_somebody_else_granted_stays(server: LiveHost) -> None:
    everybody = "O:BAG:BAD:(A;;CCDCLC;;;WD)(A;;CCLC;;;{})".format
    preset(server, "machine_limit", "access", everybody(sid(server, "ann")))
    grant(server, item(LIMIT, "access", ann=["remote_access", "local_access"], bob=["remote_access"]))
    grant(server)
    assert sddl(server, OLE, "MachineAccessRestriction") == everybody(sid(server, "ann"))


def test_only_the_rights_that_were_added_go(server: LiveHost) -> None:
    preset(
        server,
        "machine_limit",
        "launch",
        f"O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDCSW;;;WD)(A;;CCSW;;;{sid(server, 'ann')})",
    )
    grant(server, item(LIMIT, "launch", ann=["remote_activation", "local_activation"]))
    grant(server, item(LIMIT, "launch", ann=["local_activation"]))
    found = sddl(server, OLE, "MachineLaunchRestriction") or ""
    assert f"(A;;CCSW;;;{sid(server, 'ann')})" in found


def test_a_right_that_an_administrator_took_away_is_granted_again_and_still_ours(server: LiveHost) -> None:
    before = state_of(server)
    shipped = sddl(server, OLE, "MachineAccessRestriction") or ""
    grant(server, item(LIMIT, "access", ann=["remote_access"]))
    preset(server, "machine_limit", "access", shipped)
    assert grant(server, item(LIMIT, "access", ann=["remote_access"]))["changed"]
    grant(server)
    assert state_of(server) == before


def test_a_value_that_was_changed_meanwhile_is_kept(server: LiveHost) -> None:
    """The launch permission of APIS came with our grant; now an administrator has put something into it."""
    grant(server, *full("ann"))
    options = {"scope": "application", "kind": "launch", "prog_id": APIS["prog_id"], "state": "present"}
    entry = {"principal": ".\\bob", "rights": ["local_launch"]}
    server.run(DcomPermission(), {**options, "entries": [entry]})
    grant(server)
    kept = sddl(server, f"{APP_IDS}\\{APIS_APP_ID}", "LaunchPermission") or ""
    assert sid(server, "bob") in kept
    assert sid(server, "ann") not in kept


def test_an_account_that_is_gone_leaves_nothing_behind(server: LiveHost) -> None:
    before = state_of(server)
    grant(server, *full("ann"))
    ann = sid(server, "ann")
    assert is_in_a_list(server, ann)
    server.simulated.accounts.delete_user(None, "ann")
    grant(server, *full("bob"))
    assert not is_in_a_list(server, ann)
    assert ann not in " ".join(record(server))
    server.simulated.accounts.create_user(None, "ann", "Secret-of-1")  # another SID under the old name
    grant(server)
    assert registry_of(before) == registry_of(state_of(server))


def test_an_application_that_is_gone_is_no_trouble(server: LiveHost) -> None:
    grant(server, *full("ann"))
    server.simulated.registry.delete_tree(f"{APP_IDS}\\{APIS_APP_ID}")
    assert grant(server)["changed"]
    assert record(server) == []


def test_an_exclusive_list_holds_the_system_administrators_and_the_grants(server: LiveHost) -> None:
    place = {"scope": "application", "app_id": OPC_ENUM, "exclusive": True}
    grant(
        server,
        item(place, "launch", ann=["remote_activation", "remote_launch"]),
        item(place, "access", ann=["remote_access"]),
    )
    ann = sid(server, "ann")
    key = f"{APP_IDS}\\{OPC_ENUM}"
    assert (
        sddl(server, key, "LaunchPermission")
        == f"O:BAG:BAD:(A;;CCDCLCSWRP;;;SY)(A;;CCDCLCSWRP;;;BA)(A;;CCLCRP;;;{ann})"
    )
    assert sddl(server, key, "AccessPermission") == f"O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(A;;CCLC;;;{ann})"
    grant(server)
    assert sddl(server, key, "LaunchPermission") == "O:BAG:BAD:(A;;CCDCLCSWRP;;;SY)(A;;CCDCLCSWRP;;;BA)"


def test_a_pure_client_becomes_an_application_and_stops_being_one(server: LiveHost) -> None:
    before = state_of(server)
    first = grant(server, item(CLIENT, "access", ann=["remote_access"]))
    assert first["after"]["application OpcClient.exe"] == f"OpcClient.exe {CLIENT_APP_ID}"
    mapping = server.simulated.registry.get(f"{APP_IDS}\\OpcClient.exe", "AppID")
    assert mapping == RegistryValue.sz(CLIENT_APP_ID)
    assert sid(server, "ann") in (sddl(server, f"{APP_IDS}\\{CLIENT_APP_ID}", "AccessPermission") or "")
    assert not grant(server, item(CLIENT, "access", ann=["remote_access"]))["changed"]
    grant(server)
    assert state_of(server) == before


def test_an_application_that_somebody_else_made_for_the_program_stays(server: LiveHost) -> None:
    app_id = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0999}"
    server.simulated.registry.put(f"{APP_IDS}\\OpcClient.exe", "AppID", RegistryValue.sz(app_id))
    server.simulated.registry.put(f"{APP_IDS}\\{app_id}", "", RegistryValue.sz("Example client"))
    before = state_of(server)
    grant(server, item(CLIENT, "access", ann=["remote_access"]))
    grant(server)
    assert state_of(server) == before


def test_check_mode_shows_the_same_and_writes_nothing(server: LiveHost) -> None:
    wanted = [*full("ann"), item(CLIENT, "access", bob=["remote_access"])]
    shown = grant(server, *wanted, check_mode=True)
    assert server.writes == []
    done = grant(server, *wanted)
    assert {key: shown[key] for key in ("changed", "before", "after", "diff")} == {
        key: done[key] for key in ("changed", "before", "after", "diff")
    }


def test_an_account_that_this_play_would_make_is_shown_by_name_in_check_mode(server: LiveHost) -> None:
    wanted = [item(LIMIT, "access", carol=["remote_access"], dave=["remote_access"])]
    shown = grant(server, *wanted, check_mode=True, expected_accounts=["Carol", ".\\dave"])
    lines = shown["after"]["machine_access_restriction"]
    assert "allow  .\\carol (does not exist yet)  remote_access" in lines
    assert "allow  .\\dave (does not exist yet)  remote_access" in lines
    with pytest.raises(UnknownAccountError, match="knows no such account"):
        grant(server, *wanted, check_mode=True, expected_accounts=["dave"])


def test_an_account_that_is_missing_is_never_written(server: LiveHost) -> None:
    wanted = item(LIMIT, "access", carol=["remote_access"])
    with pytest.raises(UnknownAccountError):
        grant(server, wanted)
    with pytest.raises(HostStateError, match=r"\.\\carol \(does not exist yet\)"):
        grant(server, wanted, expected_accounts=["carol"])
    assert server.writes == []


def test_a_limit_of_group_policy_is_not_written_and_who_lacks_in_it_is_said(server: LiveHost) -> None:
    policy = "O:BAG:BAD:(A;;CCDCLC;;;BA)(A;;CCDCLC;;;SY)(A;;CCLC;;;{})".format(sid(server, "ann"))
    server.simulated.registry.put(POLICY, "MachineAccessRestriction", RegistryValue.sz(policy))
    result = grant(server, item(LIMIT, "access", ann=["remote_access"], bob=["remote_access"]))
    assert not result["changed"]
    (warning,) = result["warnings"]
    assert (
        f"gives GW01\\bob no remote_access, unless through a group; add {sid(server, 'bob')} to the policy" in warning
    )
    assert server.writes == []


def test_anonymous_is_refused_unless_it_is_allowed_with_a_reason(server: LiveHost) -> None:
    wanted = {**LIMIT, "kind": "access", "entries": [{"principal": "ANONYMOUS LOGON", "rights": ["remote_access"]}]}
    with pytest.raises(LockoutError, match="allow_anonymous"):
        grant(server, wanted)
    result = grant(server, wanted, allow_anonymous=True, reason="until 2027")
    (exception,) = result["exceptions"]
    assert exception.startswith("allow_anonymous: machine_access_restriction: NT AUTHORITY\\ANONYMOUS LOGON has ")
    assert exception.endswith("(until 2027)")
    assert grant(server, wanted, allow_anonymous=True, reason="until 2027")["exceptions"] == [exception]


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([item(LIMIT, "access", ann=["remote_launch"])], r"permissions\[0\].entries\[0\].rights"),
        (
            [item(LIMIT, "access"), item(LIMIT, "access")],
            r"permissions\[1\]: is about the same list as permissions\[0\]",
        ),
        ([item({"scope": "application"}, "access")], "name the application by exactly one of"),
        ([item({**LIMIT, "program": "x.exe"}, "access")], r"permissions\[0\].program"),
    ],
)
def test_bad_options_are_named_by_their_path(server: LiveHost, items: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        grant(server, *items)
    assert server.messages == 0


def test_an_unknown_right_does_not_pass_the_argument_spec(server: LiveHost) -> None:
    with pytest.raises(OptionError):
        grant(server, item(LIMIT, "access", ann=["full_control"]))


@pytest.mark.parametrize(
    "value",
    [RegistryValue.sz("x"), RegistryValue.multi_sz(["otsec.opc_dcom grants 9 1"])],
)
def test_a_record_that_does_not_read_stops_everything(server: LiveHost, value: RegistryValue) -> None:
    server.simulated.registry.put(STATE_KEY, "Grants", value)
    with pytest.raises(HostStateError, match="does not read as the record"):
        grant(server, *full("ann"))
    assert server.writes == []


def test_a_server_without_the_application_fails_before_anything_is_written(live: LiveHostFactory) -> None:
    bare = live("gw01")
    bare.simulated.accounts.create_user(None, "ann", "Secret-of-1")
    with pytest.raises(OpcDcomError, match=r"ProgID Prediktor.ApisOPCServer.1 is not registered"):
        grant(bare, *full("ann"))
    assert not [line for line in bare.writes if "registry" in line]


def test_many_accounts_cost_one_message_each(server: LiveHost) -> None:
    names = [f"user{number:03}" for number in range(40)]
    for name in names:
        server.simulated.accounts.create_user(None, name, "Secret-of-1")
    grant(server, *full(*names))
    assert not grant(server, *full(*names))["changed"]
    assert server.messages < 40 + 25
