# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files exist on a host, and of which version: enough for "program not there" and for patch levels.

No contents, no directories, no access rights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MACHINE_ENVIRONMENT = {
    "SystemRoot": r"C:\Windows",
    "SystemDrive": "C:",
    "windir": r"C:\Windows",
    "ProgramFiles": r"C:\Program Files",
    "ProgramFiles(x86)": r"C:\Program Files (x86)",
    "ProgramW6432": r"C:\Program Files",
    "CommonProgramFiles": r"C:\Program Files\Common Files",
    "CommonProgramFiles(x86)": r"C:\Program Files (x86)\Common Files",
    "CommonProgramW6432": r"C:\Program Files\Common Files",
    "ProgramData": r"C:\ProgramData",
    "ALLUSERSPROFILE": r"C:\ProgramData",
    "ComSpec": r"C:\Windows\system32\cmd.exe",
    "PATHEXT": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
    "Path": r"C:\Windows\system32;C:\Windows;C:\Windows\System32\Wbem;C:\Windows\System32\WindowsPowerShell\v1.0",
    "TEMP": r"C:\Windows\TEMP",
    "TMP": r"C:\Windows\TEMP",
    "OS": "Windows_NT",
    "PROCESSOR_ARCHITECTURE": "AMD64",
    "NUMBER_OF_PROCESSORS": "2",
}

_VARIABLE = re.compile(r"%([^%]+)%")


def expand(text: str, environment: Mapping[str, str]) -> str:
    """ExpandEnvironmentStrings: unknown variables stay as they are, names are compared without case."""
    folded = {name.upper(): value for name, value in environment.items()}
    return _VARIABLE.sub(lambda found: folded.get(found[1].upper(), found[0]), text)


class FileTable:
    """Paths without regard to case; the value is the file version, "" if the file has none."""

    def __init__(self, files: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._shared = files  # read-only baseline, keyed by `_key`
        self._own: dict[str, str | None] = {}
        self._environment = environment

    @staticmethod
    def baseline(paths: Iterable[tuple[str, str]]) -> dict[str, str]:
        return {_key(path): version for path, version in paths}

    def exists(self, path: str) -> bool:
        return self.version(path) is not None

    def version(self, path: str) -> str | None:
        """The version of a file, None if there is no such file. %variables% are expanded."""
        key = _key(expand(path, self._environment))
        return self._own[key] if key in self._own else self._shared.get(key)

    def add(self, path: str, version: str = "") -> None:
        self._own[_key(path)] = version

    def remove(self, path: str) -> None:
        self._own[_key(path)] = None

    def snapshot(self) -> tuple[tuple[str, str | None], ...]:
        return tuple(sorted(self._own.items()))


def _key(path: str) -> str:
    return path.replace("/", "\\").lower()


def program_of(command_line: str, files: FileTable) -> str:
    """The program a command line starts, as CreateProcess finds it: quoted, or the shortest prefix that is a file.

    The whole first word where no prefix names a file. Source: Win32 CreateProcess, lpCommandLine.
    """
    text = command_line.strip()
    if text.startswith('"'):
        return text[1:].partition('"')[0]
    words = text.split(" ")
    for count in range(1, len(words) + 1):
        prefix = " ".join(words[:count])
        for candidate in (prefix, prefix + ".exe"):
            if files.exists(candidate):
                return candidate
    return words[0]
