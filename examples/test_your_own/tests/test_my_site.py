# SPDX-License-Identifier: GPL-3.0-or-later
"""The site files of this directory do what we want, tried on simulated Windows hosts."""

import pytest

MINE = ("-i", "inventory/site.ini", "-e", "@simulated/secrets.yml")
OLE = r"HKLM\SOFTWARE\Microsoft\Ole"


def test_our_links_work_after_hardening_and_a_second_run_changes_nothing(opc_site):
    assert not any(link.ok for link in opc_site.links())

    opc_site.playbook("otsec.opc_dcom.harden_opc", *MINE)

    for link in opc_site.links():
        assert link.ok, link.evidence
    writes = {name: opc_site[name].writes for name in opc_site}
    opc_site.playbook("otsec.opc_dcom.harden_opc", *MINE)
    assert {name: opc_site[name].writes for name in opc_site} == writes


@pytest.mark.windows_host(profile="2012r2", groups=["opc_servers"])
def test_an_old_server_logs_what_it_refuses(windows_host):
    windows_host.site.playbook("playbooks/log_refusals.yml")

    assert windows_host.registry_value(OLE, "ActivationFailureLoggingLevel").number == 1
    assert windows_host.in_force["activation_failure_logging"] == 1


@pytest.mark.windows_host(ui_language="de-DE", groups=["opc_servers"])
def test_check_mode_writes_nothing_on_a_german_server(windows_host):
    shown = windows_host.site.playbook("playbooks/log_refusals.yml", "--check", "--diff")

    assert "changed=1" in shown.stdout
    assert windows_host.writes == []
