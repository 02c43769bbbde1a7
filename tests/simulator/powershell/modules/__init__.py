# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contracts of Ansible modules for Windows: what each does to a host and answers, without any PowerShell."""
