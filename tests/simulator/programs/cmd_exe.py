# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`cmd.exe /c <line>` of one host: runs programs and the few built-in commands that make sense in a remote shell.

What exists on Windows but not here, a pipe or `for` say, fails and leaves a violation. A program that Windows does not
know gives ERRORLEVEL 9009 and, as the last command of the line, exit code 1 of cmd.exe itself; it leaves a violation
too, because no test should start one by accident.

Source: `cmd /?`; published behaviour of cmd /c (an unknown command returns 1 while ERRORLEVEL is 9009); DisableCMD from
the policy "Prevent access to the command prompt" (1: also scripts, 2: only the prompt; that /c runs with 2 is
unverified).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cim import Caller, ProgramResult
from ..subsystems.registry import RegistryError
from .argv import split_arguments
from .cmd_line import (
    MAX_LINE,
    Command,
    CommandSyntaxError,
    Redirection,
    UnsupportedSyntaxError,
    expand_variables,
    parse_commands,
    strip_outer_quotes,
)
from .cmd_texts import cmd_text
from .program import Invocation

if TYPE_CHECKING:
    from ..host import SimulatedHost

ERRORLEVEL_UNKNOWN_PROGRAM = 9009
DISABLE_CMD_KEY = r"HKCU\Software\Policies\Microsoft\Windows\System"
_NOT_SIMULATED = {
    *("assoc", "break", "call", "color", "copy", "date", "del", "dir", "endlocal", "erase", "for", "ftype", "goto"),
    *(
        "if",
        "md",
        "mkdir",
        "mklink",
        "move",
        "path",
        "pause",
        "popd",
        "prompt",
        "pushd",
        "rd",
        "ren",
        "rename",
        "rmdir",
    ),
    *("setlocal", "shift", "start", "time", "title", "type", "verify", "vol"),
}
_WORD_ENDS = " \t,;=/"
_HOME = r"C:\Users"


@dataclass(slots=True)
class _Run:
    """One run of cmd.exe."""

    caller: Caller
    stdin: bytes
    environment: dict[str, str]
    stdout: str = ""
    stderr: str = ""
    stdout_bytes: bytes | None = None
    error_level: int = 0
    exit_code: int = 0
    is_finished: bool = False


