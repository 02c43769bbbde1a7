# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cmd shell on the wire: streams, states, code pages, input, quotas (wsman_cim.md 6.1)."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET

import pytest
from front_messages import SHELL, TRANSFER, WMI, Wire, envelope, fault_code, local
from small_windows import SmallWindows


class ShellWire(Wire):
    """A wire with shell verbs."""

    def create(self, options: str = "", content: str = "") -> bytes:
        option_set = f"<w:OptionSet>{options}</w:OptionSet>" if options else ""
        body = f"<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams>{content}</rsp:Shell>"
        return envelope(f"{TRANSFER}/Create", f"{SHELL}/cmd", body, OptionSet=option_set)

    def open_shell(self, options: str = '<w:Option Name="WINRS_CODEPAGE">65001</w:Option>', content: str = "") -> str:
        return self.body(self.create(options, content)).findtext(f".//{{{SHELL}}}ShellId", "")

    def verb(self, verb: str, shell_id: str, body: str = "", options: str = "") -> bytes:
        option_set = f"<w:OptionSet>{options}</w:OptionSet>" if options else ""
        base = TRANSFER if verb == "Delete" else SHELL
        return envelope(f"{base}/{verb}", f"{SHELL}/cmd", body, {"ShellId": shell_id}, OptionSet=option_set)

    def command(self, shell_id: str, *parts: str, console: bool = True) -> bytes:
        arguments = "".join(f"<rsp:Arguments>{part}</rsp:Arguments>" for part in parts[1:])
        option = f'<w:Option Name="WINRS_CONSOLEMODE_STDIN">{str(console).upper()}</w:Option>'
        body = f"<rsp:CommandLine><rsp:Command>{parts[0]}</rsp:Command>{arguments}</rsp:CommandLine>"
        return self.verb("Command", shell_id, body, option)

    def run(self, shell_id: str, *parts: str, console: bool = True) -> str:
        return self.body(self.command(shell_id, *parts, console=console)).findtext(f".//{{{SHELL}}}CommandId", "")

    def receive(self, shell_id: str, command_id: str) -> bytes:
        stream = f'<rsp:DesiredStream CommandId="{command_id}">stdout stderr</rsp:DesiredStream>'
        return self.verb("Receive", shell_id, f"<rsp:Receive>{stream}</rsp:Receive>")

    def signal(self, shell_id: str, command_id: str, code: str = f"{SHELL}/signal/terminate") -> bytes:
        return self.verb(
            "Signal", shell_id, f'<rsp:Signal CommandId="{command_id}"><rsp:Code>{code}</rsp:Code></rsp:Signal>'
        )

    def input(self, shell_id: str, command_id: str, data: bytes, *, end: bool) -> bytes:
        text = base64.b64encode(data).decode()
        stream = f'<rsp:Stream Name="stdin" CommandId="{command_id}" End="{str(end).lower()}">{text}</rsp:Stream>'
        return self.verb("Send", shell_id, f"<rsp:Send>{stream}</rsp:Send>")

    def answers(self, shell_id: str, command_id: str) -> list[ET.Element]:
        """Receive until Done."""
        answers = [self.body(self.receive(shell_id, command_id))[0]]
        while state(answers[-1]) != "Done":
            answers.append(self.body(self.receive(shell_id, command_id))[0])
        return answers


def state(answer: ET.Element) -> str:
    return next(node.attrib["State"].rpartition("/")[2] for node in answer if local(node) == "CommandState")


def pieces(answers: list[ET.Element], name: str) -> list[bytes]:
    return [
        base64.b64decode(node.text or "")
        for answer in answers
        for node in answer
        if local(node) == "Stream" and node.get("Name") == name and node.get("End") is None
    ]


def exit_code(answers: list[ET.Element]) -> str:
    return answers[-1].findtext(f".//{{{SHELL}}}ExitCode", "")


def test_output_comes_in_odd_pieces_and_running_comes_before_done() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    answers = wire.answers(shell, wire.run(shell, "type", "äöü"))
    assert [state(answer) for answer in answers] == ["Running", "Done"]
    assert pieces(answers, "stdout") == ["äö".encode() + b"\xc3", b"\xbc\r\n"]
    ends = [node.get("Name") for node in answers[-1] if node.get("End") == "true"]
    assert ends == ["stdout", "stderr"]
    assert exit_code(answers) == "0"


