# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a module that are given together in one dictionary."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._action import spread


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"names": ["a"]}, {"names": ["a"]}),
        ({"options": {"names": ["a"]}}, {"names": ["a"]}),
        ({"options": {"names": ["a"], "groups": []}, "groups": ["b"]}, {"names": ["a"], "groups": ["b"]}),
        ({"options": {"logging": None, "defaults": {}}}, {"defaults": {}}),
        (
            {"options": {"logging": None}, "logging": {"call_failures": "always"}},
            {"logging": {"call_failures": "always"}},
        ),
        ({"options": None, "names": []}, {"names": []}),
        ({"options": {}}, {}),
    ],
)
def test_what_a_module_gets(given: dict[str, Any], found: dict[str, Any]) -> None:
    before = dict(given)
    assert spread(given) == found
    assert given == before


@pytest.mark.parametrize("together", ["names", ["names"], 7])
def test_something_else_is_refused(together: object) -> None:
    with pytest.raises(AnsibleActionFail, match=r"options: .* is not a dictionary of other options"):
        spread({"options": together})
