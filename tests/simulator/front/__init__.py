# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire side of a simulated host: HTTP, SOAP, WS-Management. Knows no registry and no services, only cim.py."""
