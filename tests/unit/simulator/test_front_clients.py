# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated site against clients that are not ours: pywinrm and pypsrp."""

from __future__ import annotations

import dataclasses
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
import xmltodict
from pypsrp.client import Client
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.exceptions import WinRMTransportError as PsrpTransportError
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import SelectorSet, WSMan
from small_windows import PASSWORD, USER, SmallWindows
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.exceptions import WSManFaultError as WinrmFault
from winrm.protocol import Protocol

from simulator.site import SimulatedSite

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/"
SCHEMES = ("http", "https")


@pytest.fixture
def windows() -> SmallWindows:
    return SmallWindows()


@pytest.fixture
def site(windows: SmallWindows, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedSite]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with SimulatedSite({"host": windows}, schemes=SCHEMES) as running:
        yield running
        running.check()


def winrm(site: SimulatedSite, scheme: str, transport: str, password: str = PASSWORD, user: str = USER) -> Protocol:
    return Protocol(
        f"{scheme}://127.0.0.1:{site['host'].ports[scheme]}/wsman",
        transport=transport,
        username=user,
        password=password,
        ca_trust_path=site.ca_path,
        proxy=None,
    )


def psrp(site: SimulatedSite, scheme: str, auth: str, encryption: str = "", **rest: Any) -> WSMan:
    is_tls = scheme == "https"
    return WSMan(
        "127.0.0.1",
        port=site["host"].ports[scheme],
        username=USER,
        password=PASSWORD,
        ssl=is_tls,
        auth=auth,
        encryption=encryption or ("never" if auth == "basic" and not is_tls else "auto"),
        cert_validation=site.ca_path if is_tls else True,
        no_proxy=True,
        **rest,
    )


