# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutation testing of plugins/module_utils: how many small changes of the code do the unit tests notice?

`mutation.py --mutants 600 --seed 7` takes a random sample of all mutants; `--mutants all` takes every one. It fails
below the share that docs/testing.md names. What was found is in .build/mutation.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import json
import math
import os
import random
import subprocess
import sys
import time
import types
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import mutation_tests as running
import pytest
from mutants import Mutant, mutants_of, text_of

ROOT = running.ROOT
RESULTS = ROOT / ".build" / "mutation"
WANTED = 0.85
# Imported before the forks, because all tests need them and none of them imports ours.
HEAVY = ("hypothesis", "requests", "spnego", "h11", "yaml", "jinja2", "trustme", "pypsrp.client", "winrm", "impacket")


@dataclass
class Outcome:
    mutant: Mutant
    # killed, survived, or "does not compile"
    result: str
    tests: int
    cut: bool
    change: list[str]


@dataclass
class Run:
    tests: running.TestMap
    temporary: Path
    # A mutant's tests are cut after so many seconds, as measured for the map; what it survived until then counts.
    limit: float
    outcomes: list[Outcome] = field(default_factory=list)

    def cold(self, plugin: running.ForkPlugin, mutant: Mutant, source: str, tests: list[str]) -> int:
        """The closest test files first: importing all of them takes longer than most mutants live."""
        first = self.tests.of_first_files(tests, 2)
        for chosen in (first, tests) if first != tests else (tests,):
            allowed = 20 + 3 * sum(map(self.tests.seconds.__getitem__, chosen))
            work = partial(plugin.run_with_file, mutant.path, source, chosen)
            if running.in_fork(work, allowed) == running.KILLED:
                return running.KILLED
        return running.SURVIVED

    def note(self, trial: Trial, code: int | None, source: str) -> None:
        """`code` None: the mutant does not compile."""
        result = {None: "does not compile", running.KILLED: "killed"}.get(code, "survived")
        change = change_of(trial.mutant, source) if result == "survived" else []
        self.outcomes.append(Outcome(trial.mutant, result, len(trial.tests), trial.cut, change))
        print(f"{len(self.outcomes):5} {result:8} {trial.mutant.name}", flush=True)


# -- the sample


def all_mutants(only: str | None) -> tuple[list[Mutant], Counter[str]]:
    everything, left_out = [], Counter[str]()
    for path in sorted(running.PURE.glob(only or "*.py")):
        found, excluded = mutants_of(path)
        everything += found
        left_out += excluded
    return everything, left_out


