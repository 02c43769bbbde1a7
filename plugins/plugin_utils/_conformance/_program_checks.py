# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Claims about programs in the remote cmd shell: cmd.exe, reg.exe, netsh.exe, wevtutil.exe; and firewall rules."""

from __future__ import annotations

import time

from ...module_utils._conformance import Observation, held, observed, unclear
from ...module_utils._errors import RuleSyntaxError
from ...module_utils._event_xml import parse_events
from ...module_utils._firewall_grammar import format_rule_text, parse_rule_text
from ...module_utils._firewall_rule import parse_rule
from ...module_utils._opc_search import parse_hits, search_lines
from .._host._firewall import LOCAL_RULES
from .._host._host import Host
from .._host._registry import RegistryGateway
from .._host._registry_search import search_registry
from .._wsman._client import decode_output

_TEXT = "Ä ß é Ω 日本"
_SEARCHED = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Rpc\\ClientProtocols"
_SEARCH = 'reg.exe query "HKLM\\SOFTWARE\\Microsoft\\Rpc" /s /k /e'
_LARGE_CODE = 0xC0000005  # what Windows gives a program that crashed
_ABSENT = "otsec-no-such-name"
_NO_SUCH_LOG = 15007  # ERROR_EVT_CHANNEL_NOT_FOUND, winerror.h


def code_page(host: Host) -> Observation:
    result = host.client.run_command(f"echo {_TEXT}")
    try:
        printed = result.stdout.decode("utf-8").strip()
    except UnicodeDecodeError:
        return held(False, f"not UTF-8: {result.stdout[:40].hex(' ')}")
    return held(printed == _TEXT, f"sent {_TEXT!r}, got {printed!r}")


def exit_code(host: Host) -> Observation:
    small = host.client.run_command("exit 5").exit_code
    large = host.client.run_command(f"exit {_LARGE_CODE - (1 << 32)}").exit_code
    return held((small, large) == (5, _LARGE_CODE), f"5 came as {small}, 0x{_LARGE_CODE:08X} as 0x{large:08X}")


def and_operator(host: Host) -> Observation:
    key = f'"HKLM\\SOFTWARE\\{_ABSENT}"'
    after_failure = decode_output(host.client.run_command(f"reg.exe query {key} && echo went-on").stdout)
    after_success = decode_output(host.client.run_command("ver && echo went-on").stdout)
    went_on = ("went-on" in after_failure, "went-on" in after_success)
    return held(went_on == (False, True), f"went on after failure: {went_on[0]}, after success: {went_on[1]}")


def missing_registry_key(host: Host) -> Observation:
    code = host.client.run_command(f'reg.exe query "HKLM\\SOFTWARE\\{_ABSENT}"').exit_code
    return held(code == 1, f"exit code {code}")


def missing_registry_keys(host: Host) -> Observation:
    """In whatever language: a run tells missing keys from refused ones by it, beside a key that is printed."""
    keys = ("Microsoft\\Rpc", _ABSENT, f"{_ABSENT}-2")
    result = host.client.run_command(" & ".join(f'reg.exe query "HKLM\\SOFTWARE\\{key}"' for key in keys))
    if b"HKEY_" not in result.stdout:
        return unclear("a key that is there is not printed")
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    return held(len(lines) == 2 and len(set(lines)) == 1, f"{len(lines)} lines, {len(set(lines))} of them different")


def registry_search(host: Host) -> Observation:
    """A key that every Windows has, and a name that none has."""
    found = decode_output(host.client.run_command(f"{_SEARCH} /f ClientProtocols").stdout)
    absent = decode_output(host.client.run_command(f"{_SEARCH} /f {_ABSENT}").stdout)
    paths = [line.rstrip() for line in found.splitlines() if line.startswith("HKEY_")]
    ends = (parse_hits(found).finished, parse_hits(absent).finished)
    is_so = paths == [_SEARCHED] and ends == (1, 1) and "HKEY_" not in absent
    return held(is_so, f"{len(paths)} paths; lines at the end: {ends[0]} with a match, {ends[1]} without")


def registry_search_time(host: Host) -> Observation:
    started = time.monotonic()
    output = search_registry(host.client, host.registry, search_lines())
    if output.trouble:
        return unclear("the search did not come to its end, or the host runs no commands")
    finished = parse_hits(output.text).finished
    return observed(f"{finished} of {len(search_lines())} in {time.monotonic() - started:.1f} s")


def netsh_exit_codes(host: Host) -> Observation:
    show = "netsh.exe advfirewall firewall show rule"
    absent = host.client.run_command(f'{show} name="{_ABSENT}"').exit_code
    present = host.client.run_command("netsh.exe advfirewall show allprofiles state").exit_code
    return held(
        (absent, present) == (1, 0), f"without such a rule {absent}, where there is something to show {present}"
    )


def event_xml(host: Host) -> Observation:
    line = "wevtutil.exe qe System /c:2 /rd:true /f:xml /e:Events"
    result = host.client.run_command(line)
    text = decode_output(result.stdout)
    if result.exit_code != 0:
        return unclear(f"exit code {result.exit_code}")
    parsed = parse_events(text, 2)
    has_root = "<Events>" in text.replace(" ", "")
    return held(has_root and not parsed.unreadable, f"{len(parsed.records)} records, {parsed.unreadable} unreadable")


def missing_log(host: Host) -> Observation:
    code = host.client.run_command(f"wevtutil.exe qe {_ABSENT} /c:1 /f:xml").exit_code
    return held(code == _NO_SUCH_LOG, f"exit code {code}")


def firewall_rules(host: Host) -> Observation:
    """Names of rules stay out of the evidence; positions do not tell anything about a site."""
    gateway = RegistryGateway(host.client)
    gateway.prefetch([LOCAL_RULES])
    texts = [value.data for value in (gateway.values(LOCAL_RULES) or {}).values() if isinstance(value.data, str)]
    if not texts:
        return unclear("the local rule store is empty or elsewhere")
    odd = [index for index, text in enumerate(texts) if not _comes_back(text)]
    return held(not odd, f"{len(texts)} rules, {len(odd)} of them not" + (f" (numbers {odd[:10]})" if odd else ""))


def _comes_back(text: str) -> bool:
    try:
        parse_rule(text)
        return format_rule_text(parse_rule_text(text)) == text
    except RuleSyntaxError:
        return False
