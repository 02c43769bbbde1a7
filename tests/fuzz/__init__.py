# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fuzzing of every parser: a table of targets, a corpus, and a runner guided by coverage (docs/testing.md)."""