def compiled(mutant: Mutant) -> tuple[str, types.CodeType] | None:
    source = mutant.source()
    try:
        with warnings.catch_warnings(action="ignore"):
            return source, compile(source, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None


def change_of(mutant: Mutant, source: str) -> list[str]:
    lines = difflib.unified_diff(text_of(mutant.path).split("\n"), source.split("\n"), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


@cache
def statements(path: Path) -> list[tuple[int, int]]:
    """First and last line of every statement; of one with a body, only of its head."""
    found = []
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            body = getattr(node, "body", None) or getattr(node, "cases", None)
            first = getattr(node, "lineno", None) or node.pattern.lineno  # type: ignore[union-attr]
            first = min([first, *(item.lineno for item in getattr(node, "decorator_list", ()))])
            start = getattr(body[0], "lineno", None) or body[0].pattern.lineno if body else 0
            found.append((first, max(first, start - 1) if body else node.end_lineno))  # type: ignore[union-attr]
    return found


def lines_of(mutant: Mutant) -> tuple[int, int]:
    """The lines of the smallest statement around a mutant."""
    line = mutant.start[0]
    around = [span for span in statements(mutant.path) if span[0] <= line <= span[1]]
    return min(around, key=lambda span: span[1] - span[0], default=(line, line))


# -- running


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant and its tests in order. `imports`: what it changes runs at import."""

    mutant: Mutant
    tests: list[str]
    cut: bool
    imports: bool


def trial_of(mutant: Mutant, run: Run) -> Trial:
    tests, imports = run.tests.of(mutant.path.name, *lines_of(mutant))
    fitting = run.tests.within(tests, run.limit)
    return Trial(mutant, fitting, len(fitting) < len(tests), imports)


def execute(sample: list[Mutant], run: Run) -> None:
    trials = [trial_of(mutant, run) for mutant in sample]
    cold = [trial for trial in trials if trial.imports]
    warm = [trial for trial in trials if not trial.imports]
    plugin = running.ForkPlugin(partial(execute_cold, cold, run), partial(execute_warm, warm, run))
    pytest.main([*running.PYTEST, f"--basetemp={run.temporary}", *running.MARKED, *running.CHOSEN], plugins=[plugin])


def execute_cold(trials: list[Trial], run: Run, plugin: running.ForkPlugin) -> None:
    for trial in trials:
        made = compiled(trial.mutant)
        if made is None:
            run.note(trial, None, "")
        else:
            run.note(trial, run.cold(plugin, trial.mutant, made[0], trial.tests), made[0])


def execute_warm(trials: list[Trial], run: Run, plugin: running.ForkPlugin) -> None:
    for trial in trials:
        made = compiled(trial.mutant)
        if made is None:
            run.note(trial, None, "")
            continue
        source, after = made
        code, file = running.SURVIVED, trial.mutant.path
        before = compile(text_of(file), "mutant", "exec", dont_inherit=True)
        function = running.changed_function(before, after)
        if function is not None and trial.tests:
            allowed = 5 + 3 * sum(map(run.tests.seconds.__getitem__, trial.tests))
            code = running.in_fork(partial(plugin.run_with_function, function, file.name, trial.tests), allowed)
        run.note(trial, code, source)


# -- figures


def interval(killed: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson's)."""
    z, share = 1.96, killed / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return middle - half, middle + half


def report(outcomes: list[Outcome], population: int, left_out: Counter[str]) -> float:
    """Print what came out; returns the share killed."""
    counted = [outcome for outcome in outcomes if outcome.result != "does not compile"]
    files = defaultdict(list)
    for outcome in counted:
        files[outcome.mutant.path.name].append(outcome.result == "killed")
    print("\n| file | mutants | killed |\n|---|---|---|")
    for name, results in sorted(files.items()):
        print(f"| {name} | {len(results)} | {sum(results)} ({sum(results) / len(results):.0%}) |")
    for outcome in (outcome for outcome in counted if outcome.result == "survived"):
        tried = f"{outcome.tests} tests{', not all' if outcome.cut else ''}"
        print(f"\nsurvived {outcome.mutant.name} ({tried})", *outcome.change, sep="\n  ")
    print(f"\nleft out: {dict(left_out)}; did not compile: {len(outcomes) - len(counted)}")
    if not counted:
        return 0.0
    # Twelve operators for each other are many mutants that hardly any test misses; without them for comparison.
    hard = [outcome for outcome in counted if not outcome.mutant.operator.startswith("ReplaceBinaryOperator")]
    for what, chosen in (("all operators", counted), ("without binary operators", hard)):
        killed = sum(outcome.result == "killed" for outcome in chosen)
        if chosen:
            low, high = interval(killed, len(chosen))
            share = f"{killed / len(chosen):.1%} (95 % interval {low:.1%} to {high:.1%})"
            print(f"mutation: {what}: {killed} of {len(chosen)} killed, {share}; {population} mutants in all")
    return sum(outcome.result == "killed" for outcome in counted) / len(counted)


def digest(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return found.hexdigest()


def test_map() -> running.TestMap:
    """Made anew (ten minutes) when the code changed; when only tests did, those files are run again."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    files = {path for folder in running.OF_OURS for path in (ROOT / folder).rglob("test_*.py")}
    code = digest({path for folder in ("plugins", "tests") for path in (ROOT / folder).rglob("*.py")} - files)
    tests = {str(path.relative_to(ROOT)): digest([path]) for path in files}
    state_file = RESULTS / "map.json"
    state = json.loads(state_file.read_text()) if state_file.is_file() else {}
    if state.get("code") != code:
        state = {"code": code, "parts": []}
    parts: list[dict[str, str]] = state["parts"]
    known = {name: told for part in parts for name, told in part.items()}
    stale = sorted(name for name, told in tests.items() if known.get(name) != told)
    if stale:
        # In a process of its own: nothing of ours may be imported here before the forks.
        number = len(parts)
        files_of_part = (RESULTS / f"coverage-{number}", RESULTS / f"seconds-{number}.json")
        command = [sys.executable, running.__file__, *map(str, files_of_part), *(stale if parts else ())]
        subprocess.run(command, cwd=ROOT, check=True)
        parts.append({name: tests[name] for name in stale})
        state_file.write_text(json.dumps(state))
    return running.TestMap.read(list(map_parts(parts, set(tests))))


def map_parts(parts: list[dict[str, str]], existing: set[str]) -> Iterator[running.MapPart]:
    """The later of two runs of a test file counts."""
    for number, part in enumerate(parts):
        later = {name for other in parts[number + 1 :] for name in other}
        own = frozenset(existing & part.keys() - later)
        yield running.MapPart(RESULTS / f"coverage-{number}", RESULTS / f"seconds-{number}.json", own)


def preload() -> None:
    for name in HEAVY:
        try:
            __import__(name)
        except ImportError:
            print(f"mutation: without {name}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", default="600", help="how many, or all")
    parser.add_argument("--seed", type=int, default=1, help="which sample")
    parser.add_argument("--files", help="only files of plugins/module_utils that match, such as _sddl.py")
    parser.add_argument("--limit", type=float, default=60, help="seconds of tests a mutant has to survive")
    options = parser.parse_args()
    everything, left_out = all_mutants(options.files)
    count = len(everything) if options.mutants == "all" else min(int(options.mutants), len(everything))
    sample = random.Random(options.seed).sample(everything, count)
    started = time.monotonic()
    run = Run(test_map(), RESULTS / f"tmp-{os.getpid()}", options.limit)
    preload()
    execute(sample, run)
    share = report(run.outcomes, len(everything), left_out)
    found = [{"name": item.mutant.name, "result": item.result, "change": item.change} for item in run.outcomes]
    (RESULTS / f"result-{options.seed}.json").write_text(json.dumps(found, indent=1))
    print(f"mutation: seed {options.seed}, {time.monotonic() - started:.0f} s")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
