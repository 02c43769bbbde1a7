# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the project's targets in the environments that setup_env.py builds; the Makefile calls nothing else.

`run.py test` is everything a change must pass; more targets may follow. Each step prints its name and time, and the
rest goes on when one fails; a step that cannot run on this machine says so by name and is listed at the end. The last
line counts: a test of pytest is one, a command (a linter, the demo) is one, what is left out is skipped.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable

import ansible_test
import audit as auditing
import axe
import bundle as bundling
import covered
import debian
import package as packaging
import setup_env
from steps import COLLECTIONS, ROOT, TALLY, StepFailed, call, each, pytest, venv_for

PACKAGE = "ansible_collections.otsec.opc_dcom.plugins"
# Everything that is typed strictly.
TYPED = (f"{PACKAGE}.module_utils", f"{PACKAGE}.plugin_utils", f"{PACKAGE}.action")
# Where tests run ansible-playbook as a process.
PLAYBOOK_TESTS = ("tests/integration", "tests/unit/plugin_utils/wsman/test_wsman_loop.py")


# -- targets


def lint() -> None:
    """ruff (lint and format) over everything that is Python."""
    venv = venv_for(tools="lint")
    call(venv, "ruff", "check", "--no-cache", ".")
    call(venv, "ruff", "format", "--no-cache", "--check", ".")
    call(venv, "antsibull-changelog", "lint")


def types() -> None:
    """mypy --strict over the plugins and the simulator."""
    venv = venv_for(tools="lint")
    config = f"--config-file={ROOT / 'pyproject.toml'}"
    packages = [argument for name in TYPED for argument in ("-p", name)]
    call(venv, "mypy", config, *packages, cwd=COLLECTIONS, extra={"MYPYPATH": str(COLLECTIONS)})
    call(venv, "mypy", config, "-p", "simulator", extra={"MYPYPATH": str(ROOT / "tests")})


def drift() -> None:
    """Documentation against code, layering."""
    pytest(venv_for(), "tests/drift")


def unit() -> None:
    """Everything without a process of its own, on the newest ansible-core."""
    pytest(venv_for(), "-m", "not slow and not e2e", "tests/unit")


def coverage() -> None:
    """Lines and branches of the pure model and of the WS-Man client that the unit tests run: at least 95 %."""
    covered.check(venv_for())


def e2e() -> None:
    """Playbooks against the simulated site, on the newest ansible-core."""
    pytest(venv_for(), "-m", "e2e and not slow and not site", *PLAYBOOK_TESTS)


def site() -> None:
    """Whole sites through several playbooks: roll-out, accounts, undo, the demo."""
    pytest(venv_for(), "-m", "site and not slow", "tests/integration")
    each(other_cores(), lambda core: matrix_of(core, "matrix and site"))


def matrix() -> None:
    """The same playbooks on the other supported ansible-cores; one whose Python is missing is left out by name."""
    each(other_cores(), lambda core: matrix_of(core, "matrix and not site"))


def other_cores() -> list[str]:
    newest, _python = setup_env.choose(None)
    return [core for core in setup_env.PYTHONS if core != newest]


def matrix_of(core: str, chosen: str) -> None:
    if not any(setup_env.find_python(version) for version in setup_env.PYTHONS[core]):
        TALLY.leave_out(f"ansible-core {core}: no Python {' or '.join(setup_env.PYTHONS[core])} on this machine")
        return
    print(f"-- ansible-core {core}", flush=True)
    pytest(venv_for(core), "-m", chosen, *PLAYBOOK_TESTS)


def slow() -> None:
    """Full counts of the property tests and comparisons."""
    pytest(venv_for(), "-m", "slow and not wine and not browser", "tests")


def oracles() -> None:
    """Samba, which tests compare with."""
    debian.ensure(debian.SAMBA, "comparison with Samba")


def wine() -> None:
    """Comparisons with Wine."""
    if debian.ensure(debian.WINE, "comparison with Wine"):
        pytest(venv_for(), "-m", "wine", "tests")


def browser() -> None:
    """The report in headless Chromium: requests, console, keyboard, paper, accessibility."""
    axe.ensure()
    if debian.ensure(debian.CHROMIUM, "the report in a browser"):
        pytest(venv_for(), "-m", "browser", "tests/unit")


def molecule() -> None:
    """The molecule scenarios, through pytest-ansible."""
    # Without the last option pytest-ansible makes a directory of links in this checkout.
    chosen = ("-m", "molecule", "-k", "extensions or not test_scenario", "--ansible-unit-inject-only")
    pytest(venv_for(tools="acceptance"), *chosen, "tests/molecule")