def invoke(protocol: Protocol, class_name: str, method: str, arguments: dict[str, Any]) -> ET.Element:
    uri = WMI + class_name
    envelope = protocol.build_wsman_header(f"{uri}/{method}", uri)
    envelope["env:Body"] = {f"p:{method}_INPUT": {"@xmlns:p": uri, **arguments}}
    return ET.fromstring(protocol.send_message(xmltodict.unparse({"env:Envelope": envelope})))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_pywinrm_runs_commands(site: SimulatedSite, scheme: str, transport: str) -> None:
    protocol = winrm(site, scheme, transport)
    shell = protocol.open_shell(codepage=65001, env_vars={"A": "b"})
    results = []
    for command, arguments in (("type", ["Grüße", "日本"]), ("fail", ["-1073741510"]), ("set", []), ("nope", [])):
        command_id = protocol.run_command(shell, command, arguments)
        results.append(protocol.get_command_output(shell, command_id))
        protocol.cleanup_command(shell, command_id)
    protocol.close_shell(shell)
    assert results == [
        ("Grüße 日本\r\n".encode(), b"", 0),
        (b"", b"failed\r\n", -1073741510),
        (b"A=b\r\n", b"", 0),
        (b"", b"'nope' is not recognized\r\n", 1),
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_pywinrm_invokes_a_method(site: SimulatedSite, windows: SmallWindows, scheme: str, transport: str) -> None:
    answer = invoke(winrm(site, scheme, transport), "Sim_Static", "Echo", {"p:Bytes": ["1", "0"], "p:Text": "ä"})
    output = {node.tag.partition("}")[2]: node.text for node in answer.iter() if "Sim_Static" in node.tag}
    assert output["ReturnValue"] == "0"
    assert output["Text"] == "ä"
    assert windows.table("Sim_Static").calls[0][2]["Number"] == 2147483650


def test_pywinrm_sends_standard_input(site: SimulatedSite) -> None:
    protocol = winrm(site, "http", "basic")
    shell = protocol.open_shell(codepage=65001)
    command_id = protocol.run_command(shell, "cat", console_mode_stdin=False)
    protocol.send_command_input(shell, command_id, b"first ")
    protocol.send_command_input(shell, command_id, b"second", end=True)
    assert protocol.get_command_output(shell, command_id) == (b"first second", b"", 0)
    protocol.cleanup_command(shell, command_id)
    protocol.close_shell(shell)


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_a_wrong_password_is_refused(site: SimulatedSite, transport: str) -> None:
    with pytest.raises(InvalidCredentialsError):
        winrm(site, "http", transport, password="wrong").open_shell()


@pytest.mark.parametrize("user", ["Administrator", "HOST\\administrator", ".\\Administrator"])
def test_ntlm_knows_the_spellings_of_a_local_account(site: SimulatedSite, user: str) -> None:
    protocol = winrm(site, "http", "ntlm", user=user)
    protocol.close_shell(protocol.open_shell())
    assert site["host"].statistics.shells_opened == 1


def test_basic_over_http_needs_allow_unencrypted(site: SimulatedSite, windows: SmallWindows) -> None:
    windows.allow_unencrypted = False
    with pytest.raises(WinRMTransportError) as error:
        winrm(site, "http", "basic").open_shell()
    assert error.value.code == 500
    protocol = winrm(site, "http", "ntlm")
    protocol.close_shell(protocol.open_shell())


def test_an_untrusted_authority_is_noticed(site: SimulatedSite) -> None:
    protocol = winrm(site, "https", "basic")
    protocol.transport.ca_trust_path = "legacy_requests"
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        protocol.open_shell()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("auth", ["basic", "ntlm", "negotiate"])
def test_pypsrp_gets_an_instance_and_runs_a_command(site: SimulatedSite, scheme: str, auth: str) -> None:
    with psrp(site, scheme, auth) as wsman:
        selectors = SelectorSet()
        selectors.add_option("name", "svc1")
        body = wsman.get(WMI + "Win32_Service", selector_set=selectors)
        assert body.findtext(f".//{{{WMI}Win32_Service}}State") == "Running"
        with WinRS(wsman, codepage=65001, environment={"X": "1"}) as shell:
            process = Process(shell, "type", ["ü"])
            process.invoke()
            process.signal(SignalCode.TERMINATE)
            assert (process.stdout, process.rc) == ("ü\r\n".encode(), 0)


@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
def test_channel_bindings_may_be_absent_but_not_wrong(site: SimulatedSite, auth: str) -> None:
    with psrp(site, "https", auth, negotiate_send_cbt=False) as wsman:
        wsman.get(WMI + "Win32_OperatingSystem")
    for listener in site["host"].listeners:
        if listener.service.certificate_hash is not None:
            listener.service = dataclasses.replace(listener.service, certificate_hash=b"another certificate.".ljust(32))
    with psrp(site, "https", auth, negotiate_send_cbt=False) as wsman:
        wsman.get(WMI + "Win32_OperatingSystem")
    with psrp(site, "https", auth) as wsman, pytest.raises(AuthenticationError):
        wsman.get(WMI + "Win32_OperatingSystem")


def test_an_authenticated_but_unsealed_message_is_refused_too(site: SimulatedSite, windows: SmallWindows) -> None:
    windows.allow_unencrypted = False
    with psrp(site, "http", "ntlm", encryption="never") as wsman, pytest.raises(PsrpTransportError) as error:
        wsman.get(WMI + "Win32_OperatingSystem")
    assert error.value.code == 500


def test_pypsrp_client_execute_cmd(site: SimulatedSite) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = Client(
            "127.0.0.1", port=site["host"].ports["http"], username=USER, password=PASSWORD, ssl=False, auth="ntlm",
            no_proxy=True,
        )  # fmt: skip
    with client:
        assert client.execute_cmd("fail 3") == ("", "failed\r\n", 3)


def test_faults_reach_both_clients(site: SimulatedSite) -> None:
    site.expect_violation("no class Win32_Nope")
    with psrp(site, "http", "basic") as wsman, pytest.raises(WSManFaultError) as psrp_error:
        wsman.get(WMI + "Win32_Nope")
    with pytest.raises(WinrmFault) as winrm_error:
        invoke(winrm(site, "http", "basic"), "Win32_Nope", "Any", {})
    assert psrp_error.value.code == 2150858752
    assert winrm_error.value.wsman_fault_code == 2150858752
    assert winrm_error.value.fault_subcode == "a:DestinationUnreachable"


def test_ntlm_is_refused_where_only_basic_is_offered(windows: SmallWindows) -> None:
    with SimulatedSite({"host": windows}, schemes=SCHEMES, auth=["basic"]) as site:
        with psrp(site, "http", "ntlm") as wsman, pytest.raises(AuthenticationError):
            wsman.get(WMI + "Win32_Service")
        site.check()


def test_statistics_count_what_a_client_did(site: SimulatedSite) -> None:
    invoke(winrm(site, "http", "ntlm"), "Sim_Static", "Fail", {})
    statistics = site["host"].statistics
    assert statistics.operations == {"Sim_Static.Fail": 1}
    assert (statistics.posts, statistics.messages, statistics.authentication_round_trips) == (4, 1, 2)
    assert (statistics.connections, statistics.shells_opened) == (1, 0)
