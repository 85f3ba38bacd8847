"""Would the tests notice? Makes mistakes in a copy of the package, one at a time, and runs the tests that reach them.

    python tests/mutants/run.py --limit 12                        # every package: about 45 minutes on 2 quiet cores
    python tests/mutants/run.py --package probes --limit 40       # one of them
    python tests/mutants/run.py --package probes --seed 1         # others than those of seed 0

Mistakes: those that `operators` makes, --limit of them for each package, and all of `mistakes`, written by hand. Which
tests reach a line is measured once (kept in --out); of those that do, in the file of the same name first, as many run
as --seconds hold. Expected: 95 % are noticed, 90 % in each package.

Several may run at once in one --out, each with packages of its own; the first command, after them, then only counts.

Leaves in --out results.jsonl (a line a mutant; the same command goes on from there), reached/, log-PACKAGE.txt, and
claims/real_files.json with `mutants.killed` and `mutants.killed.PACKAGE`.
"""

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.mutants.choosing import TOP, Mutant, packages, sample, written  # noqa: E402
from tests.mutants.forked import TIME_IS_OVER, forked  # noqa: E402
from tests.mutants.mistakes import MISTAKES  # noqa: E402
from tests.mutants.reached import IMPORTED, first_failure, measure  # noqa: E402
from tests.mutants.table import records, table  # noqa: E402

SLOW = 5
"""A mutant may take this many times what its tests take without it, and two minutes: then its time is over."""

