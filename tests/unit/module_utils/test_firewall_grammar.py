# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of rule strings: nothing is lost on the way in and out, and what is no rule is refused where it fails."""

from __future__ import annotations

import random

import pytest
from firewall_support import STORES, entries

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError, RuleSyntaxError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_grammar import format_rule_text, parse_rule_text
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import format_rule, parse_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import read_rule

EVERY_RULE = [(store, rule_id, text) for store in STORES for rule_id, text in entries(store)]


@pytest.mark.parametrize(("store", "rule_id", "text"), EVERY_RULE, ids=lambda value: value[:40])
def test_every_rule_of_the_stores_formats_as_it_was_written(store: str, rule_id: str, text: str) -> None:
    assert format_rule_text(parse_rule_text(text)) == text
    assert read_rule(rule_id, text).problem == ""


@pytest.mark.parametrize(("store", "rule_id", "text"), EVERY_RULE, ids=lambda value: value[:40])
def test_a_rule_written_from_its_meaning_has_the_same_meaning(store: str, rule_id: str, text: str) -> None:
    rule = parse_rule(text)
    again = format_rule(rule)
    assert parse_rule(again) == rule
    assert format_rule(parse_rule(again)) == again


def test_unknown_and_repeated_fields_keep_their_place_and_spelling() -> None:
    text = "V2.99|Action=Allow|New2_50=a=b|Dir=In|Profile=Public|new2_50=c|Profile=Domain|Name=x|Zeta=|"
    rule = parse_rule_text(text)
    assert rule.version == (2, 99)
    assert rule.values("NEW2_50") == ("a=b", "c")
    assert rule.values("Zeta") == ("",)
    assert rule.values("Absent") == ()
    assert format_rule_text(rule) == text


def test_version_2_10_is_newer_than_2_9() -> None:
    assert parse_rule_text("v2.10|Name=x|").version > parse_rule_text("v2.9|Name=x|").version


def test_with_values_replaces_at_the_first_place_or_appends() -> None:
    rule = parse_rule_text("v2.10|Action=Allow|Profile=Public|Name=x|Profile=Domain|")
    assert format_rule_text(rule.with_values("profile", ["Private"])) == "v2.10|Action=Allow|profile=Private|Name=x|"
    assert format_rule_text(rule.with_values("Desc", ["d"])).endswith("|Profile=Domain|Desc=d|")
    assert format_rule_text(rule.with_values("Profile", [])) == "v2.10|Action=Allow|Name=x|"


MUST_FAIL = [
    ("", 0, 0),
    ("2.10|Name=x|", 0, 6),
    ("v2|Name=x|", 0, 6),
    ("v2.10", 0, 5),
    ("v2.10|", 6, 0),
    ("v2.10|Name=x", 6, 6),
    ("v2.10|Name=x|Dir=In", 13, 6),
    ("v2.10||Name=x|", 6, 0),
    ("v2.10|Name|", 6, 4),
    ("v2.10|=x|", 6, 2),
    ("v2.10|Na me=x|", 6, 7),
    ("v2.10|Name=x|junk|", 13, 4),
]


@pytest.mark.parametrize(("text", "offset", "length"), MUST_FAIL)
def test_what_has_no_frame_is_refused_where_it_fails(text: str, offset: int, length: int) -> None:
    with pytest.raises(RuleSyntaxError) as caught:
        parse_rule_text(text)
    assert (caught.value.offset, caught.value.length) == (offset, length)


@pytest.mark.parametrize(("rule_id", "text"), entries("malformed"), ids=lambda value: value[:30])
def test_malformed_entries_are_kept_with_the_reason(rule_id: str, text: str) -> None:
    item = read_rule(rule_id, text)
    assert item.rule is None
    assert item.problem
    assert item.text == text


def mutated(generator: random.Random, text: str) -> str:
    """The text with one to four edits: characters, bars, fields and numbers that hurt."""
    alphabet = '|=|=vV.0159-:/\\%*@"é\ud800\n\x00 ARPLDSF'
    for _unused in range(generator.randint(1, 4)):
        place = generator.randrange(len(text) + 1)
        kind = generator.randrange(5)
        if kind == 0:
            text = text[:place] + generator.choice(alphabet) + text[place:]
        elif kind == 1:
            text = text[:place] + text[place + generator.randint(1, 6) :]
        elif kind == 2:
            text = (
                text[:place] + generator.choice(("99999999999999999999", "65536", "255.255.255.255/33")) + text[place:]
            )
        elif kind == 3:
            fields = text.split("|")
            generator.shuffle(fields)
            text = "|".join(fields)
        else:
            text = text[place:] + text[:place]
    return text


def check_mutants(count: int) -> int:
    """How many mutants were still read as rules; the others must have been refused, and kept as they are."""
    number_read = 0
    generator = random.Random(20260302)
    texts = [text for _unused, _unused, text in EVERY_RULE]
    for _unused in range(count):
        text = mutated(generator, generator.choice(texts))
        item = read_rule("{id}", text)
        try:
            assert format_rule_text(parse_rule_text(text)) == text
        except DomainError:
            assert item.rule is None
        if item.rule is not None:
            assert parse_rule(format_rule(item.rule)) == item.rule
            number_read += 1
    return number_read


def test_mutated_rules_are_read_or_refused() -> None:
    assert 500 < check_mutants(5_000) < 4_500


@pytest.mark.slow
def test_many_mutated_rules_are_read_or_refused() -> None:
    assert 10_000 < check_mutants(100_000) < 90_000