def test_large_output_takes_several_answers_each_of_bounded_size() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    text = "ß" * 4000
    answers = wire.answers(shell, wire.run(shell, "type", text))
    assert b"".join(pieces(answers, "stdout")) == f"{text}\r\n".encode()
    assert all(len(piece) <= 2047 for piece in pieces(answers, "stdout"))


def test_output_fits_the_smallest_envelope_a_client_may_ask_for() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    command = wire.run(shell, "type", "x" * 8000)
    stream = f'<rsp:DesiredStream CommandId="{command}">stdout stderr</rsp:DesiredStream>'
    small = "<w:MaxEnvelopeSize>8192</w:MaxEnvelopeSize>"
    receive = envelope(
        f"{SHELL}/Receive",
        f"{SHELL}/cmd",
        f"<rsp:Receive>{stream}</rsp:Receive>",
        {"ShellId": shell},
        MaxEnvelopeSize=small,
    )
    answers = [wire.body(receive)[0]]
    while state(answers[-1]) != "Done":
        answers.append(wire.body(receive)[0])
    assert b"".join(pieces(answers, "stdout")) == b"x" * 8000 + b"\r\n"


@pytest.mark.parametrize("code", ["-1073741510", "3221225786", "1"])
def test_exit_codes_are_sent_as_the_program_left_them(code: str) -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    answers = wire.answers(shell, wire.run(shell, "fail", code))
    assert exit_code(answers) == code
    assert pieces(answers, "stderr") != []


@pytest.mark.parametrize(
    ("language", "options", "codec"),
    [
        ("en-US", '<w:Option Name="WINRS_CODEPAGE">65001</w:Option>', "utf-8"),
        ("en-US", '<w:Option Name="WINRS_CODEPAGE">1252</w:Option>', "cp1252"),
        ("en-US", "", "cp437"),
        ("de-DE", "", "cp850"),
    ],
)
def test_text_is_in_the_code_page_of_the_shell(language: str, options: str, codec: str) -> None:
    wire = ShellWire(SmallWindows(ui_language=language))
    shell = wire.open_shell(options)
    answers = wire.answers(shell, wire.run(shell, "type", "ÄÖÜß日"))
    assert b"".join(pieces(answers, "stdout")) == "ÄÖÜß日\r\n".encode(codec, errors="replace")


def test_input_is_collected_until_its_end() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    command = wire.run(shell, "cat", console=False)
    wire.body(wire.input(shell, command, b"one ", end=False))
    assert wire.fault(wire.receive(shell, command)) == 2150858793
    wire.body(wire.input(shell, command, b"two", end=True))
    assert b"".join(pieces(wire.answers(shell, command), "stdout")) == b"one two"
    assert wire.violations == []
    assert wire.fault(wire.input(shell, command, b"more", end=True)) == 87


def test_a_timeout_is_answered_only_after_the_operation_timeout() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    command = wire.run(shell, "cat", console=False)
    wire.body(wire.input(shell, command, b"x", end=False))
    answer = wire.dispatcher.answer(wire.dispatcher.open(wire.receive(shell, command)), wire.caller)
    assert answer.delay_s == 20.0


def test_the_environment_reaches_the_program() -> None:
    wire = ShellWire()
    shell = wire.open_shell(content='<rsp:Environment><rsp:Variable Name="A">b c</rsp:Variable></rsp:Environment>')
    assert b"".join(pieces(wire.answers(shell, wire.run(shell, "set")), "stdout")) == b"A=b c\r\n"


def test_ids_are_upper_case_and_found_in_any_case() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    command = wire.run(shell.lower(), "type", "x")
    assert (shell, command) == (shell.upper(), command.upper())
    assert len(wire.answers(shell.lower(), command.lower())) == 2


def test_a_deleted_or_foreign_or_expired_shell() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    assert wire.fault(wire.command(shell, "type"), wire.windows.caller_of("other", "127.0.0.1")) == 5
    wire.body(wire.verb("Delete", shell))
    assert wire.fault(wire.command(shell, "type")) == 2150858843
    shell = wire.open_shell(content="<rsp:IdleTimeOut>PT10S</rsp:IdleTimeOut>")
    wire.time_s = 10.5
    assert wire.fault(wire.command(shell, "type")) == 2150858843
    assert wire.violations == []


