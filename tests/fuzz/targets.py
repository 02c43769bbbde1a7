# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All targets by name; corpus/<name>.b64 holds what was saved for each, an input a line.

In base64, because inputs hold line ends, NULs and half characters that a checkout or a linter would change.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

from .stored_targets import STORED_TARGETS
from .text_targets import TEXT_TARGETS
from .wire_targets import WIRE_TARGETS

CORPUS = Path(__file__).resolve().parent / "corpus"
TARGETS = {**TEXT_TARGETS, **STORED_TARGETS, **WIRE_TARGETS}
# REUSE-IgnoreStart
_LICENCE = "# SPDX-License-Identifier: GPL-3.0-or-later"
# REUSE-IgnoreEnd


def corpus_of(name: str) -> list[bytes]:
    """The seeds of a target and what was saved for it, in a stable order."""
    return list(dict.fromkeys((*TARGETS[name].seeds, *saved_inputs(name))))


def saved_inputs(name: str) -> list[bytes]:
    path = CORPUS / f"{name}.b64"
    lines = path.read_text(encoding="ascii").splitlines() if path.is_file() else []
    return [base64.b64decode(line, validate=True) for line in lines if not line.startswith("#")]


def save_inputs(name: str, inputs: Iterable[bytes]) -> None:
    """Replace what is saved for a target."""
    CORPUS.mkdir(exist_ok=True)
    lines = (base64.b64encode(data).decode("ascii") for data in inputs)
    (CORPUS / f"{name}.b64").write_text("\n".join((_LICENCE, *lines, "")), encoding="ascii")
