# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state and the rules of the simulated Windows, one module per subsystem: no CIM, no XML, no console text."""
