# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible variables for the hosts of a running site, and an inventory file made of them.

Source: the option names of ansible-core's winrm and psrp connection plugins, which are the same in 2.16, 2.19 and 2.21.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from .cim import SimulatedWindows

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Reach:
    """How to reach a host: connection winrm or psrp, auth basic, ntlm or (psrp) negotiate.

    `scheme` None is the first the site serves, `account` None the first the host knows.
    """

    connection: str = "winrm"
    auth: str = "basic"
    scheme: str | None = None
    account: str | None = None


def connection_vars(
    host: SimulatedWindows, ports: Mapping[str, int], reach: Reach, ca_path: str | None
) -> dict[str, object]:
    """Variables to reach a host. Raises ValueError for anything the site does not offer."""
    scheme = reach.scheme or next(iter(ports))
    if scheme not in ports:
        raise ValueError(f"the site serves {', '.join(ports)}, not {scheme}")
    passwords = dict(host.logon_names())
    account = reach.account or next(iter(passwords), None)
    if account is None:
        raise ValueError(f"{host.computer_name} has no account with a password")
    if account not in passwords:
        raise ValueError(f"{host.computer_name} has no account {account}")
    common: dict[str, object] = {
        "ansible_connection": reach.connection,
        "ansible_host": LOOPBACK,
        "ansible_port": ports[scheme],
        "ansible_user": account,
        "ansible_password": passwords[account],
    }
    if reach.connection == "winrm":
        return common | _winrm_vars(scheme, reach.auth, ca_path)
    if reach.connection == "psrp":
        return common | _psrp_vars(scheme, reach.auth, ca_path)
    raise ValueError(f"connection is winrm or psrp, not {reach.connection}")


def _winrm_vars(scheme: str, auth: str, ca_path: str | None) -> dict[str, object]:
    if auth not in ("basic", "ntlm"):
        raise ValueError(f"winrm authenticates with basic or ntlm here, not {auth}")
    variables: dict[str, object] = {"ansible_winrm_scheme": scheme, "ansible_winrm_transport": auth}
    if scheme == "https":
        variables["ansible_winrm_ca_trust_path"] = ca_path
        variables["ansible_winrm_server_cert_validation"] = "validate"
    elif auth == "basic":
        variables["ansible_winrm_message_encryption"] = "never"
    return variables


def _psrp_vars(scheme: str, auth: str, ca_path: str | None) -> dict[str, object]:
    if auth not in ("basic", "ntlm", "negotiate"):
        raise ValueError(f"psrp authenticates with basic, ntlm or negotiate here, not {auth}")
    variables: dict[str, object] = {
        "ansible_psrp_protocol": scheme,
        "ansible_psrp_auth": auth,
        "ansible_psrp_ignore_proxy": True,
    }
    if scheme == "https":
        variables["ansible_psrp_ca_cert"] = ca_path
    elif auth == "basic":
        variables["ansible_psrp_message_encryption"] = "never"
    return variables


def format_inventory(hosts: Mapping[str, Mapping[str, object]], groups: Mapping[str, list[str]]) -> str:
    """A YAML inventory (written as JSON, which is YAML) of hosts with their variables, and of groups of their names."""
    children: dict[str, object] = {
        name: {"hosts": {member: {} for member in members}} for name, members in groups.items()
    }
    return json.dumps({"all": {"hosts": hosts, "children": children}}, indent=2) + "\n"
