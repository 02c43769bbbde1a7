# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""powershell.exe as Ansible uses it: modules answered by contract, the scripts of win_reboot, and nothing else."""