def test_a_boot_forgets_shells() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    wire.windows.boot_count += 1
    assert wire.fault(wire.command(shell, "type")) == 2150858843


@pytest.mark.parametrize("stack", ["2.0", "3.0"])
def test_a_user_has_thirty_shells(stack: str) -> None:
    wire = ShellWire(SmallWindows(stack))
    shells = [wire.open_shell() for _unused in range(30)]
    status, root = wire.send(wire.create())
    assert (status, fault_code(root)) == (500, 2150859173)
    assert any(local(node) == "MSFT_WmiError" for node in root.iter()) == (stack == "3.0")
    wire.body(wire.verb("Delete", shells[0]))
    wire.open_shell()


def test_on_stack_2_every_command_counts_until_its_shell_is_deleted() -> None:
    wire = ShellWire(SmallWindows("2.0"))
    shell = wire.open_shell()
    for _unused in range(15):
        wire.body(wire.signal(shell, wire.run(shell, "type", "x")))
    assert wire.fault(wire.command(shell, "type", "x")) == 2150859174
    assert wire.fault(envelope(f"{TRANSFER}/Get", f"{WMI}/Win32_OperatingSystem")) == 2150859174
    wire.body(wire.verb("Delete", shell))
    wire.run(wire.open_shell(), "type", "x")


def test_a_command_that_is_not_terminated_stays_a_process_of_the_shell() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    commands = [wire.run(shell, "type", "x") for _unused in range(25)]
    assert wire.fault(wire.command(shell, "type", "x")) == 2150859241
    wire.body(wire.signal(shell, commands[0], f"{SHELL}/signal/Terminate"))
    wire.run(shell, "type", "x")


WRONG = {
    "option": (lambda wire, shell: wire.create('<w:Option Name="WINRS_SPEED">1</w:Option>'), 2150858809),
    "code page": (lambda wire, shell: wire.create('<w:Option Name="WINRS_CODEPAGE">77</w:Option>'), 2150858809),
    "body": (lambda wire, shell: envelope(f"{TRANSFER}/Create", f"{SHELL}/cmd"), 2150858791),
    "verb": (lambda wire, shell: wire.verb("Disconnect", shell), 2150858753),
    "resource": (lambda wire, shell: envelope(f"{TRANSFER}/Create", f"{SHELL}/bash", "<rsp:Shell/>"), 2150858753),
    "Get of a shell": (lambda wire, shell: envelope(f"{TRANSFER}/Get", f"{SHELL}/cmd"), 2150858753),
    "no command": (lambda wire, shell: wire.command(shell, ""), 87),
    "two lines": (lambda wire, shell: wire.command(shell, "type", "a\nb"), 87),
    "command id": (lambda wire, shell: wire.receive(shell, "NO-SUCH"), 87),
    "signal": (lambda wire, shell: wire.signal(shell, wire.run(shell, "type"), f"{SHELL}/signal/hup"), 87),
    "no selector": (lambda wire, shell: envelope(f"{SHELL}/Command", f"{SHELL}/cmd"), 2150858813),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_shell_requests_are_refused_and_recorded(name: str) -> None:
    build, code = WRONG[name]
    wire = ShellWire()
    assert wire.fault(build(wire, wire.open_shell())) == code
    assert len(wire.violations) == 1


def test_a_line_longer_than_cmd_reads_fails_as_cmd_fails() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    answers = wire.answers(shell, wire.run(shell, "type", "x" * 8187))
    assert (exit_code(answers), pieces(answers, "stdout")) == ("1", [])
    assert len(wire.violations) == 1
    answers = wire.answers(shell, wire.run(shell, "type", "x" * 8186))
    assert exit_code(answers) == "0"


def test_shells_and_command_lines_are_counted() -> None:
    wire = ShellWire()
    shell = wire.open_shell()
    wire.run(shell, "type", "a", "b")
    assert wire.dispatcher.statistics.shells_opened == 1
    assert wire.dispatcher.statistics.command_lines == ["type a b"]