class CommandShell:
    """The command interpreter of a host."""

    def __init__(self, host: SimulatedHost) -> None:
        self._host = host

    def run(self, caller: Caller, command_line: str, stdin: bytes, environment: Mapping[str, str]) -> ProgramResult:
        """Run what stands behind `cmd.exe /c`."""
        refusal = self._refusal(caller, command_line)
        if refusal is not None:
            return refusal
        run = _Run(caller, stdin, self._environment(caller, environment))
        try:
            stripped = strip_outer_quotes(command_line, lambda name: self._find(name, run.environment) is not None)
            commands = parse_commands(expand_variables(stripped, run.environment))
        except CommandSyntaxError as error:
            return ProgramResult(stderr=self._say("unexpected", error.token), exit_code=1)
        except UnsupportedSyntaxError as error:
            return self._unsupported(str(error))
        for command in commands:
            if not run.is_finished and self._is_due(command, run.exit_code):
                self._run_command(run, command)
        return ProgramResult(run.stdout, run.stderr, run.exit_code, run.stdout_bytes)

    def _refusal(self, caller: Caller, command_line: str) -> ProgramResult | None:
        if self._disabled_for(caller):
            return ProgramResult(self._say("disabled") + self._say("press"), exit_code=1)
        if len(command_line) > MAX_LINE:
            return ProgramResult(stderr=self._say("too_long"), exit_code=1)
        return None

    def _disabled_for(self, caller: Caller) -> bool:
        try:
            value = self._host.registry.read_value(caller, DISABLE_CMD_KEY, "DisableCMD")
        except RegistryError:
            return False
        return value is not None and value.number == 1

    def _environment(self, caller: Caller, own: Mapping[str, str]) -> dict[str, str]:
        domain, _sep, user = caller.account_name.rpartition("\\")
        names = {
            "USERNAME": user,
            "USERDOMAIN": domain or self._host.computer_name,
            "USERPROFILE": f"{_HOME}\\{user}",
            "APPDATA": rf"{_HOME}\{user}\AppData\Roaming",
            "CD": f"{_HOME}\\{user}",
            "ERRORLEVEL": "0",
        }
        return {**self._host.environment, **names, **own}

    @staticmethod
    def _is_due(command: Command, exit_code: int) -> bool:
        if command.joined_by == "&&":
            return exit_code == 0
        return command.joined_by != "||" or exit_code != 0

    def _run_command(self, run: _Run, command: Command) -> None:
        name, tail = _split_name(command.text)
        if not name:
            result = ProgramResult()
        elif name.lower() in _NOT_SIMULATED:
            result = self._unsupported(f"the built-in command {name}")
        else:
            built_in = self._built_in(run, name.lower(), tail)
            result = built_in if built_in is not None else self._run_program(run, name, tail)
        if not run.is_finished:
            run.exit_code = result.exit_code
        run.environment["ERRORLEVEL"] = str(run.error_level)
        self._deliver(run, result, command.redirections)

    # Built-in commands

    def _built_in(self, run: _Run, name: str, tail: str) -> ProgramResult | None:
        if name == "echo" or name.startswith("echo."):
            text = tail[1:] if name == "echo" else name[5:] + tail
            return ProgramResult((text if text.strip() else "") + "\r\n")
        if name == "exit":
            return self._exit(run, tail)
        if name == "set":
            return self._set(run, tail.strip())
        if name in ("rem", "cls"):
            return ProgramResult()
        if name == "ver":
            return ProgramResult(f"\r\nMicrosoft Windows [Version {self._host.profile.file_version}]\r\n")
        if name in ("cd", "chdir") and not tail.strip():
            return ProgramResult(run.environment["CD"] + "\r\n")
        return None

    @staticmethod
    def _exit(run: _Run, tail: str) -> ProgramResult:
        words = [word for word in tail.split() if word.lower() != "/b"]
        run.is_finished = True
        run.exit_code = int(words[0]) if words and words[0].lstrip("-").isdigit() else run.error_level
        return ProgramResult(exit_code=run.exit_code)

    def _set(self, run: _Run, tail: str) -> ProgramResult:
        text = tail[1:].rpartition('"')[0] if tail.startswith('"') else tail
        name, is_assignment, value = text.partition("=")
        if not is_assignment or not name or name.startswith("/"):
            return self._unsupported("set without an assignment")
        run.environment[name] = value
        return ProgramResult()

    # Programs

    def _run_program(self, run: _Run, name: str, tail: str) -> ProgramResult:
        path = self._find(name, run.environment)
        if path is None:
            self._host.journal.violation("cmd", f"unknown program {name!r}")
            run.error_level = ERRORLEVEL_UNKNOWN_PROGRAM
            if "\\" in name and not name.endswith("\\"):
                return ProgramResult(stderr=self._say("no_path"), exit_code=1)
            return ProgramResult(stderr=self._say("unknown", name), exit_code=1)
        file_name = path.rpartition("\\")[2].lower()
        program = self._host.programs.get(path.lower()) or self._host.programs.get(file_name)
        if program is None:
            return self._unsupported(f"the program {path}")
        arguments = tuple(split_arguments(tail))
        invocation = Invocation(run.caller, arguments, tail.strip(), run.stdin, dict(run.environment), path)
        result = program(invocation)
        run.error_level = result.exit_code
        return result

    def _find(self, name: str, environment: Mapping[str, str]) -> str | None:
        """The file a name means: as given, or in the directories of Path, with the extensions of PATHEXT."""
        folders = [""] if "\\" in name or ":" in name else [*environment["Path"].split(";")]
        has_extension = "." in name.rpartition("\\")[2]
        extensions = ["", ".com", ".exe"] if has_extension else [".com", ".exe"]
        for folder in folders:
            for extension in extensions:
                path = (folder.rstrip("\\") + "\\" if folder else "") + name + extension
                if self._host.files.exists(path):
                    return path
        return None

    def _unsupported(self, what: str) -> ProgramResult:
        self._host.journal.violation("cmd", f"{what} is not simulated")
        return ProgramResult(stderr=f"simulation: {what} is not simulated\r\n", exit_code=1)

    # Output

    def _deliver(self, run: _Run, result: ProgramResult, redirections: list[Redirection]) -> None:
        streams = {1: result.stdout, 2: result.stderr}
        handles: dict[int, int | None] = {1: 1, 2: 2}
        for item in redirections:
            if item.handle in handles:
                handles[item.handle] = self._opened(run, item, handles)
        if handles[1] == 1:
            run.stdout_bytes = result.stdout_bytes if result.stdout_bytes is not None else run.stdout_bytes
        for handle, text in streams.items():
            if handles[handle] == 1:
                run.stdout += text
            elif handles[handle] == 2:
                run.stderr += text

    def _opened(self, run: _Run, item: Redirection, handles: dict[int, int | None]) -> int | None:
        """The stream a handle now leads to; None for a file."""
        if item.target.startswith("&"):
            return handles.get(int(item.target[1:]))
        if item.target.lower() != "nul":
            path = item.target if ":" in item.target else f"{run.environment['CD']}\\{item.target}"
            self._host.files.add(path)
            self._host.journal.change(
                "files", "write", (path,), before=None, after=True, caller=run.caller.account_name
            )
        return None

    def _say(self, key: str, *values: str) -> str:
        return cmd_text(key, self._host.ui_language, *values)


def _split_name(text: str) -> tuple[str, str]:
    """The name of a command without quotes, and everything behind it."""
    rest = text.lstrip(" \t,;=@")
    if rest.startswith('"'):
        name, _sep, tail = rest[1:].partition('"')
        return name, tail
    end = next((index for index, char in enumerate(rest) if char in _WORD_ENDS or (char == '"')), len(rest))
    return rest[:end], rest[end:]
