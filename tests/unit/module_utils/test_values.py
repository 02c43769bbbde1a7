# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the pure model can be shared: nobody changes one that somebody else holds."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import pytest

PACKAGE = "ansible_collections.otsec.opc_dcom.plugins.module_utils"
FOLDER = Path(__file__).resolve().parents[3] / "plugins" / "module_utils"
# What is filled step by step while a text, a store or a site is read.
COLLECTORS = {
    "ApisGroup", "EventGroup", "QueriedKey", "_Case", "_Found", "_Pending", "_Program", "_Reader",
}  # fmt: skip


def dataclasses_of(module_name: str) -> list[type]:
    module = importlib.import_module(f"{PACKAGE}.{module_name}")
    return [
        thing
        for thing in vars(module).values()
        if isinstance(thing, type) and dataclasses.is_dataclass(thing) and thing.__module__ == module.__name__
    ]


@pytest.mark.parametrize("module_name", sorted(path.stem for path in FOLDER.glob("_*.py")))
def test_values_are_frozen_and_have_no_room_for_more(module_name: str) -> None:
    for found in dataclasses_of(module_name):
        assert "__slots__" in vars(found), f"{found.__name__} takes any attribute"
        assert found.__dataclass_params__.frozen == (found.__name__ not in COLLECTORS), found.__name__
