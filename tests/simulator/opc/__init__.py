# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPC Classic between simulated hosts: would this link work, by the state in force? Start at `connection.connect`."""
