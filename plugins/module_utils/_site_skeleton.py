# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""A site model to begin with, written from what the hosts of a site have. Pure; the text is YAML with comments.

Facts go in as they are; links are a decision and stay comments. Every text comes from a host and may be hostile: it is
written as a quoted scalar, and one that Ansible would evaluate as a template is left out, never escaped. What is left
out is said in a comment. Source of the form: the site model's parser, which reads each part before it is written.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._known_programs import SERVER, known_program
from ._site_model import SiteModelError, folded_account, is_built_in
from ._site_parser import parse_site

MAX_SUGGESTIONS = 40
_MAX_NAME = 60
_MAX_COMMENT = 200
_TEMPLATE = re.compile(r"\{[{%#]")
_PLAIN = re.compile(r"[^ -~\u00a1-\u167f\u1681-\u1fff\u2030-\u2bff\u3041-\ud7ff]")
_UNQUOTED = re.compile(r'["\\]|[^ -~]')
_UNFIT = "its names are none that a site model can hold, or Ansible would take them for a template"
_USELESS_KINDS = {
    "in_process": "it runs in the process of its client and is no end of a link over the network",
    "remote": "its AppID sends clients to another computer",
    "unknown": "its registration is broken",
}


@dataclass(slots=True)
class _Program:
    """One application of the site. `hosts` maps each host to the account it runs as there, None if not known."""

    name: str
    fields: dict[str, str]
    is_server: bool
    is_client: bool
    hosts: dict[str, str | None] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def site_skeleton(machines: Mapping[str, Mapping[str, Any]], addresses: Mapping[str, str] | None = None) -> str:
    """The text of a file with the variable opc_site.

    `machines` maps inventory names to `dcom` of dcom_info with discover; `addresses` is how Ansible reaches them.
    A host without the section opc is named in a comment.
    """
    writer = _Writer(dict(addresses or {}))
    for host in sorted(machines):
        writer.add(host, machines[host].get("opc"))
    return "\n".join(writer.lines()) + "\n"


