# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._drift import drift


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
