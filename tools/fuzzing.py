# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fuzz the targets of tests/fuzz one after the other; run.py calls this in the environment that has the fuzzer.

FUZZ_SECONDS is the time of each target (default 60, 0 to save only), FUZZ_TARGETS names some of them, FUZZ_SAVE=1
writes a small set of inputs that takes every branch known into tests/fuzz/corpus. What is found lies in
.build/fuzz/findings.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import random
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".build" / "fuzz"
FINDINGS = WORK / "findings"
sys.path[:0] = [str(ROOT / ".build" / "collections"), str(ROOT / "tests")]

from fuzz.mutation import mutated  # noqa: E402 - the path is set above
from fuzz.target import Target, check  # noqa: E402
from fuzz.targets import TARGETS, corpus_of, save_inputs  # noqa: E402

OURS = "ansible_collections/otsec/opc_dcom"
# The saved inputs of one target, so that the checkout stays small and the replay quick.
MAX_FILES = 40
MAX_BYTES = 40_000
Branch = tuple[str, int, int]


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def fuzz(name: str, seconds: int) -> str:
    """Run one target. Returns what libFuzzer counted."""
    grown = WORK / "corpus" / name
    grown.mkdir(parents=True, exist_ok=True)
    for data in corpus_of(name):
        (grown / name_of(data)).write_bytes(data)
    command = [sys.executable, str(ROOT / "tests" / "fuzz" / "run_target.py"), name, str(FINDINGS)]
    options = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1"]
    options += ["-verbosity=0", f"-artifact_prefix={FINDINGS}/{name}-"]
    done = subprocess.run(
        [*command, *options, str(grown)], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        (FINDINGS / f"{name}-exit.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    counted = dict(re.findall(r"stat::(\w+): +(\d+)", done.stdout + done.stderr))
    return f"{counted.get('number_of_executed_units', '?')} executions, {counted.get('peak_rss_mb', '?')} MB"


def mutate(name: str, seconds: int) -> str:
    """Without the fuzzer: mutations of the corpus, which no coverage guides. Returns how many."""
    target, inputs, rng = TARGETS[name], corpus_of(name), random.Random()
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(rng, rng.choice(inputs), inputs)[: target.max_len]
        count += 1
        try:
            check(target, data)
        except Exception:  # noqa: BLE001 - whatever a target lets out is what is looked for
            (FINDINGS / f"{name}-{name_of(data)}").write_bytes(data)
            (FINDINGS / f"{name}-{name_of(data)}.txt").write_text(traceback.format_exc(), errors="backslashreplace")
            break
    return f"{count} mutations of the corpus, NOT guided by coverage"


def found_of(name: str) -> list[Path]:
    """What was found in a target: inputs, tracebacks, and what the fuzzer printed when it did not end by itself."""
    return sorted(FINDINGS.glob(f"{name}-*"))


# -- the corpus


def branches_of(target: Target, data: bytes) -> frozenset[Branch]:
    """The branches of our code that an input takes."""
    seen: set[Branch] = set()
    events = sys.monitoring.events

    def branch(code: CodeType, source: int, destination: int) -> object:
        if OURS not in code.co_filename:
            return sys.monitoring.DISABLE
        seen.add((f"{code.co_filename}:{code.co_firstlineno}", source, destination))
        return None

    sys.monitoring.use_tool_id(sys.monitoring.COVERAGE_ID, "fuzz")
    sys.monitoring.register_callback(sys.monitoring.COVERAGE_ID, events.BRANCH, branch)
    sys.monitoring.set_events(sys.monitoring.COVERAGE_ID, events.BRANCH)
    try:
        check(target, data)
    finally:
        sys.monitoring.set_events(sys.monitoring.COVERAGE_ID, 0)
        sys.monitoring.free_tool_id(sys.monitoring.COVERAGE_ID)
    return frozenset(seen)


def smallest(target: Target, inputs: Iterable[bytes], covered: set[Branch]) -> list[bytes]:
    """Inputs that together take every branch, small ones first; at most what a target may keep."""
    kept: list[bytes] = []
    for data in sorted(set(inputs), key=lambda item: (len(item), item)):
        new = branches_of(target, data) - covered
        if new and len(kept) < MAX_FILES and sum(map(len, kept)) + len(data) <= MAX_BYTES:
            covered |= new
            kept.append(data)
    return kept


def save(name: str) -> str:
    """Replace the saved inputs of a target. Returns what is kept."""
    target = TARGETS[name]
    inputs = [*corpus_of(name), *(path.read_bytes() for path in (WORK / "corpus" / name).glob("*"))]
    covered: set[Branch] = set()
    for data in target.seeds:
        covered |= branches_of(target, data)
    kept = smallest(target, inputs, covered)
    save_inputs(name, kept)
    return f"{len(kept)} inputs, {sum(map(len, kept))} bytes kept"


def main() -> int:
    seconds = int(os.environ.get("FUZZ_SECONDS", "60"))
    names = os.environ.get("FUZZ_TARGETS", "").replace(",", " ").split() or list(TARGETS)
    FINDINGS.mkdir(parents=True, exist_ok=True)
    run = fuzz if importlib.util.find_spec("atheris") else mutate
    if run is mutate:
        print("fuzz: atheris is NOT installed in this environment; mutating the corpus instead", flush=True)
    found: list[Path] = []
    for name in names:
        for old in found_of(name):
            old.unlink()
        if seconds:
            print(f"-- {name}: {run(name, seconds)}", flush=True)
        if os.environ.get("FUZZ_SAVE") == "1" and not found_of(name):
            print(f"   {save(name)}", flush=True)
        found += found_of(name)
    for path in found:
        print(f"FOUND {path.relative_to(ROOT)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