class _Writer:
    """Collects what the hosts tell, then writes it."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self._addresses = addresses
        self._programs: dict[str, _Program] = {}
        self._computers: dict[str, Mapping[str, Any]] = {}
        self._hosts: dict[str, dict[str, str]] = {}
        self._left_out: list[str] = []

    # -- collecting

    def add(self, host: str, opc: object) -> None:
        if not isinstance(opc, Mapping):
            self._left_out.append(f"{host}: its OPC software was not looked for")
            return
        if _is_template(host):
            self._left_out.append(f"{host}: Ansible would take its name for a template")
            return
        computer = opc.get("computer")
        known = computer if isinstance(computer, Mapping) else {}
        self._computers[host] = {**known, "address": self._addresses.get(host, "")}
        for note in opc.get("notes") or ():
            self._left_out.append(f"{host}: {note}")
        served = [self._add_server(host, item) for item in _mappings(opc.get("servers"))]
        for item in _mappings(opc.get("programs")):
            if str(item.get("program") or "").lower() not in served:
                self._add_program(host, item)

    def _add_server(self, host: str, item: Mapping[str, Any]) -> str:
        """Add one server; return its program in lower case."""
        title = _text(item, "prog_id") or _text(item, "clsid")
        program = _text(item, "program")
        reason = _USELESS_KINDS.get(str(item.get("kind")))
        if reason is None and not item.get("app_id"):
            reason = "it has no AppID; give it one (dcom_application with program) to name it in a link"
        fields = _accepted(item, ("prog_id", "program", "service"))
        if "prog_id" not in fields:
            fields = {**_accepted(item, ("clsid",)), **fields}
        if reason is None and (not fields or any(_is_template(text) for text in fields.values())):
            reason = _UNFIT
        if reason is not None:
            self._left_out.append(f"{title} on {host}: {reason}")
            return program.lower()
        entry = self._entry(_text(item, "app_id").upper(), fields)
        entry.is_server = True
        self._join(entry, host, item, fields, title)
        return program.lower()

    def _add_program(self, host: str, item: Mapping[str, Any]) -> None:
        fields = _accepted(item, ("program", "service"))
        if not fields or any(_is_template(text) for text in fields.values()):
            self._left_out.append(f"a program on {host}: {_UNFIT}")
            return
        entry = self._entry(fields.get("program", "").lower(), fields)
        entry.is_client = entry.is_client or item.get("role") != SERVER
        self._join(entry, host, item, fields, fields.get("program", ""))

    def _entry(self, key: str, fields: Mapping[str, str]) -> _Program:
        if key not in self._programs:
            name = self._free_name(_short_name(fields))
            self._programs[key] = _Program(name, dict(fields), is_server=False, is_client=False)
        return self._programs[key]

    def _join(self, entry: _Program, host: str, item: Mapping[str, Any], fields: Mapping[str, str], title: str) -> None:
        """Note that a host has the application; what differs between hosts is no property of it."""
        if entry.hosts and host not in entry.hosts:
            for key in ("program", "service"):
                if entry.fields.get(key, "").lower() != fields.get(key, "").lower():
                    entry.fields.pop(key, None)
        known = _known_role(item)
        entry.is_client = entry.is_client or known
        entry.hosts.setdefault(host, _account(item, self._computers.get(host, {})))
        version = f", version {_text(item, 'version')}" if _text(item, "version") else ""
        entry.remarks.append(f"{title} on {host}: {_identity(item)}{version}")

    def _free_name(self, name: str) -> str:
        taken = {item.name for item in self._programs.values()}
        number = next(number for number in range(1, len(taken) + 2) if _numbered(name, number) not in taken)
        return _numbered(name, number)

    # -- writing

    def lines(self) -> Iterator[str]:
        yield "---"
        yield f"# A site model to begin with, from what {len(self._computers)} hosts said of themselves."
        yield "# Nothing here is in force. Check it, add the links, and paste it into group_vars/all.yml."
        domain = self._common_domain()
        self._describe_hosts(domain)
        yield "opc_site:"
        if domain:
            yield f"  domain: {_quoted(domain)}"
        yield from self._application_lines()
        yield from self._account_lines()
        yield from self._host_lines()
        yield "  links: []"
        yield from self._suggestions()
        for text in self._left_out:
            yield _comment(f"Left out: {text}", 2)

    def _application_lines(self) -> Iterator[str]:
        yield "  applications:" if self._programs else "  applications: {}"
        for entry in self._programs.values():
            yield f"    {_quoted(entry.name)}:"
            yield from (_comment(text, 6) for text in entry.remarks)
            yield from (f"      {key}: {_quoted(text)}" for key, text in entry.fields.items())

    def _account_lines(self) -> Iterator[str]:
        names = {folded_account(name): name for name in self._accounts() if _is_local(name)}
        yield "  accounts:" if names else "  accounts: {}"
        for name in names.values():
            yield _comment("Say its password, in a vault, where it is to be created on both ends.", 4)
            yield f"    {_quoted(name)}: {{}}"

    def _accounts(self) -> Iterable[str]:
        return (name for entry in self._programs.values() for name in entry.hosts.values() if name)

    def _host_lines(self) -> Iterator[str]:
        yield "  hosts:" if self._hosts else "  hosts: {}"
        for host, fields in self._hosts.items():
            yield f"    {_quoted(host)}:{'' if fields else ' {}'}"
            yield from (f"      {key}: {_quoted(text) if text else 'null'}" for key, text in fields.items())
            if "address" not in fields:
                yield _comment("address: the one its peers see, if it is not the one of the inventory", 6)

    def _describe_hosts(self, domain: str) -> None:
        """Fill `_hosts` with what the site model accepts; two names of one computer are one host too many."""
        addresses: set[str] = set()
        computers: dict[str, str] = {}
        for host, computer in self._computers.items():
            fields = dict(_host_fields(host, computer, domain))
            if fields.get("address") in addresses:
                del fields["address"]
            identity = f"{_domain_of(computer)}\\{_text(computer, 'name')}".lower()
            same = computers.setdefault(identity, host) if _text(computer, "name") else host
            if same != host:
                self._left_out.append(f"host {host}: it is the same computer as {same}")
            elif not _is_accepted({"hosts": {host: {key: text or None for key, text in fields.items()}}}):
                self._left_out.append(f"host {host}: its names are none that a site model can hold")
            else:
                self._hosts[host] = fields
                addresses.add(fields.get("address", ""))

    def _common_domain(self) -> str:
        """The domain of all hosts that are in one; "" where there are several or none."""
        found = {domain for computer in self._computers.values() if (domain := _domain_of(computer))}
        return found.pop() if len(found) == 1 else ""

    def _suggestions(self) -> Iterator[str]:
        """Links that could be: each server with each client on another host, else with a client to be named."""
        yield _comment(
            "Links that could be; which of them are, is for you to say. Take away the # of those, and the [].", 2
        )
        if any(is_built_in(name) for name in self._accounts()) and not self._common_domain():
            yield _comment(
                "LocalSystem and its like are nobody on other hosts of a workgroup: run those as an account.", 2
            )
        servers = [item for item in self._programs.values() if item.is_server]
        clients = [item for item in self._programs.values() if item.is_client]
        pairs = [
            (server, server_host, client, client_host)
            for server in servers
            for server_host in server.hosts
            for client in clients
            for client_host in client.hosts
            if client_host != server_host and {client_host, server_host} <= self._hosts.keys()
        ]
        for server, server_host, client, client_host in pairs[:MAX_SUGGESTIONS]:
            yield from _link_lines(_end(server, server_host), _end(client, client_host))
        if len(pairs) > MAX_SUGGESTIONS:
            yield _comment(f"and {len(pairs) - MAX_SUGGESTIONS} more", 2)
        if not pairs:
            unknown = '{host: "CLIENT_HOST", application: "CLIENT_PROGRAM", account: "CLIENT_ACCOUNT"}'
            for server in servers:
                for host in server.hosts.keys() & self._hosts.keys():
                    yield from _link_lines(_end(server, host), unknown)


def _link_lines(server: str, client: str) -> Iterator[str]:
    yield f"  #  - server: {server}"
    yield f"  #    client: {client}"
    yield "  #    read_mode: subscribe"


def _end(program: _Program, host: str) -> str:
    account = program.hosts[host] or "ACCOUNT_IT_RUNS_AS"
    return f"{{host: {_quoted(host)}, application: {_quoted(program.name)}, account: {_quoted(account)}}}"


def _accepted(item: Mapping[str, Any], keys: Iterable[str]) -> dict[str, str]:
    """Those of these texts that the site model accepts for an application."""
    texts = {key: _text(item, key) for key in keys}
    return {key: text for key, text in texts.items() if text and _is_accepted({"applications": {"x": {key: text}}})}


def _is_accepted(model: Mapping[str, object]) -> bool:
    try:
        parse_site(model, [])
    except SiteModelError:
        return False
    return True


def _short_name(fields: Mapping[str, str]) -> str:
    """A name for people: of the service, the ProgID without its version, or the program."""
    program = fields.get("program", "").rpartition("\\")[2].rpartition(".")[0]
    prog_id = re.sub(r"\.[0-9.]+$", "", fields.get("prog_id", ""))
    text = fields.get("service") or prog_id or program or "application"
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_MAX_NAME] or "application"


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def _known_role(item: Mapping[str, Any]) -> bool:
    """Whether a program is known to be a client too."""
    known = known_program(_text(item, "program"))
    return known is not None and known.role != SERVER


def _account(item: Mapping[str, Any], computer: Mapping[str, Any]) -> str | None:
    """The account as a link names it; None where it depends on who is logged on, or is nothing a model can hold."""
    run_as = _text(item, "run_as")
    if not run_as or item.get("run_as_kind") in ("interactive_user", "launching_user") or _is_template(run_as):
        return None
    domain, _backslash, name = run_as.rpartition("\\")
    is_local = domain == "." or (domain and domain.lower() == _text(computer, "name").lower())
    account = name if is_local else run_as
    is_usable = not _is_local(account) or (account and _is_accepted({"accounts": {account: {}}}))
    return account if is_usable else None


def _is_local(account: str) -> bool:
    return not is_built_in(account) and "\\" not in account and "@" not in account


def _identity(item: Mapping[str, Any]) -> str:
    kind = str(item.get("run_as_kind") or "")
    if kind in ("interactive_user", "launching_user"):
        return f"runs as the {kind.replace('_', ' ')}, so no one account can be granted anything"
    run_as = _text(item, "run_as")
    return f"runs as {run_as}" if run_as else "who it runs as is not known"


def _domain_of(computer: Mapping[str, Any]) -> str:
    domain = _text(computer, "domain")
    is_usable = bool(computer.get("is_domain_member")) and not _is_template(domain)
    return domain if is_usable and domain and _is_accepted({"domain": domain}) else ""


def _host_fields(host: str, computer: Mapping[str, Any], domain: str) -> Iterator[tuple[str, str]]:
    """What the inventory does not say of a host; a domain of "" is a workgroup."""
    address = _address(_text(computer, "address"))
    if address:
        yield "address", address
    name = _text(computer, "name")
    if name and name.upper() != host.split(".")[0].upper()[:15]:
        yield "computer_name", name
    own = _domain_of(computer)
    if own != domain:
        yield "domain", own


def _address(text: str) -> str:
    """An address that peers can have; what Ansible connects to may also be a name, or a tunnel on this controller."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return ""
    is_usable = not (address.is_loopback or address.is_unspecified or address.is_multicast)
    return str(address) if is_usable else ""


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return str(value).strip() if isinstance(value, str) else ""


def _mappings(items: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, (list, tuple)) else []


def _is_template(text: str) -> bool:
    return _TEMPLATE.search(text) is not None


def _quoted(text: str) -> str:
    """A YAML scalar in double quotes, in ASCII."""
    return f'"{_UNQUOTED.sub(_escaped, text)}"'


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character in '"\\':
        return f"\\{character}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _comment(text: str, indent: int) -> str:
    """A comment of one line that a terminal and an editor show as it is."""
    plain = _PLAIN.sub("?", text)
    cut = plain if len(plain) <= _MAX_COMMENT else plain[: _MAX_COMMENT - 3] + "..."
    return f"{' ' * indent}# {cut}"
