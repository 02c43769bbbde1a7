# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests run which line, and running just those tests against a mutant in a forked process.

A function is changed in place in a fork of a pytest that has collected everything (milliseconds). What runs at import
(tables, defaults, decorators) needs a fork from before our modules were imported, which then imports the changed file.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import json
import math
import os
import re
import resource
import signal
import sys
import time
import types
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).resolve().parent.parent
PURE = ROOT / "plugins" / "module_utils"
MODULES = "ansible_collections.otsec.opc_dcom.plugins.module_utils"
# Seeded and without a cache, so that a mutant meets the same tests twice.
PYTEST = ("-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "--capture=no", "--no-header", "--no-summary")
# Those of the simulator run none of our code. The folder above them is named, because pytest would import the conftest
# of a folder that is named, and ours with it, before the forks.
OF_OURS = ("tests/unit/filter", "tests/unit/module_utils", "tests/unit/plugin_utils")
CHOSEN = ("--ignore=tests/unit/simulator", "--ignore=tests/unit/tools", "tests/unit")
MARKED = ("-m", "not slow and not e2e and not site and not browser and not wine")
AT_IMPORT = ""
# Tests of what files hold after their import; they run no line of them.
ABOUT_EVERY_FILE = {"tests/unit/module_utils/test_values.py::"}

KILLED, SURVIVED = 1, 0
# Seconds on the clock for a second of processor time.
PATIENCE = 20
# Tests that a map is made without.
MAY_FAIL = 5


# -- which tests run which line


@dataclass(frozen=True, slots=True)
class MapPart:
    """What one run of `make_map` wrote, and the test files it is the last word on."""

    data: Path
    durations: Path
    test_files: frozenset[str]

    def tells_of(self, context: str) -> bool:
        return context == AT_IMPORT or context.partition("::")[0] in self.test_files


@dataclass
class TestMap:
    """Tests by file and line, and how long each takes in seconds."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]
    close: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, parts: Sequence[MapPart]) -> TestMap:
        """Put parts together; what each says of its own test files counts."""
        lines: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        seconds: dict[str, float] = {}
        for part in parts:
            found = coverage.CoverageData(str(part.data))
            found.read()
            for name in found.measured_files():
                for line, contexts in found.contexts_by_lineno(name).items():
                    lines[Path(name).name][line] += filter(part.tells_of, contexts)
            known = json.loads(part.durations.read_text())
            seconds |= {test: took for test, took in known.items() if part.tells_of(test)}
        return cls(lines, seconds)

    def of(self, file: str, first: int, last: int) -> tuple[list[str], bool]:
        """The tests that run any of these lines, quick files about this file first, and whether importing runs one.

        A context that ends in "::" is what fixtures of a test file ran: all of its tests count. So do those of a file
        that keeps what it computed, and for what runs at import those of a file that imports it: to look at a table
        runs no line of it.
        """
        known = self.lines.get(file, {})
        contexts = {context for line in range(first, last + 1) for context in known.get(line, ())}
        tests = contexts - {AT_IMPORT}
        tests |= {f"{name}::" for name in {test.partition("::")[0] for test in tests} if shares(name)}
        if AT_IMPORT in contexts:
            tests |= {context for found in known.values() for context in found if context} | ABOUT_EVERY_FILE
            tests |= {f"{name}::" for name in self.test_files() if imports(name, file.removesuffix(".py"))}
        return self.ordered(file, tests), AT_IMPORT in contexts

    def test_files(self) -> set[str]:
        return {test.partition("::")[0] for test in self.seconds}

    def closeness(self, file: str) -> dict[str, int]:
        """How many lines of a file each test file runs."""
        if file not in self.close:
            runs = defaultdict(set)
            for line, contexts in self.lines.get(file, {}).items():
                for context in contexts:
                    runs[context.partition("::")[0]].add(line)
            self.close[file] = {name: len(lines) for name, lines in runs.items()}
        return self.close[file]

    def ordered(self, file: str, contexts: set[str]) -> list[str]:
        whole = {context.removesuffix("::") for context in contexts if context.endswith("::")}
        by_file = defaultdict(list)
        for test in self.seconds:
            test_file = test.partition("::")[0]
            if test in contexts or test_file in whole:
                by_file[test_file].append(test)
        close = self.closeness(file)

        def promise(name: str) -> float:
            if f"{name}::" in ABOUT_EVERY_FILE:
                return math.inf
            return close.get(name, 0) * len(by_file[name]) / sum(map(self.seconds.__getitem__, by_file[name]))

        return [test for name in sorted(by_file, key=promise, reverse=True) for test in by_file[name]]

    def of_first_files(self, tests: list[str], count: int) -> list[str]:
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))[:count]
        return [test for test in tests if test.partition("::")[0] in files]

    def within(self, tests: list[str], limit: float) -> list[str]:
        """As many of these as fit into `limit` seconds, at least one."""
        fitting, spent = [], 0.0
        for test in tests:
            spent += self.seconds[test]
            if fitting and spent > limit:
                break
            fitting.append(test)
        return fitting


@cache
def text_of_test(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def imports(test_file: str, module: str) -> bool:
    """Whether a test file names a module of ours in an import."""
    return re.search(rf"\bmodule_utils\.{module} import\b", text_of_test(test_file)) is not None


@cache
def shares(test_file: str) -> bool:
    """Whether only the first test of a file runs what others look at, because the result is kept."""
    text = text_of_test(test_file)
    helpers = [f"tests/{name}.py" for name in re.findall(r"^from (\w+) import", text, re.MULTILINE)]
    texts = [text, *(text_of_test(name) for name in helpers if (ROOT / name).is_file())]
    return any(re.search(r"^@(functools\.)?(lru_)?cache\b", item, re.MULTILINE) for item in texts)


class MapPlugin:
    """Tells coverage which test is running, and notes how long it takes."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.coverage = measured
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid.partition("::")[0] + "::")
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)


