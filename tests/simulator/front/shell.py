# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cmd shell of one host: Create, Command, Send, Receive, Signal, Delete.

A command whose standard input is a console (WINRS_CONSOLEMODE_STDIN not FALSE) runs when it arrives; one that reads
from Send runs when its input ends or is first asked for output. The output comes in pieces of odd length, the first of
them in an answer that still says Running. A command holds one of the user's operations until its shell is deleted, as
on Windows, and one of the shell's processes until it is signalled.

Source: MS-WSMV 3.1.4.11 to 3.1.4.14 and product notes 117, 118; wsman_cim.md 6.1. The fault numbers for an unknown
command id and for late input are unverified.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field

from ..cim import Caller, ProgramResult, SimulatedWindows
from .code_pages import codec_of, console_code_page
from .envelope import Request, new_guid, parse_duration
from .fault_table import (
    ACCESS_DENIED,
    INVALID_OPTIONS,
    INVALID_PARAMETER,
    INVALID_SELECTORS,
    INVALID_SOAP_BODY,
    MAX_COMMANDS_PER_SHELL,
    MAX_SHELLS,
    OPERATION_TIMED_OUT,
    UNEXPECTED_SELECTORS,
)
from .limits import Limits
from .soap_fault import QUOTA_STATUS, SoapFault
from .statistics import Statistics
from .xml import RSP, element, escape, local_name, text_element

SHELL_ACTION = RSP
SHELL_CMD_URI = RSP + "/cmd"
_STATE = RSP + "/CommandState/"
_SIGNALS = {RSP + "/signal/terminate", RSP + "/signal/ctrl_c", RSP + "/signal/ctrl_break"}
_SHELL_OPTIONS = {"WINRS_NOPROFILE", "WINRS_CODEPAGE"}
_COMMAND_OPTIONS = {"WINRS_CONSOLEMODE_STDIN", "WINRS_SKIP_CMD_SHELL"}
_RECEIVE_OPTIONS = {"WSMAN_CMDSHELL_OPTION_KEEPALIVE"}
MAX_COMMAND_LINE = 8191
_RECEIVE_BYTES = 262143  # raw bytes in one answer at most, odd on purpose; the envelope usually allows less
_STREAM_BYTES = 2047  # raw bytes in one rsp:Stream, odd on purpose


@dataclass(slots=True)
class _Command:
    line: str
    stdin_is_console: bool
    stdin: bytearray = field(default_factory=bytearray)
    stdin_ended: bool = False
    result: ProgramResult | None = None
    pending: list[tuple[str, bytes]] = field(default_factory=list)
    said_running: bool = False
    signalled: bool = False


@dataclass(slots=True)
class _Shell:
    shell_id: str
    owner: str
    codec: str
    environment: dict[str, str]
    idle_timeout_s: float
    last_used: float
    commands: dict[str, _Command] = field(default_factory=dict)