def awx() -> None:
    """Jobs as AWX runs them, the objects made in it, and its execution environment."""
    pytest(venv_for(tools="acceptance"), "-m", "awx", "--ansible-unit-inject-only", "tests/awx")


def package() -> None:
    """ansible-lint, documentation, licences; the tarball, installed elsewhere, the demo and README from there."""
    packaging.check()


def bundle() -> None:
    """One archive for a site without internet, installed without a network."""
    bundling.make()


def audit() -> None:
    """pip-audit: known vulnerabilities of everything that is pinned."""
    auditing.check()


def sanity() -> None:
    """ansible-test sanity on the newest ansible-core that runs here."""
    core, _python = setup_env.choose(None)
    ansible_test.sanity(core)


def sanity_all() -> None:
    """ansible-test sanity on every supported ansible-core."""
    each(setup_env.PYTHONS, ansible_test.sanity)


def units() -> None:
    """ansible-test units on the newest ansible-core that runs here."""
    core, _python = setup_env.choose(None)
    ansible_test.units(core)


def units_all() -> None:
    """ansible-test units on every supported ansible-core."""
    each(setup_env.PYTHONS, ansible_test.units)


def demo() -> None:
    """The simulated site, hardened by the real playbook."""
    venv = venv_for()
    call(venv, "python", "tools/demo.py")


def mutation() -> None:
    """How many mutants of the pure model the unit tests notice: a sample, or all with MUTANTS=all; at least 85 %."""
    chosen = ("--mutants", os.environ.get("MUTANTS", "600"), "--seed", os.environ.get("SEED", "1"))
    call(venv_for(tools="mutation"), "nice", "-n", "15", "python", "tools/mutation.py", *chosen)


def bench() -> None:
    """Messages and bytes per module; the roles against single modules, stock modules and Ansible's own cost."""
    call(venv_for(), "python", "benchmarks/messages.py")
    call(venv_for(), "python", "benchmarks/compare.py", "--output", "docs/benchmark.md")


def fuzz() -> None:
    """Every parser, fuzzed with atheris for FUZZ_SECONDS each; without atheris by mutations of the corpus."""
    try:
        call(venv_for(tools="fuzz"), "python", "tools/fuzzing.py")
    except StepFailed:
        if (setup_env.BUILD / "venv-fuzz" / "installed.stamp").is_file():
            raise
        TALLY.failed -= 1  # counted as a failure where it is something left out
        TALLY.leave_out("fuzzing guided by coverage: atheris cannot be installed here; the corpus is mutated instead")
        call(venv_for(), "python", "tools/fuzzing.py")


def soak() -> None:
    """Half an hour of random trouble for a hundred simulated hosts, and what is left of it."""
    call(venv_for(), "python", "tests/soak.py", "--minutes", "30", "--hosts", "100")


TEST_STEPS: tuple[Callable[[], None], ...] = (oracles, lint, types, drift, unit, e2e, matrix)
ANSIBLE_TEST_STEPS = (sanity, sanity_all, units, units_all)
MORE_STEPS = (
    coverage, mutation, site, soak, slow, wine, browser, molecule, awx, package, bundle, audit, *ANSIBLE_TEST_STEPS,
    demo, bench, fuzz,
)  # fmt: skip
TARGETS = {step.__name__.replace("_", "-"): (step,) for step in (*TEST_STEPS, *MORE_STEPS)} | {"test": TEST_STEPS}


def run_step(step: Callable[[], None]) -> str | None:
    """What failed."""
    started = time.monotonic()
    print(f"== {step.__name__}: {step.__doc__}", flush=True)
    try:
        step()
    except StepFailed as failure:
        print(f"== {step.__name__} FAILED in {time.monotonic() - started:.0f} s: {failure}", flush=True)
        return f"{step.__name__}: {failure}"
    except Exception as error:  # noqa: BLE001 - the steps after it run all the same
        traceback.print_exc()
        print(f"== {step.__name__} FAILED in {time.monotonic() - started:.0f} s", flush=True)
        return f"{step.__name__}: {type(error).__name__}: {error}"
    print(f"== {step.__name__} passed in {time.monotonic() - started:.0f} s", flush=True)
    return None


def main() -> int:
    names = sys.argv[1:] or ["test"]
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        print(f"run: no target {', '.join(unknown)}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    failures = [failure for name in names for step in TARGETS[name] if (failure := run_step(step))]
    for what in TALLY.left_out:
        print(f"run: LEFT OUT {what}")
    for failure in failures:
        print(f"run: FAILED {failure}")
    print(f"run: {TALLY.passed} passed, {TALLY.failed} failed, {TALLY.skipped} skipped", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
