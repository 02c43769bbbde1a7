# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles opc_server and opc_client give to opc_host, from their variables, the site model and tags."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._role_options import (
    ACCOUNT_DEFAULTS,
    CLIENT,
    MACHINE_WIDE,
    OTHER_ROLE,
    SERVER,
    RunTags,
    SiteShare,
    account_options,
    machine_wide,
    names_in,
    refuse_disagreement,
    role_options,
    variables_of,
)

EVERYTHING = RunTags(frozenset({"all"}), frozenset())
NO_SITE = SiteShare({})
SECTIONS: dict[str, Any] = {
    "opc_enum": {"state": "enabled"},
    "applications": [{"prog_id": "Plant.Server.1", "authentication_level": "default"}],
    "grants": {"permissions": []},
    "firewall": {"purge": True},
}
OPTIONS = {"defaults", "logging", "applications", "permissions", "opc_enum", "grants", "firewall"}
TAGS = {
    "defaults": "dcom_defaults",
    "logging": "dcom_logging",
    "applications": "dcom_application",
    "permissions": "dcom_permission",
    "opc_enum": "opc_enum",
    "grants": "dcom_grants",
    "firewall": "opc_firewall",
}


def values(role: str, **changes: Any) -> dict[str, Any]:
    """The defaults of a role, with these changes."""
    texts = {
        "authentication_level": "packet_integrity",
        "impersonation_level": "identify",
        "log_activation_failures": "always",
        "log_call_failures": "always",
    }
    found = {name: texts.get(name, []) for name in variables_of(role)}
    if role == SERVER:
        found["allow_launch"] = True
    assert changes.keys() <= found.keys()
    return {**found, **changes}


def options(role: str, site: SiteShare = NO_SITE, tags: RunTags = EVERYTHING, **changes: Any) -> dict[str, Any]:
    return role_options(role, values(role, **changes), site, tags)


def given(found: dict[str, Any]) -> set[str]:
    return {name for name, value in found.items() if value is not None}


@pytest.mark.parametrize("role", [SERVER, CLIENT])
def test_the_defaults_of_a_role(role: str) -> None:
    found = options(role, impersonation_level="impersonate", log_call_failures="never")
    assert found["defaults"] == {
        "enable_dcom": True,
        "authentication_level": "packet_integrity",
        "impersonation_level": "impersonate",
    }
    assert found["logging"] == {"activation_failures": "always", "call_failures": "never"}
    assert given(found) == {"defaults", "logging"}
    assert found.keys() == OPTIONS


@pytest.mark.parametrize("role", [SERVER, CLIENT])
@pytest.mark.parametrize("name", MACHINE_WIDE)
def test_roles_that_want_different_things_of_one_host_are_refused(role: str, name: str) -> None:
    other = machine_wide(values(OTHER_ROLE[role], **{name: "discretionary"}))
    with pytest.raises(ParameterError) as caught:
        refuse_disagreement(role, options(role), other)
    assert caught.value.path == f"opc_{role}_{name}"
    assert f", but opc_{OTHER_ROLE[role]}_{name} is discretionary. " in str(caught.value)
    refuse_disagreement(role, options(role, **{name: "discretionary"}), other)


def disagrees(server: dict[str, Any], client: dict[str, Any]) -> bool:
    try:
        refuse_disagreement(SERVER, server, client)
    except ParameterError:
        return True
    return False


def test_roles_agree_about_what_one_of_them_leaves_out() -> None:
    other = machine_wide(values(CLIENT, authentication_level="packet_privacy"))
    assert disagrees(options(SERVER), other)
    assert not disagrees(options(SERVER), {})
    assert not disagrees(options(SERVER), {"defaults": None, "logging": None})
    assert not disagrees(options(SERVER, tags=RunTags(frozenset({"dcom_logging"}), frozenset())), other)


def test_what_an_opc_server_grants() -> None:
    found = options(SERVER, allowed=["S-1-5-21-1-2-3-1100", ".\\OPC", ".\\OPC"])
    launch = ["local_launch", "remote_launch", "local_activation", "remote_activation"]
    access = ["local_access", "remote_access"]
    assert [(item["scope"], item["kind"]) for item in found["permissions"]] == [
        ("machine_limit", "access"),
        ("machine_limit", "launch"),
        ("machine_default", "access"),
        ("machine_default", "launch"),
    ]
    for item in found["permissions"]:
        rights = access if item["kind"] == "access" else launch
        assert item["entries"] == [
            {"principal": "S-1-5-21-1-2-3-1100", "rights": rights},
            {"principal": ".\\OPC", "rights": rights},
        ]


