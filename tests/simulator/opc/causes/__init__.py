# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One row per thing that can be wrong, layer by layer, on a plant that is set up well (`plants.named_accounts`).

There the client reads as OPCClientUser, the server writes back as OPCServerUser, peers and rights are named, and every
refusal is logged. A row breaks one thing, so its symptom has one cause.
"""
