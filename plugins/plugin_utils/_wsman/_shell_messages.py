# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Messages of the remote cmd shell (WinRS): Create, Command, Send, Receive, Signal, Delete, and their answers.

Source: MS-WSMV 3.1.4.5 (Create), 3.1.4.10-3.1.4.14 (Command, Send, Receive, Signal), 2.2.4 (types of rsp:).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ...module_utils._errors import ParameterError
from . import _namespaces as ns
from ._errors import ProtocolError
from ._replies import only_element
from ._requests import Effect, Header, Request, Target, build
from ._xml import by_local_name, check_text, child, text_of, tree

UTF8_CODE_PAGE = 65001
# cmd.exe takes 8191 characters; the host puts its own path and " /C " before the command.
MAX_COMMAND_LINE = 8100

_EXIT_CODE = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Received:
    """One answer to Receive: output of this interval. `exit_code` (unsigned) is set once the command is done."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None


def create_shell(header: Header, code_page: int = UTF8_CODE_PAGE, *, no_profile: bool = False) -> Request:
    options = {"WINRS_NOPROFILE": str(no_profile).upper(), "WINRS_CODEPAGE": str(code_page)}
    streams = (tree("rsp:InputStreams", "stdin"), tree("rsp:OutputStreams", "stdout stderr"))
    body = _rsp(tree("rsp:Shell", *streams))
    target = Target(ns.CREATE, ns.CMD_SHELL, options=options, what="Opening a cmd shell")
    return build(header, target, body, effect=Effect.SESSION)


def run_command(header: Header, shell_id: str, command_line: str) -> Request:
    """Start a command line; the host runs it through ``cmd.exe /C``, so cmd's metacharacters act."""
    # A line that starts with a quote loses its first and last one (help of cmd.exe, /C): give it two to lose.
    line = f'"{command_line}"' if command_line.startswith('"') else command_line
    options = {"WINRS_CONSOLEMODE_STDIN": "TRUE", "WINRS_SKIP_CMD_SHELL": "FALSE"}
    body = _rsp(tree("rsp:CommandLine", tree("rsp:Command", line)))
    selectors = {"ShellId": shell_id}
    target = Target(ns.COMMAND, ns.CMD_SHELL, selectors, options, what=f"Running {command_line[:200]!r}")
    return build(header, target, body, effect=Effect.WRITE)


def check_command_line(command_line: str) -> None:
    """Raises: ParameterError for a line cmd.exe cannot take (control characters, more than 8100 characters)."""
    check_text(command_line, "command line")
    if any(character in command_line for character in "\r\n") or not command_line.strip():
        raise ParameterError("command line", "must be one line and not empty")
    if len(command_line) > MAX_COMMAND_LINE:
        raise ParameterError("command line", f"has {len(command_line)} characters, cmd.exe takes {MAX_COMMAND_LINE}")


def send_input(header: Header, shell_id: str, command_id: str, data: bytes) -> Request:
    """Write to the command's standard input and close it."""
    stream = tree("rsp:Stream", base64.b64encode(data).decode("ascii"), Name="stdin", CommandId=command_id, End="true")
    body = _rsp(tree("rsp:Send", stream))
    return build(header, _target(ns.SEND, shell_id, "Sending input to a command"), body, effect=Effect.WRITE)


def receive(header: Header, shell_id: str, command_id: str) -> Request:
    body = _rsp(tree("rsp:Receive", tree("rsp:DesiredStream", "stdout stderr", CommandId=command_id)))
    return build(header, _target(ns.RECEIVE, shell_id, "Reading output of a command"), body, effect=Effect.SESSION)


def terminate(header: Header, shell_id: str, command_id: str) -> Request:
    body = _rsp(tree("rsp:Signal", tree("rsp:Code", ns.SIGNAL_TERMINATE), CommandId=command_id))
    return build(header, _target(ns.SIGNAL, shell_id, "Ending a command"), body, effect=Effect.SESSION)


def delete_shell(header: Header, shell_id: str) -> Request:
    return build(header, _target(ns.DELETE, shell_id, "Closing the cmd shell"), effect=Effect.SESSION)


def read_shell_id(body: Element) -> str:
    """Return the id of a created shell, from its selectors. Raises: ProtocolError."""
    for selector in by_local_name(body, "Selector"):
        if selector.get("Name") == "ShellId" and text_of(selector):
            return text_of(selector)
    raise ProtocolError("the reply to opening a shell has no ShellId")


def read_command_id(body: Element) -> str:
    """Return the id of a started command. Raises: ProtocolError."""
    command_id = text_of(child(only_element(body, "CommandResponse"), "CommandId", ns.SHELL))
    if not command_id:
        raise ProtocolError("the reply to starting a command has no CommandId")
    return command_id


def read_received(body: Element, command_id: str) -> Received:
    """Return output and state of one command. Streams are cut anywhere, also inside a character.

    Raises: ProtocolError for output that is not base64 or of another command, and for an end without exit code.
    """
    answer = only_element(body, "ReceiveResponse")
    output = {"stdout": bytearray(), "stderr": bytearray()}
    for stream in by_local_name(answer, "Stream"):
        _check_command(stream, command_id)
        name = stream.get("Name", "")
        if name not in output:
            raise ProtocolError(f"the reply has output of an unknown stream {name[:40]!r}")
        output[name] += _base64(stream)
    return Received(bytes(output["stdout"]), bytes(output["stderr"]), _exit_code(answer, command_id))


def _exit_code(answer: Element, command_id: str) -> int | None:
    state = child(answer, "CommandState", ns.SHELL)
    if state is None:
        return None
    _check_command(state, command_id)
    if state.get("State") != ns.COMMAND_DONE:
        return None
    text = text_of(child(state, "ExitCode", ns.SHELL))
    if not _EXIT_CODE.fullmatch(text):
        raise ProtocolError(f"the command is done but its exit code is {text[:40]!r}")
    return int(text) & 0xFFFFFFFF


def _check_command(element: Element, command_id: str) -> None:
    if element.get("CommandId", "").upper() != command_id.upper():
        raise ProtocolError("the reply holds output of another command")


def _base64(stream: Element) -> bytes:
    try:
        return base64.b64decode("".join((stream.text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProtocolError(f"output of the command is not base64: {error}") from error


def _rsp(element: Element) -> Element:
    element.set("xmlns:rsp", ns.SHELL)
    return element


def _target(action: str, shell_id: str, what: str) -> Target:
    return Target(action, ns.CMD_SHELL, {"ShellId": shell_id}, what=what)
