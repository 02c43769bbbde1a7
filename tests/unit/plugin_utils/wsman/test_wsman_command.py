# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in the remote shell: one shell, every command ended, quotas and time-outs met, nothing started twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from wsman_responder import Message, Responder, fault

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _command_shell
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._client import CommandResult, WsmanClient
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import (
    CommandTimedOut,
    ConnectionDropped,
    ConnectionFailed,
    MessageTooLarge,
    ProtocolError,
    QuotaExceeded,
    TransportTimeout,
    WsmanError,
    WsmanFault,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._replies import Reply


def client_of(host: Responder, seconds_per_look: float = 0.0) -> WsmanClient:
    numbers, clock = itertools.count(1), itertools.count(0.0, seconds_per_look)
    return WsmanClient(host, lambda: f"uuid:{next(numbers):08X}", clock=lambda: next(clock))


def printing(*steps: str | int) -> Responder:
    return Responder(program=lambda line: iter(steps))


def failing_once(verb: str, failure: Exception | Reply) -> Responder:
    left = [failure]

    def behave(message: Message) -> Reply | Exception | None:
        return left.pop() if message.verb == verb and left else None

    return Responder(behaviour=behave)


def test_a_command() -> None:
    host = printing("a", "!b", "c", 3)
    client = client_of(host)
    assert client.run_command("reg.exe query HKLM") == CommandResult(b"ac", b"b", 3)
    assert host.verbs == ["Create", "Command", "Receive", "Receive", "Receive", "Receive"]
    client.close()
    assert host.deleted == ["SHELL-1"]
    assert host.shells == {}


def test_no_shell_is_opened_or_closed_without_a_command() -> None:
    host = Responder()
    client_of(host).close()
    assert host.seen == []


def test_one_shell_serves_all_commands_and_few_that_are_over_keep_their_slots() -> None:
    host = Responder()
    client = client_of(host)
    for number in range(5):
        assert client.run_command(f"echo {number}").stdout == f"echo {number}".encode()
    client.close()
    client.close()
    assert host.verbs.count("Create") == 1
    assert host.verbs.count("Delete") == 1
    assert host.terminated == list(host.running)[:4]  # when the fifth began; deleting the shell ended that one


def test_output_cut_inside_a_character_is_joined_before_it_is_decoded() -> None:
    euro = "€".encode().decode("latin-1")
    host = printing(euro[:1], euro[1:], 0)
    assert client_of(host).run_command("type x").stdout == "€".encode()


def test_exit_codes_are_unsigned() -> None:
    assert client_of(printing(-1073741510)).run_command("x").exit_code == 0xC000013A


def test_a_quiet_command_is_waited_for() -> None:
    host = printing("(nothing)", "(nothing)", "done", 0)
    assert client_of(host).run_command("x").stdout == b"done"
    assert host.verbs.count("Receive") == 4


def test_a_command_that_does_not_end_is_terminated() -> None:
    host = Responder(program=lambda line: itertools.repeat("(nothing)"))
    with pytest.raises(CommandTimedOut) as raised:
        client_of(host, seconds_per_look=10).run_command("netsh", timeout_s=60)
    assert str(raised.value).startswith("Running 'netsh' at http://host:5985/wsman: 'netsh' did not end in time")
    assert host.verbs.count("Receive") == 7
    assert len(host.terminated) == 1
    assert raised.value.outcome_unknown


@pytest.mark.parametrize("answer", ["(nothing)", ""])
def test_a_host_that_answers_at_once_that_nothing_was_printed_is_given_up(answer: str) -> None:
    host = Responder(program=lambda line: itertools.repeat(answer))
    with pytest.raises(ProtocolError, match="answered 1001 times that 'netsh' has printed nothing") as raised:
        client_of(host).run_command("netsh")
    assert host.verbs.count("Receive") == 1001
    assert len(host.terminated) == 1
    assert raised.value.outcome_unknown


def test_a_command_that_prints_now_and_then_may_be_quiet_for_long() -> None:
    pause = ("(nothing)",) * 999
    assert client_of(printing(*pause, "a", *pause, "b", 0)).run_command("x").stdout == b"ab"


def test_endless_output_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_command_shell, "MAX_OUTPUT_BYTES", 10)
    host = Responder(program=lambda line: itertools.repeat("1234"))
    with pytest.raises(MessageTooLarge, match="printed more than 10 bytes"):
        client_of(host).run_command("x")
    assert len(host.terminated) == 1


def test_input_is_written_and_closed() -> None:
    host = Responder()
    client_of(host).run_command("sort", stdin=b"b\r\na\r\n")
    assert host.stdin == [b"b\r\na\r\n"]
    assert host.verbs[:3] == ["Create", "Command", "Send"]


