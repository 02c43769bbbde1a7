# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible.windows.setup: the handful of facts that plays for Windows hosts commonly read.

Source: setup.ps1 of ansible.windows 3.x (names and forms of the facts). Whatever gather_subset asks for, these come.
"""

from __future__ import annotations

from ..argument_spec import Option
from ..module import Contract, ModuleRun


def _run(run: ModuleRun) -> None:
    host, profile = run.host, run.host.profile
    major, minor = profile.version
    domain = host.domain.dns_name if host.domain else ""
    run.result["ansible_facts"] = {
        "ansible_architecture": "64-bit",
        "ansible_distribution": profile.caption.strip(),
        "ansible_distribution_major_version": str(major),
        "ansible_distribution_version": f"{major}.{minor}.{profile.build}.0",
        "ansible_domain": domain,
        "ansible_fqdn": host.dns_name,
        "ansible_hostname": host.computer_name,
        "ansible_kernel": f"{major}.{minor}.{profile.build}.0",
        "ansible_lastboot": host.boot.boot_time.strftime("%Y-%m-%d %H:%M:%SZ"),
        "ansible_nodename": host.dns_name,
        "ansible_os_family": "Windows",
        "ansible_os_name": profile.caption.strip(),
        "ansible_os_product_type": "server" if profile.is_server else "workstation",
        "ansible_powershell_version": int((profile.powershell or "0").partition(".")[0]),
        "ansible_system": "Win32NT",
        "ansible_user_id": run.caller.account_name.rpartition("\\")[2],
        "ansible_user_sid": run.caller.sid,
        "ansible_windows_domain": domain or "WORKGROUP",
        "ansible_windows_domain_member": host.domain is not None,
        "gather_subset": run.params["gather_subset"],
        "module_setup": True,
    }


SETUP = Contract(
    {
        "fact_path": Option(),
        "filter": Option("raw"),
        "gather_subset": Option("list", default=("all",)),
        "gather_timeout": Option("int", default=10),
    },
    _run,
)