def test_a_server_whose_programs_always_run_grants_no_launch() -> None:
    found = options(SERVER, allowed=["OPC"], allow_launch=False)
    (first, *_rest) = [item for item in found["permissions"] if item["kind"] == "launch"]
    assert first["entries"] == [{"principal": "OPC", "rights": ["local_activation", "remote_activation"]}]


def test_grants_then_revocations_then_what_the_user_adds() -> None:
    own = {"scope": "application", "kind": "access", "prog_id": "Plant.Server.1", "entries": []}
    found = options(SERVER, allowed=["OPC"], revoked="Everyone, ANONYMOUS LOGON", permissions=[own])
    assert [item.get("state") for item in found["permissions"]] == [None] * 4 + ["absent"] * 2 + [None]
    revoked = [{"principal": "Everyone", "type": "allow"}, {"principal": "ANONYMOUS LOGON", "type": "allow"}]
    assert found["permissions"][4:] == [
        {"scope": "machine_default", "kind": "access", "state": "absent", "entries": revoked},
        {"scope": "machine_default", "kind": "launch", "state": "absent", "entries": revoked},
        own,
    ]


def test_applications_of_a_server_follow_the_machine_unless_told_otherwise() -> None:
    other = {"prog_id": "Other.1", "authentication_level": "packet_privacy", "use_default_launch": False}
    site = SiteShare({"applications": [{"app_id": "{1}"}]})
    found = options(SERVER, site, prog_ids="Plant.Server.1\nPlant.Server.1", applications=[other])
    assert found["applications"] == [
        {
            "prog_id": "Plant.Server.1",
            "authentication_level": "default",
            "use_default_access": True,
            "use_default_launch": True,
        },
        {**other, "use_default_access": True},
        {"app_id": "{1}"},
    ]


def test_a_client_without_programs_lets_servers_call_back_by_the_default() -> None:
    access = {"kind": "access", "entries": [{"principal": "OPC", "rights": ["remote_access"]}]}
    assert options(CLIENT, allowed=["OPC"])["permissions"] == [
        {"scope": "machine_limit", **access},
        {"scope": "machine_default", **access},
    ]


def test_a_client_with_programs_lets_servers_call_back_to_these_alone() -> None:
    found = options(CLIENT, allowed="OPC", programs=["a.exe", "b.exe", "a.exe"], applications=[{"app_id": "{2}"}])
    assert found["applications"] == [
        {"program": "a.exe", "authentication_level": "default"},
        {"program": "b.exe", "authentication_level": "default"},
        {"app_id": "{2}"},
    ]
    assert [(item["scope"], item.get("program"), item.get("state")) for item in found["permissions"]] == [
        ("machine_limit", None, None),
        ("application", "a.exe", "present"),
        ("application", "b.exe", "present"),
    ]


def test_a_client_without_allowed_accounts_grants_nothing_to_its_programs() -> None:
    assert options(CLIENT, programs=["a.exe"])["permissions"] is None


def test_the_level_of_an_application_is_said_once() -> None:
    site = SiteShare(
        {
            "applications": [
                {"program": "C:\\opc\\A.exe", "authentication_level": "default", "ignore_missing": True},
                {"program": "b.exe", "authentication_level": "default", "ignore_missing": True},
                {"prog_id": "c.exe", "authentication_level": "default", "ignore_missing": True},
            ]
        }
    )
    own = [
        {"program": "a.exe", "authentication_level": "packet_privacy"},
        {"program": "b.exe", "use_default_access": True},
        {"prog_id": "", "authentication_level": "default"},
    ]
    found = options(CLIENT, site, applications=own, programs=["C.exe"])["applications"]
    assert found == [
        {"program": "C.exe", "authentication_level": "default"},
        *own,
        *site.sections["applications"][1:],
    ]


@pytest.mark.parametrize("role", [SERVER, CLIENT])
def test_sections_of_the_site_model(role: str) -> None:
    found = options(role, SiteShare(SECTIONS, ["OPCUser"]))
    assert found["opc_enum"] == SECTIONS["opc_enum"]
    assert found["firewall"] == SECTIONS["firewall"]
    assert found["applications"] == SECTIONS["applications"]
    assert found["grants"] == {"permissions": [], "expected_accounts": ["OPCUser"]}
    assert SECTIONS["grants"] == {"permissions": []}