def test_a_new_shell_when_the_quota_of_commands_is_used_up() -> None:
    host = Responder(commands_per_shell=2)
    client = client_of(host)
    started: list[str] = []
    host.program = lambda line: started.append(line) or iter((line, 0))  # type: ignore[func-returns-value]
    for number in range(5):
        client.run_command(f"echo {number}")
    assert started == [f"echo {number}" for number in range(5)]
    assert host.verbs.count("Create") == 3
    client.close()
    assert host.shells == {}


def test_a_quota_that_a_new_shell_does_not_help_is_reported() -> None:
    host = Responder(commands_per_shell=0)
    with pytest.raises(QuotaExceeded, match=r"^Running 'x' at http://host:5985/wsman: .*0x803381A6"):
        client_of(host).run_command("x")
    assert host.verbs == ["Create", "Command", "Delete", "Create", "Command"]


def test_a_new_shell_when_the_host_dropped_an_idle_one() -> None:
    host = Responder()
    client = client_of(host)
    client.run_command("a")
    host.shells.clear()
    assert client.run_command("b").stdout == b"b"
    assert host.verbs.count("Create") == 2


def test_forbidden_shells_are_recognised() -> None:
    host = Responder(behaviour=lambda message: fault(message, 2150859180, "w:AccessDenied"))
    with pytest.raises(WsmanFault, match=r"^Opening a cmd shell at ") as raised:
        client_of(host).run_command("reg.exe query HKLM")
    assert raised.value.is_remote_shell_forbidden
    assert host.verbs == ["Create"]


FAILURES = {
    "dropped": ConnectionDropped("reset"),
    "refused": ConnectionFailed("refused"),
    "timeout": TransportTimeout("slow"),
    "broken": Reply(200, b"<"),
    "no context": Reply(400, b""),
}


@pytest.mark.parametrize("verb", ["Create", "Command", "Send", "Receive"])
@pytest.mark.parametrize(
    "failure",
    [
        ConnectionDropped("reset"),
        ConnectionFailed("refused"),
        TransportTimeout("slow"),
        Reply(200, b"<"),
        Reply(400, b""),
    ],
    ids=["dropped", "refused", "timeout", "broken", "no context"],
)
def test_no_step_is_repeated_when_the_connection_fails(verb: str, failure: Exception | Reply) -> None:
    host = failing_once(verb, failure)
    client = client_of(host)
    with pytest.raises(WsmanError) as raised:
        client.run_command("del x", stdin=b"")
    assert host.verbs.count(verb) == 1
    assert raised.value.operation.endswith(" at http://host:5985/wsman")
    was_started = verb in ("Send", "Receive")
    sent_start = verb == "Command" and not isinstance(failure, ConnectionFailed)
    dropped_start = verb == "Command" and isinstance(failure, ConnectionDropped)
    assert raised.value.outcome_unknown is (was_started or sent_start or dropped_start)
    # The next command works, in whatever shell.
    host.program = lambda line: iter(("fine", 0))
    assert client.run_command("ver").stdout == b"fine"


@pytest.mark.parametrize("failure", [ConnectionFailed("refused"), TransportTimeout("slow")], ids=["refused", "timeout"])
def test_a_host_that_is_gone_is_not_waited_for_again(failure: Exception) -> None:
    host = failing_once("Receive", failure)
    client = client_of(host)
    with pytest.raises(WsmanError):
        client.run_command("x")
    client.close()
    assert host.verbs[-1] == "Receive"


def test_a_command_is_ended_after_a_dropped_connection() -> None:
    host = failing_once("Receive", ConnectionDropped("reset"))
    client = client_of(host)
    with pytest.raises(ConnectionDropped):
        client.run_command("x")
    client.close()
    assert host.verbs[-3:] == ["Receive", "Signal", "Delete"]
    assert host.resets == 1


@pytest.mark.parametrize("failure", [ConnectionFailed("refused"), ProtocolError("odd"), ConnectionDropped("reset")])
def test_a_failing_end_does_not_hide_the_result(failure: Exception) -> None:
    host = failing_once("Signal", failure)
    assert client_of(host).run_command("x") == CommandResult(b"x", b"", 0)


def test_a_failing_delete_is_of_no_consequence() -> None:
    host = failing_once("Delete", ConnectionFailed("refused"))
    client = client_of(host)
    client.run_command("x")
    client.close()
    assert host.verbs[-1] == "Delete"


def test_reset_forgets_the_shell_without_a_message() -> None:
    host = Responder()
    client = client_of(host)
    client.run_command("x")
    sent = len(host.seen)
    client.reset()
    client.close()
    assert len(host.seen) == sent
    assert host.resets == 1


def test_bad_lines_are_refused_before_anything_is_sent() -> None:
    host = Responder()
    for line in ("", "a\nb", "x" * 9000):
        with pytest.raises(ParameterError):
            client_of(host).run_command(line)
    assert host.verbs == []


def test_a_program_can_be_a_generator() -> None:
    def program(line: str) -> Iterator[str | int]:
        yield line.upper()
        yield 1

    assert client_of(Responder(program=program)).run_command("ver") == CommandResult(b"VER", b"", 1)
