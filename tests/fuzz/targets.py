# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All targets by name; corpus/<name> holds the inputs of each."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .stored_targets import STORED_TARGETS
from .text_targets import TEXT_TARGETS
from .wire_targets import WIRE_TARGETS

CORPUS = Path(__file__).resolve().parent / "corpus"
TARGETS = {**TEXT_TARGETS, **STORED_TARGETS, **WIRE_TARGETS}


def corpus_of(name: str) -> list[bytes]:
    """The seeds of a target and what was saved for it, in a stable order."""
    saved = [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]
    return list(dict.fromkeys((*TARGETS[name].seeds, *saved)))


def name_of(data: bytes) -> str:
    """The name of a file of the corpus."""
    return hashlib.sha256(data).hexdigest()[:16]
