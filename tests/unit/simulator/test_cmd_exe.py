# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cmd.exe /c: quotes, carets, operators, variables, redirections, limits and refusals."""

from __future__ import annotations

import pytest
from hosts import administrator, operator, run

from simulator.cim import Caller, ProgramResult
from simulator.host import SimulatedHost
from simulator.profiles import WINDOWS_7
from simulator.programs.cmd_line import strip_outer_quotes
from simulator.programs.program import Invocation
from simulator.subsystems.registry_value import RegistryValue

NO_VALUE = "ERROR: The system was unable to find the specified registry key or value.\r\n"


class Probe:
    """A program that records how it was started."""

    def __init__(self) -> None:
        self.starts: list[Invocation] = []
        self.exit_code = 0

    def __call__(self, invocation: Invocation) -> ProgramResult:
        self.starts.append(invocation)
        return ProgramResult("out\r\n", "err\r\n", self.exit_code)

    @property
    def words(self) -> list[tuple[str, ...]]:
        return [item.arguments for item in self.starts]


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("opcsrv01")


@pytest.fixture
def admin(host: SimulatedHost) -> Caller:
    return administrator(host)


@pytest.fixture
def probe(host: SimulatedHost) -> Probe:
    probe = Probe()
    host.programs["probe.exe"] = probe
    for path in (r"C:\Windows\System32\probe.exe", r"C:\Program Files\a b\probe.exe"):
        host.files.add(path)
    return probe


@pytest.mark.parametrize(
    ("line", "rest"),
    [  # the five conditions of `cmd /?`
        ("probe x", "probe x"),
        (r'"C:\a b\p.exe"', r'"C:\a b\p.exe"'),
        (r'"C:\a b\p.exe" /x', r'"C:\a b\p.exe" /x'),
        (r'"C:\ab\p.exe" /x', r"C:\ab\p.exe /x"),
        (r'"C:\a b\p.exe" "/x"', r'C:\a b\p.exe" "/x'),
        (r'"C:\a&b c\p.exe"', r"C:\a&b c\p.exe"),
        (r'""C:\a b\p.exe" "/x y""', r'"C:\a b\p.exe" "/x y"'),
        (r'"C:\a b\q.exe"', r"C:\a b\q.exe"),
        ('"x', "x"),
    ],
)
def test_quotes_around_the_whole_line(line: str, rest: str) -> None:
    assert strip_outer_quotes(line, lambda name: name.endswith("p.exe")) == rest


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("probe a b", ("a", "b")),
        ("PROBE.EXE a", ("a",)),
        (r"C:\Windows\System32\probe.exe a", ("a",)),
        (r'"C:\Program Files\a b\probe.exe" a', ("a",)),
        (r'""C:\Program Files\a b\probe.exe" "x y""', ("x y",)),
        ('probe "a & b"', ("a & b",)),
        ("probe a^&b^|c^^", ("a&b|c^",)),
        ('probe "a^&b"', ("a^&b",)),
        ("probe %SystemRoot%", (r"C:\Windows",)),
        ('probe "%systemroot%"', (r"C:\Windows",)),
        ("probe %NoSuchVariable% 50%", ("%NoSuchVariable%", "50%")),
        ("probe ^%SystemRoot^%", ("%SystemRoot%",)),
        ("probe a(b)c", ("a(b)c",)),
        ("probe a\nb", ("a",)),
        ("@probe a", ("a",)),
        ("probe/x", ("/x",)),
    ],
)
def test_what_a_program_gets(
    host: SimulatedHost, admin: Caller, probe: Probe, line: str, words: tuple[str, ...]
) -> None:
    assert run(host, admin, line).exit_code == 0
    assert probe.words == [words]
    assert host.violations == []


def test_environment_and_stdin_reach_the_program(host: SimulatedHost, admin: Caller, probe: Probe) -> None:
    host.interpreter.run(admin, "set X=1& probe %X%", b"input", {"OWN": "2"})
    start = probe.starts[0]
    assert (start.stdin, start.caller, start.program) == (b"input", admin, r"C:\Windows\system32\probe.exe")
    assert (start.environment["X"], start.environment["OWN"]) == ("1", "2")
    assert start.environment["COMPUTERNAME"] == "OPCSRV01"
    assert start.arguments == ("%X%",)  # variables are expanded before anything runs


@pytest.mark.parametrize(
    ("line", "program_code", "outcome"),
    [  # outcome: exit code of cmd.exe, number of starts
        ("probe a & probe b", 0, (0, 2)),
        ("probe a && probe b", 0, (0, 2)),
        ("probe a && probe b", 3, (3, 1)),
        ("probe a || probe b", 0, (0, 1)),
        ("probe a || probe b", 3, (3, 2)),
        ("probe a &", 0, (0, 1)),
        ("probe a & exit 7", 3, (7, 1)),
        ("probe a & exit", 3, (3, 1)),
        ("probe a & exit /b 9 & probe b", 3, (9, 1)),
        ("probe a & ver", 3, (0, 1)),
    ],
)
def test_operators_and_exit_codes(
    host: SimulatedHost, admin: Caller, probe: Probe, line: str, program_code: int, outcome: tuple[int, int]
) -> None:
    probe.exit_code = program_code
    assert (run(host, admin, line).exit_code, len(probe.starts)) == outcome


