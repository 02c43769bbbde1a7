# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Console programs of the simulated Windows: command line in, text and ERRORLEVEL out."""
