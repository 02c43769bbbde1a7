# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mutants of plugins/module_utils, by cosmic-ray's operators, and the named rules that leave some of them out.

Every rule says why no test could tell such a mutant from the original; docs/testing.md lists them.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names
from parso.tree import BaseNode, NodeOrLeaf

# They need a pair of variables to be told by hand.
WITH_ARGUMENTS = ("core/VariableReplacer", "core/VariableInserter")
SAME_BUT_IDENTITY = {("Eq", "Is"), ("Is", "Eq"), ("NotEq", "IsNot"), ("IsNot", "NotEq")}

BRACKETS = frozenset("()[]{},.:;=@") | {"->", ":=", "...", "=="}

# Enumerations whose members are one bit each, so that their sum, their exclusive or and their or are the same.
SINGLE_BITS = {"AccessMask", "AceFlags", "Control"}
SAME_FOR_DISJOINT = {"ReplaceBinaryOperator_BitOr_Add", "ReplaceBinaryOperator_BitOr_BitXor"}

Position = tuple[int, int]
Span = tuple[Position, Position]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change by one operator: its `occurrence`-th place in the file, which starts at `start`."""

    path: Path
    operator: str
    occurrence: int
    start: Position

    @property
    def name(self) -> str:
        return f"{self.path.name}:{self.start[0]} {self.operator} #{self.occurrence}"

    def source(self) -> str:
        """The whole file with this change."""
        mutated = mutate_code(text_of(self.path), operators()[self.operator], self.occurrence)
        if mutated is None:
            raise LookupError(f"{self.name}: no such place")
        return str(mutated)


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def operators() -> dict[str, Operator]:
    """Every operator of cosmic-ray that works without arguments."""
    names = [name for name in operator_names() if name not in WITH_ARGUMENTS]
    return {name.removeprefix("core/"): get_operator(name)() for name in names}


def mutants_of(path: Path) -> tuple[list[Mutant], Counter[str]]:
    """The mutants of one file, and how many each rule left out."""
    nodes = [node for node in ast_nodes(get_ast(text_of(path))) if may_change(node)]
    found, left_out = [], Counter[str]()
    rules = Rules.of(path)
    for name, operator in operators().items():
        starts = [start for node in nodes for start, _end in operator.mutation_positions(node)]
        for occurrence, start in enumerate(starts):
            rule = rules.applying(name, start)
            if rule:
                left_out[rule] += 1
            else:
                found.append(Mutant(path, name, occurrence, start))
    return found, left_out


def may_change(node: NodeOrLeaf) -> bool:
    """Leave names, texts and brackets out early: there are many, and no operator changes them."""
    if isinstance(node, BaseNode) or node.type in ("keyword", "number"):
        return True
    return node.type == "operator" and node.value not in BRACKETS


# -- rules


@dataclass(frozen=True, slots=True)
class Rules:
    """What is left out of one file; the names of the rules are those of docs/testing.md."""

    lines: list[str]
    annotations: list[Span]
    flags: list[Span]

    @classmethod
    def of(cls, path: Path) -> Rules:
        text = text_of(path)
        tree = ast.parse(text)
        postponed = "from __future__ import annotations" in text
        annotations = list(annotation_spans(tree, text)) if postponed else []
        return cls(text.split("\n"), annotations, list(flag_spans(tree, text)))

    def applying(self, operator: str, start: Position) -> str | None:
        """The first rule that leaves a mutant out, or None."""
        if any(first <= start < last for first, last in self.annotations):
            return "annotation"
        if only_identity(operator):
            return "identity"
        if operator in SAME_FOR_DISJOINT and any(first <= start < last for first, last in self.flags):
            return "flags"
        line, column = self.lines[start[0] - 1], start[1]
        if operator == "ReplaceTrueWithFalse" and line[:column].endswith("slots="):
            return "slots"
        is_bare = line[column:].startswith("*,") and (line[:column].endswith(("(", ", ")) or line.strip() == "*,")
        return "keyword-only" if is_bare else None


def annotation_spans(tree: ast.AST, text: str) -> Iterator[Span]:
    """Where annotations are: from first to after last character, lines from 1, columns in characters."""
    for node in ast.walk(tree):
        annotation = getattr(node, "returns", None) or getattr(node, "annotation", None)
        if isinstance(annotation, ast.expr):
            yield span_of(annotation, text)


def flag_spans(tree: ast.AST, text: str) -> Iterator[Span]:
    """Where members of one enumeration of single bits are put together, each once."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            members = [ast.unparse(member).removesuffix(".value") for member in or_ed(node)]
            names = {member.rpartition(".")[0] for member in members}
            if len(names) == 1 and names <= SINGLE_BITS and len(set(members)) == len(members):
                yield span_of(node, text)


def or_ed(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*or_ed(node.left), *or_ed(node.right)]
    return [node]


def span_of(node: ast.expr, text: str) -> Span:
    lines = text.split("\n")
    last_line, last_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    first = (node.lineno, characters(lines, node.lineno, node.col_offset))
    return first, (last_line, characters(lines, last_line, last_column))


def characters(lines: list[str], line: int, offset: int) -> int:
    """A column of ast (UTF-8 bytes) as one of parso (characters)."""
    return len(lines[line - 1].encode()[:offset].decode())


def only_identity(operator: str) -> bool:
    pair = re.fullmatch(r"ReplaceComparisonOperator_(\w+?)_(\w+)", operator)
    return bool(pair) and (pair[1], pair[2]) in SAME_BUT_IDENTITY