class ShellService:
    """All cmd shells of one host."""

    def __init__(
        self, host: SimulatedWindows, limits: Limits, statistics: Statistics, clock: Callable[[], float]
    ) -> None:
        self._host = host
        self._limits = limits
        self._statistics = statistics
        self._clock = clock
        self._shells: dict[str, _Shell] = {}
        self._verbs: dict[str, Callable[[Request, Caller], str]] = {
            "Create": self._create,
            "Command": self._command,
            "Send": self._send,
            "Receive": self._receive,
            "Signal": self._signal,
            "Delete": self._delete,
        }

    def has_verb(self, verb: str) -> bool:
        return verb in self._verbs

    def handle(self, verb: str, request: Request, caller: Caller) -> str:
        """Do one verb and return the content of s:Body. Raises SoapFault."""
        return self._verbs[verb](request, caller)

    def commands_of(self, owner: str) -> int:
        """Commands that still count against the operations of this account: all of its open shells."""
        self._expire()
        return sum(len(shell.commands) for shell in self._shells.values() if shell.owner == owner)

    @property
    def open_shells(self) -> int:
        self._expire()
        return len(self._shells)

    def clear(self) -> None:
        self._shells.clear()

    def _create(self, request: Request, caller: Caller) -> str:
        body = _body(request, "Shell")
        options = _known_options(request, _SHELL_OPTIONS)
        code_page = options.get("WINRS_CODEPAGE", str(console_code_page(self._host.ui_language)))
        codec = codec_of(code_page)
        if codec is None:
            raise SoapFault(INVALID_OPTIONS, f"WINRS_CODEPAGE {code_page}", violation=f"code page {code_page}")
        self._expire()
        if (
            sum(shell.owner == caller.account_name for shell in self._shells.values())
            >= self._limits.max_shells_per_user
        ):
            status = None if self._host.stack_version == "2.0" else QUOTA_STATUS
            raise SoapFault(MAX_SHELLS, f"({self._limits.max_shells_per_user})", cim_status=status)
        idle = parse_duration(body.findtext(f"{{{RSP}}}IdleTimeOut", "")) or self._limits.shell_idle_timeout_s
        shell = _Shell(new_guid(), caller.account_name, codec, _environment(body), idle, self._clock())
        self._shells[shell.shell_id] = shell
        self._statistics.shells_opened += 1
        return self._created(shell, body, caller)

    def _created(self, shell: _Shell, body: ET.Element, caller: Caller) -> str:
        selector = text_element("w:Selector", shell.shell_id, ' Name="ShellId"')
        parameters = text_element("w:ResourceURI", SHELL_CMD_URI) + element("w:SelectorSet", selector)
        address = text_element("a:Address", f"http://{self._host.computer_name}:5985/wsman")
        created = element("x:ResourceCreated", address + element("a:ReferenceParameters", parameters))
        details = (
            text_element("rsp:ShellId", shell.shell_id)
            + text_element("rsp:ResourceUri", SHELL_CMD_URI)
            + text_element("rsp:Owner", caller.account_name)
            + text_element("rsp:ClientIP", caller.address)
            + text_element("rsp:IdleTimeOut", f"PT{shell.idle_timeout_s:.3f}S")
            + text_element("rsp:InputStreams", body.findtext(f"{{{RSP}}}InputStreams", "stdin"))
            + text_element("rsp:OutputStreams", body.findtext(f"{{{RSP}}}OutputStreams", "stdout stderr"))
            + text_element("rsp:ShellRunTime", "P0DT0H0M0S")
            + text_element("rsp:ShellInactivity", "P0DT0H0M0S")
        )
        return created + element("rsp:Shell", details, f' xmlns:rsp="{RSP}"')

    def _command(self, request: Request, caller: Caller) -> str:
        shell = self._shell(request, caller)
        options = _known_options(request, _COMMAND_OPTIONS)
        body = _body(request, "CommandLine")
        running = sum(not command.signalled for command in shell.commands.values())
        if running >= self._limits.max_processes_per_shell:
            raise SoapFault(MAX_COMMANDS_PER_SHELL, f"({self._limits.max_processes_per_shell})")
        parts = [
            body.findtext(f"{{{RSP}}}Command", ""),
            *(node.text or "" for node in body.iter(f"{{{RSP}}}Arguments")),
        ]
        line = " ".join(part for part in parts if part)
        if not line or "\n" in line:
            raise SoapFault(INVALID_PARAMETER, violation=f"command line {line[:80]!r}")
        is_console = options.get("WINRS_CONSOLEMODE_STDIN", "TRUE").upper() != "FALSE"
        command, command_id = _Command(line, is_console), new_guid()
        shell.commands[command_id] = command
        self._statistics.command_lines.append(line)
        if is_console:
            self._run(shell, command, caller)
        return element("rsp:CommandResponse", text_element("rsp:CommandId", command_id))

    def _run(self, shell: _Shell, command: _Command, caller: Caller) -> None:
        if len(command.line) > MAX_COMMAND_LINE:
            self._host.journal.violation("front", f"command line of {len(command.line)} characters")
            result = ProgramResult(stderr="The command line is too long.\r\n", exit_code=1)
        else:
            result = self._host.interpreter.run(caller, command.line, bytes(command.stdin), shell.environment)
        stdout = result.stdout_bytes
        if stdout is None:
            stdout = result.stdout.encode(shell.codec, errors="replace")
        stderr = result.stderr.encode(shell.codec, errors="replace")
        command.result = result
        command.pending = [*_pieces("stdout", stdout), *_pieces("stderr", stderr)]

    def _send(self, request: Request, caller: Caller) -> str:
        shell = self._shell(request, caller)
        for stream in _body(request, "Send").iter(f"{{{RSP}}}Stream"):
            if stream.get("Name") != "stdin":
                raise SoapFault(INVALID_PARAMETER, violation=f"Send to stream {stream.get('Name')!r}")
            command = self._command_of(shell, stream)
            if command.result is not None or command.stdin_ended:
                raise SoapFault(INVALID_PARAMETER, violation="input for a command that reads none or has its end")
            try:
                command.stdin += base64.b64decode("".join((stream.text or "").split()), validate=True)
            except binascii.Error as error:
                raise SoapFault(INVALID_PARAMETER, violation="Send: the stream is no base64") from error
            if stream.get("End", "").lower() in ("true", "1"):
                command.stdin_ended = True
                self._run(shell, command, caller)
        return "<rsp:SendResponse/>"

    def _receive(self, request: Request, caller: Caller) -> str:
        shell = self._shell(request, caller)
        _known_options(request, _RECEIVE_OPTIONS)
        desired = _body(request, "Receive").find(f"{{{RSP}}}DesiredStream")
        if desired is None or not set((desired.text or "").split()) <= {"stdout", "stderr"}:
            raise SoapFault(INVALID_SOAP_BODY, violation="Receive without a DesiredStream of stdout and stderr")
        command = self._command_of(shell, desired)
        if command.result is None:
            if command.stdin and not command.stdin_ended:
                raise SoapFault(OPERATION_TIMED_OUT)
            self._run(shell, command, caller)
        return element("rsp:ReceiveResponse", self._output(request, command, desired))

    def _output(self, request: Request, command: _Command, desired: ET.Element) -> str:
        """Streams and state. The first answer says Running and holds the first piece of the output."""
        assert command.result is not None
        identity = f' CommandId="{escape(desired.get("CommandId", "").upper())}"'
        budget = _receive_bytes(request.max_envelope_bytes)
        if command.pending and not command.said_running:
            budget = len(command.pending[0][1])
        parts = []
        while command.pending and budget >= len(command.pending[0][1]) > 0:
            name, data = command.pending.pop(0)
            budget -= len(data)
            parts.append(element("rsp:Stream", base64.b64encode(data).decode(), f' Name="{name}"{identity}'))
        if command.pending or not command.said_running:
            command.said_running = True
            return "".join(parts) + f'<rsp:CommandState{identity} State="{_STATE}Running"/>'
        ends = "".join(
            element("rsp:Stream", "", f' Name="{name}"{identity} End="true"') for name in ("stdout", "stderr")
        )
        exit_code = text_element("rsp:ExitCode", str(command.result.exit_code))
        return "".join(parts) + ends + element("rsp:CommandState", exit_code, f'{identity} State="{_STATE}Done"')

    def _signal(self, request: Request, caller: Caller) -> str:
        shell = self._shell(request, caller)
        body = _body(request, "Signal")
        code = body.findtext(f"{{{RSP}}}Code", "").strip()
        if code.lower() not in _SIGNALS:
            raise SoapFault(INVALID_PARAMETER, violation=f"signal {code}")
        self._command_of(shell, body).signalled = True
        return "<rsp:SignalResponse/>"

    def _delete(self, request: Request, caller: Caller) -> str:
        del self._shells[self._shell(request, caller).shell_id]
        return ""

    def _shell(self, request: Request, caller: Caller) -> _Shell:
        self._expire()
        selectors = {name.lower(): value for name, value in request.selectors}
        if set(selectors) != {"shellid"}:
            raise SoapFault(INVALID_SELECTORS, violation=f"shell verb with selectors {sorted(selectors)}")
        shell = self._shells.get(selectors["shellid"].upper())
        if shell is None:
            raise SoapFault(UNEXPECTED_SELECTORS)
        if shell.owner != caller.account_name:
            raise SoapFault(ACCESS_DENIED)
        shell.last_used = self._clock()
        return shell

    def _command_of(self, shell: _Shell, node: ET.Element) -> _Command:
        command = shell.commands.get(node.get("CommandId", "").upper())
        if command is None:
            raise SoapFault(INVALID_PARAMETER, violation=f"{local_name(node)}: unknown command {node.get('CommandId')}")
        return command

    def _expire(self) -> None:
        now = self._clock()
        for shell in list(self._shells.values()):
            if now - shell.last_used > shell.idle_timeout_s:
                del self._shells[shell.shell_id]


