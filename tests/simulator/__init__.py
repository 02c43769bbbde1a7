# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated site of Windows hosts, strict and independent of the collection: the test bed of otsec.opc_dcom."""
