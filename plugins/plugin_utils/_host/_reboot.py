# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reboots a host through WMI and waits until it is back: works where PowerShell is old or forbidden."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from ...module_utils._errors import ParameterError
from ...module_utils._host_state import PENDING_REBOOT, PENDING_RESTART, STATE_KEY
from ...module_utils._plan import SetValue
from ...module_utils._registry import RegistryValue
from ._host import Host

_SOME_MARKER = RegistryValue.multi_string("")  # only its type counts, to read back that the marker is gone


@dataclass(frozen=True, slots=True)
class RebootRequest:
    """Options of opc_reboot; durations in seconds. Raises: ParameterError."""

    only_if_pending: bool
    comment: str
    delay_s: int
    timeout_s: int
    interval_s: float
    settle_s: float

    def __post_init__(self) -> None:
        for name in ("delay_s", "settle_s"):
            if getattr(self, name) < 0:
                raise ParameterError(name, "a duration cannot be negative")
        for name in ("timeout_s", "interval_s"):
            if getattr(self, name) <= 0:
                raise ParameterError(name, "a duration of more than 0 is needed")
        if len(self.comment) > 512:
            raise ParameterError("comment", "Windows takes at most 512 characters")


def reboot(host: Host, request: RebootRequest) -> datetime:
    """Reboot, wait for a later boot time, forget what waited for it; return the new boot time (UTC).

    Raises: HostStateError when the host is not back in time, CimMethodError when it refuses.
    """
    before = host.moment
    host.system.request_reboot(request.comment, request.delay_s)
    host.client.reset()
    time.sleep(request.delay_s)  # so long it answers as before
    after = host.system.wait_for_boot_after(before, request.timeout_s, request.interval_s)
    time.sleep(request.settle_s)
    for name in (PENDING_REBOOT, PENDING_RESTART):
        host.registry.set_value(SetValue(STATE_KEY, name, before=_SOME_MARKER, after=None))
    return after
