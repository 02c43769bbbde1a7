# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of variables as opc_site_info reads them: what Ansible's own templating gives, without its time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._site_variables import plain, said

VARIABLES = {"secret": "s3cret", "peer": {"address": "10.0.0.1"}, "nested": "{{ secret }}!", "none": None}
LITERAL: dict[str, Any] = {
    "hosts": {"a": {"address": "10.0.0.2", "note": "50 % {of} it"}},
    "links": [{"name": "one", "browse": True, "weight": 1.5, "count": 3, "reason": None}],
}


def trusted(value: Any) -> Any:
    """The value as Ansible reads it from a playbook; only since 2.19 it keeps apart what it trusts."""
    try:
        from ansible.template import trust_as_template
    except ImportError:
        return value
    if isinstance(value, Mapping):
        return {name: trusted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


@pytest.fixture
def templar() -> Templar:
    return Templar(loader=DataLoader(), variables=trusted(VARIABLES))


@pytest.mark.parametrize(
    "value",
    [
        LITERAL,
        {**LITERAL, "accounts": {"OPC": {"password": "{{ secret }}"}}},
        {**LITERAL, "links": [{"name": "{{ nested }}"}, {"name": "two"}]},
        {**LITERAL, "links": "{{ [peer] }}"},
        {**LITERAL, "links": "none at all"},
        {"hosts": {"a": "{% if secret %}b{% endif %}"}},
        {"hosts": {"a": "x{# a remark #}y"}},
        {"hosts": {"a": {"address": "{{ peer.address }}"}}},
        "{{ peer }}",
        "a text",
        ["a", "{{ secret }}"],
        7,
        False,
        None,
        {},
    ],
    ids=str,
)
def test_a_value_is_what_ansible_makes_of_it(templar: Templar, value: Any) -> None:
    found = said(trusted(value), templar)
    assert found == plain(templar.template(trusted(value)))
    assert "{{" not in str(found)


def test_parts_without_a_template_are_not_templated(templar: Templar) -> None:
    broken = {**LITERAL, "accounts": {"OPC": {"password": "{{ nowhere }}"}}}
    with pytest.raises(AnsibleError, match="nowhere"):
        said(trusted(broken), templar)
    assert said(trusted(LITERAL), templar) == LITERAL