def make_map(data: Path, durations: Path, chosen: Sequence[str]) -> None:
    """Run all tests once, or those of the chosen files, and leave out what fails: a mutant could not be told from that.

    A few may: counting lines makes code slow, and some tests say how long it may take. Raises SystemExit for more.
    """
    measured = coverage.Coverage(data_file=str(data), config_file=False, include=[f"{PURE}/*"])
    measured.erase()
    plugin = MapPlugin(measured)
    measured.start()
    arguments = [*PYTEST, f"--basetemp={data.parent / 'tmp-map'}", *MARKED, *(chosen or CHOSEN)]
    code = pytest.main(arguments, plugins=[plugin])
    measured.stop()
    measured.save()
    for name in sorted(plugin.failed):
        print(f"\nmutation: left out, fails without a mutant: {name}", flush=True)
    if (
        code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
        or len(plugin.failed) > MAY_FAIL
    ):
        raise SystemExit(f"mutation: the tests fail without a mutant (exit code {int(code)})")
    durations.write_text(json.dumps({name: took for name, took in plugin.seconds.items() if name not in plugin.failed}))


# -- a mutant in memory


def changed_function(before: types.CodeType, after: types.CodeType) -> types.CodeType | None:
    """The outermost function whose code differs, in its changed form; None when code that runs at import differs."""
    old, new = ([part for part in code.co_consts if isinstance(part, types.CodeType)] for code in (before, after))
    different = [pair for pair in zip(old, new, strict=False) if pair[0] != pair[1]]
    if len(old) != len(new) or len(different) != 1 or before.co_code != after.co_code:
        return None
    if not same_values(before, after):
        return None
    inner_before, inner_after = different[0]
    if inner_after.co_flags & 0x1:  # CO_OPTIMIZED: a function, no class body
        return inner_after if inner_before.co_freevars == inner_after.co_freevars else None
    return changed_function(inner_before, inner_after)


def same_values(before: types.CodeType, after: types.CodeType) -> bool:
    plain = [
        [repr(part) for part in code.co_consts if not isinstance(part, types.CodeType)] for code in (before, after)
    ]
    return plain[0] == plain[1] and before.co_names == after.co_names


def live_functions() -> dict[tuple[str, str, int], list[types.FunctionType]]:
    """Every function of our pure modules in memory, by file, qualified name and first line."""
    found = defaultdict(list)
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and "/plugins/module_utils/" in thing.__code__.co_filename:
            code = thing.__code__
            found[Path(code.co_filename).name, code.co_qualname, code.co_firstlineno].append(thing)
    return found


class MutantFinder(importlib.abc.MetaPathFinder):
    """Imports one of our modules from changed source."""

    def __init__(self, path: Path, source: str) -> None:
        self.name = f"{MODULES}.{path.stem}"
        self.path = path
        self.source = source

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> object:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_loader(fullname, MutantLoader(fullname, str(self.path), self.source))


class MutantLoader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.changed = source

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(self.changed, self.path, "exec")


# -- forks


def in_fork(work: Callable[[], int], seconds: float) -> int:
    """What `work` returns in a process of its own; KILLED when it needs more processor time than this, or dies.

    Time on the clock is limited too, but generously: a busy machine must not look like a killed mutant.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = KILLED
        with contextlib.suppress(BaseException):
            os.setsid()
            silence()
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds)))
            code = work()
        os._exit(code)
    deadline = time.monotonic() + PATIENCE * seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return KILLED if status else SURVIVED
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return KILLED


def silence() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


class ForkPlugin:
    """Instead of running the tests, hands over first what has not collected yet, then what has collected."""

    def __init__(self, cold: Callable[[ForkPlugin], None], warm: Callable[[ForkPlugin], None]) -> None:
        self.cold, self.warm = cold, warm
        self.items: dict[str, pytest.Item] = {}
        self.failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        self.session = session
        early = sorted(name for name in sys.modules if name.startswith(MODULES))
        if early:
            raise SystemExit(f"mutation: imported before the forks, so no change of it would count: {', '.join(early)}")
        self.cold(self)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.functions = live_functions()
        self.warm(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def run_with_function(self, code: types.CodeType, file: str, tests: list[str]) -> int:
        """Change a function, and run tests until one fails; for a fork."""
        for function in self.functions[file, code.co_qualname, code.co_firstlineno]:
            function.__code__ = code
        return self.run([self.items[test] for test in tests if test in self.items])

    def run_with_file(self, path: Path, source: str, tests: list[str]) -> int:
        """Import a changed file, and run tests until one fails; for a fork from before our modules were imported."""
        sys.meta_path.insert(0, MutantFinder(path, source))
        self.session.perform_collect(list(dict.fromkeys(test.partition("::")[0] for test in tests)))
        if self.session.testsfailed:
            return KILLED
        # Parameters may come from what is changed, so whole functions count.
        places = {name: place for place, name in enumerate(dict.fromkeys(test.partition("[")[0] for test in tests))}
        chosen = [item for item in self.session.items if item.nodeid.partition("[")[0] in places]
        return self.run(sorted(chosen, key=lambda item: places[item.nodeid.partition("[")[0]]))

    def run(self, items: list[pytest.Item]) -> int:
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return KILLED
        return SURVIVED


if __name__ == "__main__":
    make_map(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
