# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Independent implementations that our own code is held against: Samba, impacket, Wine."""