def _body(request: Request, name: str) -> ET.Element:
    if request.body is None or request.body.tag != f"{{{RSP}}}{name}":
        raise SoapFault(INVALID_SOAP_BODY, violation=f"the body is no rsp:{name}")
    return request.body


def _known_options(request: Request, known: set[str]) -> dict[str, str]:
    for option in request.options:
        if option.name not in known:
            raise SoapFault(INVALID_OPTIONS, option.name, violation=f"option {option.name}")
    return {option.name: option.value for option in request.options}


def _environment(body: ET.Element) -> dict[str, str]:
    variables = body.findall(f"{{{RSP}}}Environment/{{{RSP}}}Variable")
    return {node.get("Name", ""): node.text or "" for node in variables}


def _receive_bytes(max_envelope_bytes: int) -> int:
    """How many bytes of output one answer takes, so that it fits the client's envelope; always room for one piece."""
    characters = max_envelope_bytes // 2 - 1500
    return max(_STREAM_BYTES, min(_RECEIVE_BYTES, characters * 7 // 10))


def _pieces(name: str, data: bytes) -> list[tuple[str, bytes]]:
    """Cut a stream at odd offsets: the first piece is about half of a short output, the others 2047 bytes."""
    first = min(len(data), _STREAM_BYTES, len(data) // 2 | 1)
    cuts = [0, *range(first, len(data), _STREAM_BYTES), len(data)] if data else []
    return [(name, data[low:high]) for low, high in itertools.pairwise(cuts)]
