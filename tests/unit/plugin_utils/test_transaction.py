# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plant is never left half hardened: a fault at every message of a run, and a controller killed at every message.

After each the host is as it was before, or as the run leaves it, or its journal says what is left and the next run
repairs it. Every message of the run is struck; the slow target strikes each in every way.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hardening_run import ControllerDiedError, HardeningRun

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import OpcDcomError
from simulator.faults import Effect, ScriptedFault

Case = Callable[[HardeningRun, int], None]


@functools.cache
def undisturbed() -> tuple[str, int]:
    """The state a whole run leads to, and its number of messages."""
    run = HardeningRun()
    run.run()
    run.close()
    return run.state, run.live.messages


def fault(effect: Effect, *, times: int = 1) -> Case:
    def strike(run: HardeningRun, at: int) -> None:
        run.run_with_fault(ScriptedFault(effect, at=at, times=times))

    return strike


def kill(*, after: bool) -> Case:
    def strike(run: HardeningRun, at: int) -> None:
        run.run_until_killed(at, after=after)

    return strike


# What strikes a message. The last three go on for good: the host is gone, or the controller.
CASES: dict[str, Case] = {
    "request lost": fault(Effect.DROP_BEFORE),
    "answer lost": fault(Effect.DROP_AFTER),
    "refused": fault(Effect.FAULT),
    "refused although done": fault(Effect.FAULT_AFTER),
    "answer cut": fault(Effect.TRUNCATED),
    "host gone": fault(Effect.DROP_BEFORE, times=10_000),
    "killed before": kill(after=False),
    "killed after": kill(after=True),
}
# The slow test strikes the first message of a part and every 4th from there, so that no part takes minutes.
PARTS = 4


def strike(case: Case, at: int, goal: str) -> str:
    """What became of a host, in one word. Fails when it is in between and the next run does not repair it."""
    run = HardeningRun()
    try:
        try:
            case(run, at)
            ended = "done"
        except OpcDcomError:
            ended = "failed"
        except ControllerDiedError:
            ended = "killed"
        found = outcome(run, ended, goal)
        run.run()
        assert run.state == goal
        assert not run.has_journal
        assert run.run()["changed"] is False
        return found
    finally:
        run.close()


def outcome(run: HardeningRun, ended: str, goal: str) -> str:
    state = run.state
    if state == goal and not run.has_journal:
        return f"{ended}, after-state"
    if state == run.before:
        return f"{ended}, before-state"
    assert run.has_journal, "half hardened, and nothing says so"
    return f"{ended}, in the journal"


def spread(messages: int) -> Iterator[tuple[str, int]]:
    """Every message once, the ways to strike it in turn."""
    names = list(CASES)
    for at in range(1, messages + 1):
        yield names[at % len(names)], at


def test_a_fault_at_every_message_leaves_no_host_half_hardened() -> None:
    goal, messages = undisturbed()
    found = Counter(strike(CASES[name], at, goal) for name, at in spread(messages))
    assert sum(found.values()) == messages
    assert set(found) >= {"failed, before-state", "failed, in the journal", "done, after-state"}, found


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, PARTS + 1))
@pytest.mark.parametrize("name", CASES)
def test_every_fault_at_every_message_leaves_no_host_half_hardened(name: str, first: int) -> None:
    goal, messages = undisturbed()
    struck = range(first, messages + 1, PARTS)
    found = Counter(strike(CASES[name], at, goal) for at in struck)
    assert sum(found.values()) == len(struck) >= 20
    print(f"{name}, messages {struck}: {dict(found)}")


def kill_the_recovery(at: int, goal: str) -> str:
    """A run dies near its end, the next one dies at message `at` while it recovers, the third repairs the host.

    What became of the second, in one word. Fails when the host is in between and the third does not repair it.
    """
    run = HardeningRun()
    try:
        with suppress(ControllerDiedError):
            run.run_until_killed(undisturbed()[1] - 12, after=True)
        assert run.has_journal
        try:
            run.run_until_killed(at, after=bool(at % 2))
            ended = "done"
        except ControllerDiedError:
            ended = "killed"
        found = outcome(run, ended, goal)
        run.run()
        assert run.state == goal
        assert not run.has_journal
        return found
    finally:
        run.close()


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_recovery_that_dies_is_finished_by_the_next(first: int) -> None:
    goal, messages = undisturbed()
    found = Counter(kill_the_recovery(at, goal) for at in range(first * 7, messages, 29))
    assert sum(found.values()) == len(range(first * 7, messages, 29))
    assert set(found) <= {"killed, before-state", "killed, in the journal"}, found


@functools.cache
def messages_of_a_recovery() -> int:
    """How many messages the run behind a killed one has: it recovers the host and then does everything anew."""
    run = HardeningRun()
    with suppress(ControllerDiedError):
        run.run_until_killed(undisturbed()[1] - 12, after=True)
    assert run.has_journal
    run.run()
    run.close()
    return run.live.messages


# Parts of these messages, so that no part takes a minute: the first, and every 20th from there.
SHARES = 20


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, SHARES + 1))
def test_a_recovery_that_dies_at_any_message_is_finished_by_the_next(first: int) -> None:
    goal, _messages = undisturbed()
    struck = range(first, messages_of_a_recovery() + 1, SHARES)
    found = Counter(kill_the_recovery(at, goal) for at in struck)
    assert sum(found.values()) == len(struck) >= 10
    assert set(found) <= {"killed, in the journal", "killed, before-state", "killed, after-state"}, found
    assert found["killed, in the journal"] > 0, found
    print(f"messages {struck}: {dict(found)}")
