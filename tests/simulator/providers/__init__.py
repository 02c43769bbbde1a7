# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CIM classes of the simulated Windows: each turns CIM operations into calls of one subsystem."""
