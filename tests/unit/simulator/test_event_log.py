# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels: order, bounds, rights (dcom.md 6.3), clearing."""

from __future__ import annotations

import pytest
from hosts import administrator, operator

from simulator.host import SimulatedHost
from simulator.subsystems.event_log import DISTRIBUTED_COM, Event, EventLogError


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("opcsrv01")


def rejection(user: str) -> Event:
    return Event(DISTRIBUTED_COM, 10036, level=2, data=(("User Name", user), ("Client IP Address", "10.0.0.12")))


def test_records_are_numbered_and_stamped(host: SimulatedHost) -> None:
    host.clock.advance(60)
    first, second = (host.event_log.append("system", rejection(user)) for user in "ab")
    assert (second.record_id, second.channel) == (first.record_id + 1, "System")
    assert (second.time, second.computer) == (host.clock.now(), "OPCSRV01")
    assert (second.datum("User Name"), second.datum("Domain Name")) == ("b", None)


def test_a_full_channel_forgets_the_oldest(host: SimulatedHost) -> None:
    host.event_log.resize(3)
    for user in "abcd":
        host.event_log.append("Application", rejection(user))
    assert [item.datum("User Name") for item in host.event_log.read(None, "Application")] == ["b", "c", "d"]


def test_security_is_for_administrators_and_event_log_readers(host: SimulatedHost) -> None:
    caller = operator(host)
    with pytest.raises(EventLogError) as caught:
        host.event_log.read(caller, "Security")
    assert caught.value.code == 5
    host.accounts.add_member(None, "Event Log Readers", caller.sid)
    host.event_log.read(host.caller_of("operator", "-"), "Security")
    host.event_log.read(caller, "System")


def test_an_unknown_channel(host: SimulatedHost) -> None:
    with pytest.raises(EventLogError) as caught:
        host.event_log.read(None, "Sytem")
    assert caught.value.code == 15007  # ERROR_EVT_CHANNEL_NOT_FOUND


@pytest.mark.parametrize(("channel", "trace", "event_id"), [("Security", "Security", 1102), ("System", "System", 104)])
def test_clearing_leaves_a_trace(host: SimulatedHost, channel: str, trace: str, event_id: int) -> None:
    host.event_log.clear(administrator(host), channel)
    assert [item.event.event_id for item in host.event_log.read(None, trace)] == [event_id]
    with pytest.raises(EventLogError):
        host.event_log.clear(operator(host), channel)
