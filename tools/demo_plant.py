# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated plant of the demo: the hosts of examples/site.ini as one finds them, and the links of its site model.

Each of the four links fails for a reason of its own: an account its server does not know, a client without updates, a
closed firewall, and a closed way back.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from simulator.com_state import LEVEL_PKT_INTEGRITY, OLE
from simulator.host import SimulatedHost
from simulator.opc import administration as admin
from simulator.opc.layers import Link, Mode
from simulator.opc.network import Network
from simulator.opc.plants import APIS_RULE, MAPPER_RULE, mapper_fields, program_fields
from simulator.profiles import SERVER_2008_R2, SERVER_2019, SERVER_2022, WINDOWS_10, Profile
from simulator.software import APIS_PROGRAM, opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.clock import VirtualClock

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SECRETS = {
    "vault_opc_server_user": "Demo-Server-1",
    "vault_opc_history_user": "Demo-History-1",
    "vault_opc_trend_user": "Demo-Trend-1",
}
# A Windows 10 LTSC of May 2021, before the first update of KB5004442.
_OLD_WINDOWS_10 = replace(
    WINDOWS_10,
    product_name="Windows 10 Enterprise LTSC 2019",
    caption="Microsoft Windows 10 Enterprise LTSC",
    build=17763,
    revision=1879,
    release_id="1809",
    display_version=None,
    firewall_schema=(2, 29),
)
PROFILES: Mapping[str, Profile] = {
    "gw01": SERVER_2019,
    "gw02": SERVER_2008_R2.with_revision(24545),  # it gets no updates any more
    "hist01": SERVER_2022,
    "eng01": _OLD_WINDOWS_10,
}
GROUPS = {"opc_servers": ["gw01", "gw02"], "opc_clients": ["hist01", "eng01", "gw02"]}
_VARIABLE = re.compile(r"\{\{ (\w+) \}\}")


class DemoPlant:
    """Hosts, network and links, before anything is hardened."""

    def __init__(self) -> None:
        text = (EXAMPLES / "group_vars" / "all" / "opc_site.yml").read_text(encoding="utf-8")
        self.model: dict[str, Any] = yaml.safe_load(text)["opc_site"]
        self.hosts = {name: _make_host(name, profile) for name, profile in PROFILES.items()}
        for link in self.model["links"]:
            for side in ("server", "client"):
                self._run_as(**link[side])
        self._look_back_on_years_of_work()
        addresses = {name: item["address"] for name, item in self.model["hosts"].items()}
        self.network = Network(self.hosts, addresses)
        for host in self.hosts.values():
            admin.reboot(host)
            host.journal.records.clear()

    @property
    def links(self) -> dict[str, Link]:
        """What the clients try, by the names of the links."""
        return {link["name"]: self._link(link) for link in self.model["links"]}

    def _link(self, link: Mapping[str, Any]) -> Link:
        client, server = link["client"], link["server"]
        applications = self.model["applications"]
        program = applications[client["application"]]
        return Link(
            client["host"],
            server["host"],
            applications[server["application"]]["prog_id"],
            program["program"],
            None if "service" in program else rf".\{client['account']}",
            self.model["hosts"][server["host"]]["address"],
            Mode(link["read_mode"]),
            link.get("browse", False),
        )

    def _secret(self, account: str) -> str:
        (variable,) = _VARIABLE.findall(self.model["accounts"][account]["password"])
        return SECRETS[variable]

    def _have_account(self, host: str, account: str) -> None:
        if self.hosts[host].accounts.local.find_user(account) is None:
            admin.create_account(self.hosts[host], account, self._secret(account))

    def _run_as(self, host: str, application: str, account: str) -> None:
        """Every host has the account its own program runs as."""
        self._have_account(host, account)
        service = self.model["applications"][application].get("service")
        if service:
            admin.run_service_as(self.hosts[host], service, account, self._secret(account))

    def _look_back_on_years_of_work(self) -> None:
        """gw01 was opened to everybody by hand, gw02 got its accounts by hand: its PowerShell is too old for more."""
        server, old = self.hosts["gw01"], self.hosts["gw02"]
        admin.add_rule(server, MAPPER_RULE, mapper_fields(None))
        admin.add_rule(server, APIS_RULE, program_fields(APIS_PROGRAM, None))
        self._have_account("gw01", "OPCTrendUser")
        for account in ("OPCTrendUser", "OPCServerUser"):
            for door in (admin.ACCESS_LIMIT, admin.DEFAULT_ACCESS):
                admin.grant(server, door, account, admin.REMOTE_ACCESS)
            for door in (admin.LAUNCH_LIMIT, admin.DEFAULT_LAUNCH):
                admin.grant(server, door, account, admin.REMOTE_LAUNCH_AND_ACTIVATION)
        self._have_account("gw02", "OPCHistoryUser")
        for account in ("OPCHistoryUser", "OPCServerUser"):
            old.accounts.update_user(None, account, password_never_expires=True, cannot_change_password=True)
        admin.put_number(old, OLE, "LegacyAuthenticationLevel", LEVEL_PKT_INTEGRITY)


def _make_host(name: str, profile: Profile) -> SimulatedHost:
    software = [opc_core_components(), opc_client() if name == "eng01" else prediktor_apis()]
    host = SimulatedHost(name, profile, clock=VirtualClock(ticker=time.monotonic), software=software)
    host.accounts.set_password(None, "Administrator", "Simulated-Passw0rd")
    return host