@pytest.mark.parametrize("option", sorted(TAGS))
@pytest.mark.parametrize("role", [SERVER, CLIENT])
def test_each_tag_selects_and_skips_its_option(role: str, option: str) -> None:
    site, allowed = SiteShare(SECTIONS), ["OPC"]
    only = RunTags(frozenset({TAGS[option]}), frozenset())
    without = RunTags(frozenset({"all"}), frozenset({TAGS[option]}))
    assert given(options(role, site, only, allowed=allowed)) == {option}
    assert given(options(role, site, without, allowed=allowed)) == OPTIONS - {option}


@pytest.mark.parametrize(("run", "selects"), [("plant_a", True), ("plant_b", False), ("opc_firewall", True)])
def test_a_tag_given_to_the_whole_role_selects_all_of_it(run: str, selects: bool) -> None:
    tags = RunTags(frozenset({run}), frozenset({"dcom_logging"}), given=frozenset({"plant_a"}))
    assert tags.select(SERVER, "opc_firewall") is selects
    assert tags.select_accounts(SERVER) is (run == "plant_a")
    assert not tags.select(SERVER, "dcom_logging")


@pytest.mark.parametrize(
    ("run", "role", "selects"),
    [
        ("all", SERVER, True),
        ("tagged", CLIENT, True),
        ("opc_dcom", CLIENT, True),
        ("opc_server", SERVER, True),
        ("opc_server", CLIENT, False),
        ("opc_client", CLIENT, True),
        ("untagged", SERVER, False),
        ("opc_accounts", SERVER, False),
    ],
)
def test_tags_that_select_a_whole_role(run: str, role: str, selects: bool) -> None:
    found = options(role, SiteShare(SECTIONS), RunTags(frozenset({run}), frozenset()), allowed=["OPC"])
    assert given(found) == (OPTIONS if selects else set())


@pytest.mark.parametrize(
    ("run", "skipped", "selects"),
    [
        ("all", "", True),
        ("opc_accounts", "", True),
        ("opc_client", "", True),
        ("dcom_defaults", "", False),
        ("opc_server", "", False),
        ("all", "opc_accounts", False),
        ("opc_accounts", "opc_client", False),
        ("all", "opc_dcom", False),
        ("all", "opc_server", True),
    ],
)
def test_tags_that_select_accounts(run: str, skipped: str, selects: bool) -> None:
    tags = RunTags(frozenset({run}), frozenset({skipped} - {""}))
    assert tags.select_accounts(CLIENT) is selects


def test_what_is_asked_of_accounts() -> None:
    assert account_options(["a"], ACCOUNT_DEFAULTS) == {
        "names": ["a"],
        "groups": ["OPC Users", "S-1-5-32-562"],
        "deny_interactive_logon": False,
        "services": {},
        "update_password": "on_create",
    }
    other = {
        "opc_accounts_group": "",
        "opc_accounts_groups": ["Field"],
        "opc_accounts_deny_interactive_logon": True,
        "opc_accounts_services": {"ApisHive": "a"},
        "opc_accounts_update_password": "always",
    }
    assert account_options([], other) == {
        "names": [],
        "groups": ["Field"],
        "deny_interactive_logon": True,
        "services": {"ApisHive": "a"},
        "update_password": "always",
    }


def test_groups_that_are_no_list() -> None:
    with pytest.raises(ParameterError, match="opc_accounts_groups: 'Field' is not a list"):
        account_options(["a"], {**ACCOUNT_DEFAULTS, "opc_accounts_groups": "Field"})


@pytest.mark.parametrize("text", ["a, b", "a\nb\n", "a\r\nb", ["a", " b "], ("a", "b", ""), " a ,, b ,"])
def test_names_in_a_list_or_a_text(text: object) -> None:
    assert names_in(text, "opc_server_allowed") == ["a", "b"]


@pytest.mark.parametrize(
    ("role", "changes", "said"),
    [
        (SERVER, {"allowed": {"OPC": 1}}, "opc_server_allowed: {'OPC': 1} is not a list"),
        (SERVER, {"revoked": 7}, "opc_server_revoked: 7 is not a list"),
        (SERVER, {"prog_ids": None}, "opc_server_prog_ids: None is not a list"),
        (SERVER, {"permissions": "x"}, "opc_server_permissions: 'x' is not a list"),
        (SERVER, {"applications": [{}, "x"]}, "opc_server_applications[1]: 'x' is not a mapping"),
        (CLIENT, {"allowed": 1.5}, "opc_client_allowed: 1.5 is not a list"),
        (CLIENT, {"programs": True}, "opc_client_programs: True is not a list"),
        (CLIENT, {"permissions": ["y"]}, "opc_client_permissions[0]: 'y' is not a mapping"),
    ],
)
def test_mistakes_name_the_variable(role: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        options(role, **changes)
    assert said in str(caught.value)
