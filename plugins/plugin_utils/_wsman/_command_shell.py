# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Runs command lines in one remote cmd shell, which is opened when it is first needed.

A command that finished keeps its slot on the host until it is ended with a terminate signal or its shell is deleted. A
user has 15 operations on WinRM 2.0, so a few are left to the deletion, which saves a message each. WinRS counts the
commands a shell has started and never counts down; when that quota (0x803381A6) is used up, a new shell helps.
Source: MS-WSMV 3.1.4.14 and its product behaviour note <118>.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from . import _shell_messages as shell
from ._errors import (
    ERROR_WSMAN_QUOTA_MAX_OPERATIONS,
    CommandTimedOut,
    ConnectionDropped,
    HostUnreachable,
    MessageTooLarge,
    OperationTimedOut,
    ProtocolError,
    WsmanError,
    WsmanFault,
)
from ._requests import Header, Request

MAX_OUTPUT_BYTES = 32 * 1024 * 1024
MAX_FINISHED = 4
# Answers in a row without output. A host keeps each back for OperationTimeout, seconds at least: one that answers at
# once, again and again, would keep the controller busy until the deadline.
MAX_QUIET = 1000


# What a host answers when a command has printed nothing within OperationTimeout.
_NOTHING_YET = shell.Received(b"", b"", None)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command printed (bytes as they came, see `decode_output`) and its exit code, unsigned 32 bits.

    `timed_out`: the host has said at least once that nothing was printed within OperationTimeout. If it said so of an
    answer that it had begun to give, what that answer held is missing here.
    """

    stdout: bytes
    stderr: bytes
    exit_code: int
    timed_out: bool = False


class CommandShell:
    """One shell on the host. `exchange` sends a request and returns the body of its answer."""

    def __init__(
        self,
        exchange: Callable[[Request], Element],
        header: Callable[[], Header],
        clock: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._header = header
        self._clock = clock
        self._shell_id: str | None = None
        self._finished: list[str] = []  # commands that are over and hold their slots

    @property
    def is_open(self) -> bool:
        return self._shell_id is not None

    def run(self, command_line: str, *, stdin: bytes | None, timeout_s: float) -> CommandResult:
        """Run one command line to its end.

        Raises: CommandTimedOut after `timeout_s`, MessageTooLarge above 32 MiB of output, WsmanError, ParameterError.
        """
        shell.check_command_line(command_line)
        deadline = self._clock() + timeout_s
        if len(self._finished) >= MAX_FINISHED:
            self._end_finished()
        command_id = self._start(command_line)
        try:
            if stdin is not None:
                self._exchange(shell.send_input(self._header(), self._id(), command_id, stdin))
            result = self._collect(command_id, command_line, deadline)
        except WsmanError as error:
            error.outcome_unknown = True
            self._give_up_if_gone(error)
            self._end(command_id)
            raise
        self._finished.append(command_id)
        return result

    def close(self) -> None:
        """Delete the shell if there is one. A failure is of no consequence: the host ends an idle shell by itself."""
        shell_id = self._shell_id
        self.forget()
        if shell_id is not None:
            self._attempt(shell.delete_shell(self._header(), shell_id))

    def forget(self) -> None:
        """Drop the shell without a message, after the host went away."""
        self._shell_id = None
        self._finished.clear()

    def _id(self) -> str:
        if self._shell_id is None:
            self._shell_id = shell.read_shell_id(self._exchange(shell.create_shell(self._header())))
        return self._shell_id

    def _start(self, command_line: str) -> str:
        had_shell = self._shell_id is not None
        try:
            return self._command(command_line)
        except WsmanFault as fault:
            # Both faults say that the command was not started, so starting it in a new shell runs it once.
            is_stale = had_shell and fault.is_shell_unknown
            if not (is_stale or fault.has_number(ERROR_WSMAN_QUOTA_MAX_OPERATIONS)):
                raise
            self.close()
            return self._command(command_line)

    def _command(self, command_line: str) -> str:
        request = shell.run_command(self._header(), self._id(), command_line)
        return shell.read_command_id(self._exchange(request))

    def _collect(self, command_id: str, command_line: str, deadline: float) -> CommandResult:
        stdout, stderr, quiet, timed_out = bytearray(), bytearray(), 0, False
        while True:
            received = self._receive(command_id)
            timed_out = timed_out or received is _NOTHING_YET
            stdout += received.stdout
            stderr += received.stderr
            if received.exit_code is not None:
                return CommandResult(bytes(stdout), bytes(stderr), received.exit_code, timed_out)
            quiet = 0 if received.stdout or received.stderr else quiet + 1
            if quiet > MAX_QUIET:
                raise ProtocolError(f"the host answered {quiet} times that {command_line[:200]!r} has printed nothing")
            if len(stdout) + len(stderr) > MAX_OUTPUT_BYTES:
                raise MessageTooLarge(f"{command_line[:200]!r} printed more than {MAX_OUTPUT_BYTES} bytes.")
            if self._clock() > deadline:
                raise CommandTimedOut(f"{command_line[:200]!r} did not end in time and was terminated.")

    def _receive(self, command_id: str) -> shell.Received:
        request = shell.receive(self._header(), self._id(), command_id)
        try:
            return shell.read_received(self._exchange(request), command_id)
        except OperationTimedOut:
            return _NOTHING_YET

    def _end_finished(self) -> None:
        while self._finished:
            self._end(self._finished.pop(0))

    def _end(self, command_id: str) -> None:
        if self._shell_id is not None:
            self._attempt(shell.terminate(self._header(), self._shell_id, command_id))

    def _attempt(self, request: Request) -> None:
        """Send what may fail: the command is over, and the host ends an idle shell by itself."""
        try:
            self._exchange(request)
        except WsmanError as error:
            self._give_up_if_gone(error)

    def _give_up_if_gone(self, error: WsmanError) -> None:
        if isinstance(error, HostUnreachable) and not isinstance(error, ConnectionDropped):
            self._shell_id = None  # trying to delete it would only wait for a host that is not there