@pytest.mark.parametrize(
    ("line", "stdout", "stderr"),
    [
        ("probe", "out\r\n", "err\r\n"),
        ("probe >nul", "", "err\r\n"),
        ("probe 2>nul", "out\r\n", ""),
        ("probe >NUL 2>&1", "", ""),
        ("probe 2>&1", "out\r\nerr\r\n", ""),
        ("probe 1>&2", "", "out\r\nerr\r\n"),
        ("probe <nul", "out\r\n", "err\r\n"),
        ("probe x2>nul", "", "err\r\n"),
    ],
)
def test_redirections(host: SimulatedHost, admin: Caller, probe: Probe, line: str, stdout: str, stderr: str) -> None:
    result = run(host, admin, line)
    assert (result.stdout, result.stderr) == (stdout, stderr)
    assert not any("nul" in word for word in probe.starts[0].arguments)


def test_writing_a_file_is_seen(host: SimulatedHost, admin: Caller, probe: Probe) -> None:
    assert run(host, admin, r'probe > "C:\Temp\x y.txt"').stdout == ""
    assert host.files.exists(r"c:\temp\X Y.txt")
    assert [(item.subsystem, item.target) for item in host.journal.records] == [("files", (r"C:\Temp\x y.txt",))]


def test_built_in_commands(host: SimulatedHost, admin: Caller) -> None:
    assert run(host, admin, "echo a  b").stdout == "a  b\r\n"
    assert run(host, admin, "echo.").stdout == "\r\n"
    assert run(host, admin, 'echo "a&b"').stdout == '"a&b"\r\n'
    assert run(host, admin, "ver").stdout == "\r\nMicrosoft Windows [Version 10.0.17763.5329]\r\n"
    assert run(host, admin, "rem anything").stdout == ""


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "en-US",
            "'nosuch' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
        ),
        ("de-DE", 'Der Befehl "nosuch" ist entweder falsch geschrieben oder\r\nkonnte nicht gefunden werden.\r\n'),
    ],
)
def test_an_unknown_program(language: str, text: str) -> None:
    host = SimulatedHost("h", ui_language=language)
    admin = administrator(host)
    assert run(host, admin, "nosuch /x") == ProgramResult("", text, 1)
    assert run(host, admin, "nosuch & exit").exit_code == 9009
    assert [item.source for item in host.violations] == ["cmd", "cmd"]


@pytest.mark.parametrize(
    "line",
    ["probe | probe", "(probe)", "del x", "for %i in (1) do probe", "echo %Path:~0,3%", "set", "whoami", "type x"],
)
def test_what_windows_has_and_the_simulation_has_not(
    host: SimulatedHost, admin: Caller, probe: Probe, line: str
) -> None:
    assert run(host, admin, line).exit_code == 1
    assert probe.starts == []
    assert [item.source for item in host.violations] == ["cmd"]


@pytest.mark.parametrize("line", ["& probe", "probe &&", "probe & & probe", "probe >", "|| probe"])
def test_syntax_errors_run_nothing(host: SimulatedHost, admin: Caller, probe: Probe, line: str) -> None:
    result = run(host, admin, line)
    assert result.exit_code == 1
    assert "unexpected" in result.stderr
    assert probe.starts == []


def test_the_longest_line(host: SimulatedHost, admin: Caller, probe: Probe) -> None:
    assert run(host, admin, "probe " + "x" * 8185).exit_code == 0
    assert run(host, admin, "probe " + "x" * 8186) == ProgramResult("", "The command line is too long.\r\n", 1)
    assert len(probe.starts) == 1


@pytest.mark.parametrize(("value", "is_refused"), [(0, False), (1, True), (2, False)])
def test_the_policy_against_the_command_prompt(
    host: SimulatedHost, admin: Caller, probe: Probe, value: int, is_refused: bool
) -> None:
    key = rf"HKU\{admin.sid}\Software\Policies\Microsoft\Windows\System"
    host.registry.put(key, "DisableCMD", RegistryValue.dword(value))
    result = run(host, admin, "probe")
    assert (len(probe.starts) == 0) is is_refused
    if is_refused:
        assert result.exit_code == 1
        assert result.stdout.startswith("The command prompt has been disabled by your administrator.\r\n")


def test_the_policy_is_per_user(host: SimulatedHost, admin: Caller, probe: Probe) -> None:
    user = operator(host)
    key = rf"HKU\{admin.sid}\Software\Policies\Microsoft\Windows\System"
    host.registry.put(key, "DisableCMD", RegistryValue.dword(1))
    assert run(host, user, "probe").exit_code == 0


def test_without_powershell_there_is_no_such_program() -> None:
    host = SimulatedHost("h", WINDOWS_7.without_powershell())
    result = run(host, administrator(host), "powershell -Version")
    assert result.exit_code == 1
    assert result.stderr.startswith("'powershell' is not recognized")


def test_a_real_command_of_the_collection(host: SimulatedHost, admin: Caller) -> None:
    line = (
        r'reg query "HKLM\SOFTWARE\Microsoft\Ole" /v EnableDCOM & reg query "HKLM\SOFTWARE\Nothing" /s & '
        r'reg query "HKLM\SOFTWARE\Microsoft\Rpc"'
    )
    result = run(host, admin, line)
    assert result.stdout == (
        "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Ole\r\n    EnableDCOM    REG_SZ    Y\r\n\r\n"
        "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Rpc\\ClientProtocols\r\n"
    )
    assert (result.stderr, result.exit_code) == (NO_VALUE, 0)
