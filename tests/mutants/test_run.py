"""On a package of a few lines: what a test watches is killed, what none watches survives, and nothing runs twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smcrep.results import read_claims
from tests.mutants.choosing import packages, sample
from tests.mutants.forked import TIME_IS_OVER, forked
from tests.mutants.run import ROOT
from tests.mutants.table import table

WATCHED = "def watched(a: int, b: int) -> bool:\n    return a < b\n"
ALONE = "def alone(a: int, b: int) -> bool:\n    return a < b\n"
TESTS = """import pytest
from toy.small.sizes import alone, watched

@pytest.fixture(scope="module")
def answers():
    return [watched(1, 2), watched(2, 1), watched(1, 1)]

def test_watched(answers):
    assert answers == [True, False, False]

def test_alone():
    alone(1, 2)

def test_broken():
    assert False
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """One package with one module of two functions, a module beside it that nobody tests, and three tests."""
    root = tmp_path / "toy-root"
    for name, text in {
        "toy/__init__.py": "",
        "toy/small/__init__.py": "",
        "toy/small/sizes.py": WATCHED + "\n\n" + ALONE,
        "toy/lonely.py": "def lonely(a: int) -> int:\n    return a + 1\n",
        "tests/small/test_sizes.py": TESTS,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def run(toy: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tests/mutants/run.py"), "--root", str(toy), "--source", "toy"]
    return subprocess.run([*command, "--out", str(out), *more], capture_output=True, text=True, check=False)


def results(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_what_is_watched_is_killed_and_what_is_not_survives(toy: Path, tmp_path: Path) -> None:
    before = {path: path.read_text() for path in toy.rglob("*.py")}
    done = run(toy, tmp_path / "out", "--limit", "20")
    assert done.returncode == 0, done.stderr
    found = results(tmp_path / "out")
    by_line: dict[tuple[str, int], set[str]] = {}
    for each in found:
        by_line.setdefault((each["file"], each["line"]), set()).add(each["result"])
    assert by_line[("toy/small/sizes.py", 2)] == {"killed"}
    assert by_line[("toy/small/sizes.py", 6)] == {"survived"}
    assert {each["result"] for each in found if each["package"] == "top"} == {"survived"}
    assert "1 tests fail without a mutant and are left out: tests/small/test_sizes.py::test_broken" in done.stderr
    assert "survived toy/small/sizes.py:6, comparison\n-    return a < b\n+    return (a <= b)" in done.stdout
    assert "survived toy/lonely.py:2, off by one: no test reaches it" in done.stdout
    assert {path: path.read_text() for path in toy.rglob("*.py")} == before  # a copy was mutated

    claims = read_claims(tmp_path / "out/claims/real_files.json")
    killed = [each["result"] == "killed" for each in found if each["package"] == "small"]
    assert claims["mutants.killed.small"].value == pytest.approx(sum(killed) / len(killed))
    assert claims["mutants.killed.top"].value == 0
    assert claims["mutants.killed"].n == len(found)
    assert claims["mutants.killed"].controls["survived"] == len(found) - sum(killed)

    again = run(toy, tmp_path / "out", "--limit", "20")
    assert results(tmp_path / "out") == found
    assert again.stdout == done.stdout
    (toy / "tests/small/test_sizes.py").write_text(TESTS.replace("alone(1, 2)", "assert not alone(1, 1)"))
    run(toy, tmp_path / "out", "--limit", "20", "--retry", "--package", "small")
    tried_again = results(tmp_path / "out")[len(found) :]
    assert len(tried_again) == killed.count(False)
    assert "killed" in {each["result"] for each in tried_again}


def test_a_package_that_is_none_is_refused_by_name(toy: Path, tmp_path: Path) -> None:
    done = run(toy, tmp_path / "out", "--package", "large")
    assert done.returncode == 1
    assert done.stderr == "error: run: no package 'large'; choose of top, small\n"


def test_tests_that_fail_by_themselves_kill_nothing(toy: Path, tmp_path: Path) -> None:
    """Here one leaves what the other needs: it passes after it, and fails alone. No mutant is said to be killed."""
    needs = TESTS + "\n\ndef test_a_leaves():\n    pytest.left = watched(1, 2)\n    __import__('time').sleep(0.1)\n"
    needs += "\n\ndef test_needs():\n    assert pytest.left\n"
    (toy / "tests/small/test_sizes.py").write_text(needs)
    done = run(toy, tmp_path / "out", "--package", "small")
    assert done.returncode == 1
    assert "error: run: the tests of small fail without a mutant, by themselves (status 1); see" in done.stderr
    assert not (tmp_path / "out/results.jsonl").exists()


def test_a_sample_follows_its_seed_and_has_every_kind() -> None:
    files = packages(ROOT, "smcrep")["fusion"]
    first, again, other = (sample(ROOT, "fusion", files, 12, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len({mutant.kind for mutant in first}) >= 8
    assert len({mutant.key for mutant in first}) == len(first) == 12


def test_a_child_that_takes_too_long_or_dies_is_noticed(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"

    def endless() -> int:
        while True:
            pass

    assert forked(lambda: print("words") or 3, tmp_path, seconds=20, log=log) == 3
    assert log.read_text() == "words\n"
    assert forked(endless, tmp_path, seconds=0.3, log=log) == TIME_IS_OVER
    assert forked(lambda: 1 // 0, tmp_path, seconds=20, log=log) == 70
    assert "ZeroDivisionError" in log.read_text()


def test_a_child_ends_with_the_one_that_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told_to_end(_: float) -> None:
        if (tmp_path / "pid").exists():
            raise SystemExit(143)

    def endless() -> int:
        (tmp_path / "pid").write_text(str(os.getpid()))
        while True:
            pass

    monkeypatch.setattr(time, "sleep", told_to_end)
    with pytest.raises(SystemExit):
        forked(endless, tmp_path, seconds=20, log=tmp_path / "log.txt")
    _, status = os.waitpid(int((tmp_path / "pid").read_text()), 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def test_a_table_counts_each_package() -> None:
    found = [
        {"package": package, "result": result, "file": "f.py", "line": 3, "kind": "axis", "tests": 1, "diff": ["-a"]}
        for package, result in (("a", "killed"), ("a", "survived"), ("b", "time over"))
    ]
    lines = table(found).splitlines()
    assert lines[1].split() == ["a", "2", "1", "1", "50.0%"]
    assert lines[2].split() == ["b", "1", "1", "0", "100.0%"]
    assert lines[3].split() == ["all", "3", "2", "1", "66.7%"]
    assert lines[5:] == ["survived f.py:3, axis", "-a"]
