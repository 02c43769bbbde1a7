# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._drift import differing, drift

NAMES = st.sampled_from("abc")
VALUES = st.none() | st.integers(0, 2) | st.lists(NAMES, max_size=3)
STATES = st.dictionaries(NAMES, st.recursive(VALUES, lambda inner: st.dictionaries(NAMES, inner, max_size=3)))


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({}, {}, ()),
        ({"defaults": {"level": "connect (2)"}}, {"defaults": {"level": "connect (2)"}}, ()),
        (
            {"defaults": {"level": "connect"}},
            {"defaults": {"level": "packet"}},
            ("defaults / level: connect -> packet",),
        ),
        ({"a": {}}, {"a": {"b": {"c": 1}}}, ("a / b: nothing -> c 1",)),
        (
            {"list": ["allow  A  x", "allow  B  x"]},
            {"list": ["allow  B  x", "allow  C  x"]},
            ("list: is to go: allow  A  x", "list: is missing: allow  C  x"),
        ),
        ({"list": ["a", "b"]}, {"list": ["b", "a"]}, ("list: is in another order",)),
        ({"list": []}, {"list": "absent"}, ("list: [] -> absent",)),
        ({"state": None}, {"state": ["a"]}, ("state: nothing -> ['a']",)),
    ],
)
def test_every_difference_is_one_line(before: Any, after: Any, lines: tuple[str, ...]) -> None:
    assert drift(before, after) == lines


@given(STATES, STATES)
def test_what_differs_tells_the_same_differences(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = differing(before, after)
    assert drift(old, new) == drift(before, after)
    assert all(name in before for name in old)
    assert all(name in after for name in new)


def test_what_both_states_have_is_left_out() -> None:
    before = {"logging": {"a": 1}, "grants": {"x": ["one"], "y": ["two"]}, "gone": 1}
    after = {"logging": {"a": 1}, "grants": {"x": ["one", "three"], "y": ["two"]}, "new": {}}
    assert differing(before, after) == (
        {"grants": {"x": ["one"], "y": ["two"]}, "gone": 1},
        {"grants": {"x": ["one", "three"], "y": ["two"]}, "new": {}},
    )
