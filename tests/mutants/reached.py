"""Which lines of a package each test reaches: measured once, by running the tests with a tracer."""

import inspect
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

Lines = dict[str, set[int]]
IMPORTED = 0
"""Stands, in each test, for the lines of a module that run when it is imported."""
PLAIN = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Options of every run; the warning is of plugins that heavy imports bring before pytest starts."""


class Reached:
    """A plugin of pytest: name of a test -> seconds, whether it passed, lines of ``source`` that it reached. Every
    module of ``source`` that some test imports is reached by all, in line `IMPORTED`. What
    fixtures of a module or session reach and take counts for every test of that module, and once for all."""

    def __init__(self, root: Path, source: str) -> None:
        self.root, self.inside = root, str(root / source) + "/"
        self.now: Lines = defaultdict(set)
        self.shared: dict[str, Lines] = defaultdict(lambda: defaultdict(set))
        self.tests: dict[str, dict[str, Any]] = {}
        self.setup: dict[str, float] = defaultdict(float)
        self.nested = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.now = defaultdict(set)
        module, before = _module(item.nodeid), sum(self.setup.values())
        begun, self.passed = time.monotonic(), True
        result = yield
        seconds = time.monotonic() - begun - (sum(self.setup.values()) - before)
        self.tests[item.nodeid] = {"module": module, "seconds": seconds, "passed": self.passed, "lines": self.now}
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        before, self.now = self.now, defaultdict(set)
        shared, begun = fixturedef.scope != "function", time.monotonic()
        self.nested += shared
        result = yield
        self.nested -= shared
        if shared:
            add(self.shared[_module(request.node.nodeid)], self.now)
            if not self.nested:
                self.setup[_module(request._pyfuncitem.nodeid)] += time.monotonic() - begun
        add(before, self.now)
        self.now = before
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed = self.passed and not report.failed

    def pytest_sessionstart(self) -> None:
        threading.settrace(self.call)
        sys.settrace(self.call)

    def pytest_sessionfinish(self) -> None:
        sys.settrace(None)

    def call(self, frame: FrameType, event: str, _: Any) -> Any:
        """Lines of functions alone: those of a module run once, in whichever test imports it first."""
        in_function = frame.f_code.co_flags & inspect.CO_OPTIMIZED
        return self.line if in_function and frame.f_code.co_filename.startswith(self.inside) else None

    def line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            self.now[frame.f_code.co_filename].add(frame.f_lineno)
        return self.line

    def write(self, path: Path) -> None:
        for module in list(sys.modules.values()):
            if (file := getattr(module, "__file__", None) or "").startswith(self.inside):
                self.shared[""][file].add(IMPORTED)
        for test in self.tests.values():
            for module, lines in self.shared.items():
                if module in ("", ".", test["module"]):
                    add(test["lines"], lines)
            lines = {str(Path(file).relative_to(self.root)): sorted(found) for file, found in test["lines"].items()}
            test["lines"], test["setup"] = lines, self.setup[test["module"]]
        path.write_text(json.dumps(self.tests))


def _module(name: str) -> str:
    return name.split("::")[0]


def add(to: Lines, lines: Lines) -> None:
    for file, found in lines.items():
        to[file] |= found


def measure(root: Path, source: str, tests: list[str], path: Path) -> int:
    """Run ``tests`` of ``root`` and leave in ``path`` what `Reached` found, and beside it (.modules) the names of the
    installed modules that they imported. pytest's status."""
    plugin = Reached(root, source)
    status = int(pytest.main([*tests, *PLAIN], plugins=[plugin]))
    plugin.write(path)
    installed = sorted(
        name for name, module in sys.modules.items() if "site-packages" in (getattr(module, "__file__", None) or "")
    )
    path.with_suffix(".modules").write_text("\n".join(installed))
    return status


class Only:
    """A plugin of pytest that keeps these tests, in this order."""

    def __init__(self, names: list[str]) -> None:
        self.order = {name: i for i, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda i: self.order[i.nodeid])


def first_failure(names: list[str]) -> int:
    """pytest's status of these tests, run until the first that fails."""
    files = list(dict.fromkeys(name.split("::")[0] for name in names))
    return int(pytest.main([*files, "-x", *PLAIN], plugins=[Only(names)]))
