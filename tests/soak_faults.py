# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trouble that soak.py gives to hosts: each kind by its name, drawn at random, striking at a random message."""

from __future__ import annotations

import random
from collections.abc import Callable

from simulator.faults import QUOTA, TIMED_OUT, Effect, ScriptedFault
from simulator.host import SimulatedHost
from simulator.subsystems.registry_value import RegistryValue

_ACCESS_DENIED = 5
_MOST_MESSAGES = 70  # of one run on one host, about
_FOR_GOOD = 100_000
_DROPS = (Effect.DROP_BEFORE, Effect.DROP_AFTER, Effect.DROP_MIDWAY)
_BAD_ANSWERS = (
    Effect.TRUNCATED, Effect.WRONG_RELATES_TO, Effect.HTML, Effect.TOO_LARGE, Effect.UNAUTHORIZED, Effect.XML_BOMB,
)  # fmt: skip
_JUMPS_S = (-7200.0, -90.0, 90.0, 7200.0, 86400.0)

Maker = Callable[[random.Random, SimulatedHost], ScriptedFault]


def _at(rng: random.Random) -> int:
    return rng.randint(1, _MOST_MESSAGES)


def _dropped(rng: random.Random, _host: SimulatedHost) -> ScriptedFault:
    return ScriptedFault(rng.choice(_DROPS), at=_at(rng), times=rng.choice((1, 1, 2, 5)))


def _gone(rng: random.Random, _host: SimulatedHost) -> ScriptedFault:
    return ScriptedFault(rng.choice(_DROPS), at=_at(rng), times=_FOR_GOOD)


def _slow(rng: random.Random, _host: SimulatedHost) -> ScriptedFault:
    return ScriptedFault(Effect.SLOW, at=_at(rng), times=rng.randint(1, 4), seconds=rng.uniform(0.2, 2.0))


def _refused(rng: random.Random, _host: SimulatedHost) -> ScriptedFault:
    effect = rng.choice((Effect.FAULT, Effect.FAULT_AFTER))
    if rng.random() < 0.5:  # a host that really times out again and again takes a minute for each answer
        return ScriptedFault(effect, at=_at(rng), times=rng.choice((1, 2)), code=TIMED_OUT)
    return ScriptedFault(effect, at=_at(rng), times=rng.choice((1, 1, 3, _FOR_GOOD)), code=_ACCESS_DENIED)


def _quota(rng: random.Random, _host: SimulatedHost) -> ScriptedFault:
    return ScriptedFault(Effect.FAULT, at=_at(rng), times=rng.choice((1, 2, 20)), code=QUOTA)


def _bad_answer(rng: random.Random, _host: SimulatedHost) -> ScriptedFault:
    return ScriptedFault(rng.choice(_BAD_ANSWERS), at=_at(rng), times=rng.choice((1, 1, 3)))


def _reboot(rng: random.Random, host: SimulatedHost) -> ScriptedFault:
    effect = rng.choice((Effect.CALL_BEFORE, Effect.CALL_AFTER, Effect.CALL_BETWEEN))
    return ScriptedFault(effect, at=_at(rng), callback=host.reboot)


def _clock_jump(rng: random.Random, host: SimulatedHost) -> ScriptedFault:
    seconds = rng.choice(_JUMPS_S)
    return ScriptedFault(Effect.CALL_BEFORE, at=_at(rng), callback=lambda: set_clock(host, seconds))


def set_clock(host: SimulatedHost, seconds: float) -> None:
    """Forward by no more than the host has been up: nothing tells more than that from a boot (docs/limits.md)."""
    uptime_s = (host.clock.now() - host.boot.boot_time).total_seconds()
    host.clock.jump(min(seconds, 0.9 * uptime_s))


def _does_not_stick(rng: random.Random, host: SimulatedHost) -> ScriptedFault:
    return ScriptedFault(
        Effect.CALL_BETWEEN,
        at=rng.randint(1, 6),
        times=rng.choice((1, 1, _FOR_GOOD)),
        operation="StdRegProv.Set*",
        callback=lambda: put_back(host),
    )


def put_back(host: SimulatedHost) -> None:
    """Take the last change of a caller back if it has set a registry value, as a policy or an agent on a host does."""
    record = next(iter(reversed(host.journal.changes_by_callers())), None)
    if record is None or (record.subsystem, record.action) != ("registry", "write_value"):
        return
    key, name = record.target
    if "otsec" in key.lower():  # nobody else knows this key
        return
    if isinstance(record.before, RegistryValue):
        host.registry.write_value(None, key, name, record.before)
    elif host.registry.get(key, name) is not None:
        host.registry.delete_value(None, key, name)


KINDS: dict[str, Maker] = {
    "dropped": _dropped,
    "gone": _gone,
    "slow": _slow,
    "refused": _refused,
    "quota": _quota,
    "bad answer": _bad_answer,
    "reboot": _reboot,
    "clock jump": _clock_jump,
    "does not stick": _does_not_stick,
}
