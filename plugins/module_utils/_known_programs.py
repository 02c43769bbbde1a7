# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Programs that are known to be OPC clients or servers, for hosts where no registration tells.

A pure client registers nothing (dcom.md 2.1), so only its program gives it away. The table holds what a document of its
vendor or a public guide names as the program to let through a firewall; nothing is guessed from a product's name.
"""

from __future__ import annotations

from dataclasses import dataclass

CLIENT, SERVER, BOTH = "client", "server", "client and server"


@dataclass(frozen=True, slots=True)
class KnownProgram:
    """`program` is the file name in lower case; `source` says who names it."""

    program: str
    product: str
    role: str
    source: str


KNOWN_PROGRAMS: tuple[KnownProgram, ...] = (
    KnownProgram(
        "apishivex64.exe",
        "Prediktor APIS (ApisHive)",
        BOTH,
        "Prediktor, Adjust DCOM settings to meet DCOM hardening (2023): firewall rule and OPC DA client log",
    ),
    KnownProgram(
        "wccoaopc.exe",
        "SIMATIC WinCC OA (OPC DA client)",
        CLIENT,
        "WinCC OA documentation, Start OPC client: the manager is called WCCOAopc",
    ),
    KnownProgram(
        "server_runtime.exe",
        "KEPServerEX",
        SERVER,
        "public guide to OPC DA with KEPServerEX 6: firewall rule of the runtime; a second-hand source",
    ),
)


def known_program(path: str) -> KnownProgram | None:
    """The entry of a program by its path or file name."""
    name = path.replace("/", "\\").rpartition("\\")[2].lower()
    return next((item for item in KNOWN_PROGRAMS if item.program == name), None)