Reached = dict[str, dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", nargs="*", default=[], help="only these (default: all, and the experiments)")
    parser.add_argument("--limit", type=int, default=15, help="mutants of each package, beside those written by hand")
    parser.add_argument("--seed", type=int, default=0, help="another sample")
    parser.add_argument("--seconds", type=float, default=60.0, help="of tests for each mutant")
    parser.add_argument("--retry", action="store_true", help="run those that survived before again")
    parser.add_argument("--out", type=Path, default=Path("runs/mutants"), help="folder of results")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder with the package and its tests/")
    parser.add_argument("--source", default="smcrep", help="the package's name")
    arguments = parser.parse_args()
    if arguments.limit < 0 or arguments.seconds <= 0:
        raise ValueError("run: --limit is at least 0 and --seconds above 0")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the copy is removed then too
    begun, out = time.monotonic(), arguments.out.resolve()
    (out / "reached").mkdir(parents=True, exist_ok=True)
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        root = Path(folder).resolve() / "tree"
        copy(arguments.root.resolve(), root)
        mutants = chosen(root, arguments)
        results = run_all(root, out, mutants, arguments)
    print(table(results))
    words = " ".join(["python tests/mutants/run.py", *sys.argv[1:]])
    records(out / "claims" / "real_files.json", results, words, begun)


def copy(root: Path, to: Path) -> None:
    """What git knows of ``root``, and what is new and not ignored; outside git, everything."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout:
        shutil.copytree(root, to)
        return
    for name in filter(None, done.stdout.split("\0")):
        if (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)


def chosen(root: Path, arguments: argparse.Namespace) -> list[Mutant]:
    """Package by package."""
    known = packages(root, arguments.source)
    by_hand = written(root, arguments.source, MISTAKES if arguments.source == "smcrep" else [])
    names = [*known, *sorted({m.package for m in by_hand} - set(known))]
    unknown = sorted(set(arguments.package) - set(names))
    if unknown:
        raise ValueError(f"run: no package {unknown[0]!r}; choose of {', '.join(names)}")
    found: list[Mutant] = []
    for name in arguments.package or names:
        found += [m for m in by_hand if m.package == name]
        found += sample(root, name, known.get(name, []), arguments.limit, arguments.seed)
    return found


def preload(names: list[str]) -> None:
    """Installed modules that tests import, so that a child which is forked later has them at once. Never the package
    that is mutated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            with contextlib.suppress(Exception):  # some can only be imported by another
                importlib.import_module(name)


def run_all(root: Path, out: Path, mutants: list[Mutant], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The results of ``mutants``; those that stand in results.jsonl already are not run again."""
    path = out / "results.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    done = {each["key"]: each for each in map(json.loads, lines)}
    if arguments.retry:
        done = {key: each for key, each in done.items() if each["result"] != "survived"}
    results = [done[m.key] for m in mutants if m.key in done]
    left, begun = [m for m in mutants if m.key not in done], time.monotonic()
    reached: dict[str, Reached] = {}
    for number, mutant in enumerate(left):
        log = out / f"log-{mutant.package}.txt"
        if mutant.package not in reached:
            reached[mutant.package] = reached_by(root, out, mutant.package, arguments.source)
            control(root, log, mutant.package, reached[mutant.package], arguments.seconds)
        results.append(tried(root, log, mutant, reached[mutant.package], arguments.seconds))
        with path.open("a") as file:
            file.write(json.dumps(results[-1]) + "\n")
        minutes = (time.monotonic() - begun) / 60 * (len(left) - number - 1) / (number + 1)
        found = f"{results[-1]['result']:8} {mutant.file}:{mutant.line} {mutant.kind}"
        print(f"{number + 1}/{len(left)}, {minutes:.0f} min left: {found}", file=sys.stderr, flush=True)
    return results


def reached_by(root: Path, out: Path, package: str, source: str) -> Reached:
    """What each test of a package reaches; measured where no file says so for these very modules and tests."""
    tests = sorted((root / "tests" / package).rglob("test_*.py"))
    if package == TOP:
        stems = [path.stem for path in packages(root, source)[TOP]]
        tests = [path for stem in stems if (path := root / "tests" / f"test_{stem}.py").is_file()]
    if not tests:
        return {}
    shared = [path for path in (root / "tests").rglob("*.py") if not path.name.startswith("test_")]
    tree = hashlib.sha256()
    for path in sorted([*(root / source).rglob("*.py"), *shared, *tests]):
        tree.update(path.read_bytes())
    kept = out / "reached" / f"{package}-{tree.hexdigest()[:12]}.json"
    if not kept.exists():
        print(f"{package}: which lines do its {len(tests)} files of tests reach?", file=sys.stderr, flush=True)
        names = [str(path.relative_to(root)) for path in tests]
        log = out / f"reached-{package}.txt"
        status = forked(lambda: measure(root, source, names, kept), root, seconds=3600, log=log)
        if not kept.exists():
            raise ValueError(f"run: the tests of {package} did not run (status {status}); see {log}")
    preload(kept.with_suffix(".modules").read_text().splitlines())
    found: Reached = json.loads(kept.read_text())
    failed = [name for name, test in found.items() if not test["passed"]]
    if failed:
        print(f"{package}: {len(failed)} tests fail without a mutant and are left out: {failed[0]}", file=sys.stderr)
    return {name: test for name, test in found.items() if test["passed"]}


def control(root: Path, log: Path, package: str, reached: Reached, seconds: float) -> None:
    """ValueError where tests fail without any mistake, run as they are run for mutants: all would seem killed."""
    tests, expected = within(seconds, sorted(reached, key=lambda name: reached[name]["seconds"]), reached)
    if not tests:
        return
    status = forked(lambda: first_failure(tests), root, seconds=120 + SLOW * expected, log=log)
    if status:
        raise ValueError(
            f"run: the tests of {package} fail without a mutant, by themselves (status {status}); see {log}"
        )


def tried(root: Path, log: Path, mutant: Mutant, reached: Reached, seconds: float) -> dict[str, Any]:
    """One mutant: killed, survived, or not reached by any test."""
    begun = time.monotonic()
    tests, expected = tests_for(root, mutant, reached, seconds)
    result = "survived"
    if tests:
        path = root / mutant.file
        path.write_text(mutant.after)
        try:
            status = forked(lambda: first_failure(tests), root, seconds=120 + SLOW * expected, log=log)
        finally:
            path.write_text(mutant.before)
        if status == 5:
            raise ValueError(f"run: none of {tests} could be found; see {log}")
        result = "survived" if status == 0 else "time over" if status == TIME_IS_OVER else "killed"
    return {
        **{"key": mutant.key, "package": mutant.package, "file": mutant.file, "line": mutant.line},
        **{"kind": mutant.kind, "diff": mutant.diff, "result": result, "tests": len(tests)},
        "seconds": round(time.monotonic() - begun, 1),
    }


def tests_for(root: Path, mutant: Mutant, reached: Reached, seconds: float) -> tuple[list[str], float]:
    """Tests that reach the mutant's lines, those of the file of the same name first, then the quick ones, as many as
    ``seconds`` hold; and the seconds that they take with their fixtures. A line that runs at import (a constant, a
    default) is reached by all tests, those first that reach a function of its file."""
    if mutant.tests:
        return list(mutant.tests), seconds
    lines = range(mutant.line, mutant.line + max(1, sum(line.startswith("-") for line in mutant.diff)))
    own = f"test_{Path(mutant.file).stem}.py"
    near = [name for name, test in reached.items() if mutant.file in test["lines"]]
    found = [name for name in near if not set(lines).isdisjoint(reached[name]["lines"][mutant.file])] or near

    def order(name: str) -> tuple[bool, bool, float]:
        imports_alone = reached[name]["lines"][mutant.file] == [IMPORTED]
        return Path(name.split("::")[0]).name != own, imports_alone, reached[name]["seconds"]

    found.sort(key=order)
    return within(seconds, found, reached)


def within(seconds: float, names: list[str], reached: Reached) -> tuple[list[str], float]:
    """Those of ``names``, in their order, that ``seconds`` hold, at least one; and the seconds of these, with those of
    their fixtures."""
    kept: list[str] = []
    total = 0.0
    for name in names:
        if not kept or total + reached[name]["seconds"] <= seconds:
            kept.append(name)
            total += reached[name]["seconds"]
    modules = {reached[name]["module"]: reached[name]["setup"] for name in kept}
    return kept, total + sum(modules.values())


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("run: the same command goes on from what is finished")
