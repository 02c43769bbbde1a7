# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that README.md tells people to type."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
SITE = "Use it on a site"
_SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n)*)", re.MULTILINE)
_BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:ansible|pip|make|python)[a-z0-9-]* [^`]+)`")


def sections() -> dict[str, str]:
    return dict(_SECTION.findall(README.read_text(encoding="utf-8")))


def printed(section: str) -> list[str]:
    """The lines of the shell blocks of a section, in order."""
    blocks = (textwrap.dedent(block) for _indent, block in _BLOCK.findall(sections()[section]))
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def mentioned(section: str) -> list[str]:
    """The commands within the sentences of a section."""
    return [command.strip() for command in _INLINE.findall(_BLOCK.sub("", sections()[section]))]
