"""Is each kind of file and situation that users have read rightly, or refused by name? Is each drift of a page named?

    python experiments/real_files.py --out experiments/claims/real_files.json       # about 3 minutes on 2 cores
    python experiments/real_files.py --tiny                                         # seconds: a part of them

Runs the tests marked ``situation``. Tests that name a kind (meshes) count together under it, the others (pictures,
tables, models, stores, options) one by one, and planted drifts of records and pages each. A kind is right where every
test of it ran and passed: one that is skipped counts against it. Expected: all.
"""

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from smcrep import script
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims

ROOT = Path(__file__).parent.parent
TINY = "tests/worlds/objects/test_finding.py"
MESHES, DRIFTS, OTHERS = "meshes.rightly", "claims.drift_found", "data.situations"
WHERE = {"tests/worlds": MESHES, "tests/experiments/test_check_claims.py": DRIFTS}


class Outcomes:
    """A plugin of pytest: whether each kind passed, by theme. ``passed`` {theme: {kind: [bool of each test]}}."""

    def __init__(self) -> None:
        self.passed: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
        self.kinds: dict[str, list[tuple[str, str]]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            theme = next((name for path, name in WHERE.items() if item.path.is_relative_to(ROOT / path)), OTHERS)
            named = [str(mark.args[0]) for mark in item.iter_markers("situation") if mark.args]
            own = item.name if theme == DRIFTS else f"{item.path.stem}: {getattr(item, 'originalname', item.name)}"
            self.kinds[item.nodeid] = [(theme, kind) for kind in named or [own]]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            for theme, kind in self.kinds[report.nodeid]:
                self.passed[theme][kind].append(report.outcome == "passed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file of claims to write into (default: only print)")
    parser.add_argument("--tiny", action="store_true", help="one file of tests alone")
    arguments = parser.parse_args()
    begun = time.monotonic()
    outcomes = Outcomes()
    where = TINY if arguments.tiny else "tests"
    code = pytest.main([str(ROOT / where), "-q", "-m", "situation", "--rootdir", str(ROOT)], plugins=[outcomes])
    if not outcomes.passed or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"real_files: the tests did not run ({code!r}); see what pytest says above")
    records = {theme: counted(kinds) for theme, kinds in sorted(outcomes.passed.items())}
    records = stamped(records, "python experiments/real_files.py", begun)
    for name, record in records.items():
        print(f"{name}: {record.value:g} of {record.n}; not right: {record.controls['not_right'] or 'none'}")
    if arguments.out:
        write_claims(arguments.out, records)
    if any(record.value < record.n for record in records.values()):
        sys.exit(1)


def counted(kinds: dict[str, list[bool]]) -> Record:
    """How many kinds are right, of how many."""
    wrong = sorted(kind for kind, passed in kinds.items() if not all(passed))
    controls = {"tests": sum(map(len, kinds.values())), "not_right": "; ".join(wrong)}
    return Record(len(kinds) - len(wrong), n=len(kinds), unit=f"of {len(kinds)} kinds", controls=controls)


if __name__ == "__main__":
    script.run("real_files", main)
