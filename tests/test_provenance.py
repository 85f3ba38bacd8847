"""A record says how it was made, and nothing else of it changes."""

import time

import pytest

from smcrep.provenance import made, stamped
from smcrep.results import Record, commit, machine


def test_made_names_command_commit_machine_and_minutes() -> None:
    about = made("python experiments/some.py", time.monotonic() - 90)
    assert about["minutes"] == pytest.approx(1.5, abs=0.02)
    assert about["command"] == "python experiments/some.py"
    assert (about["commit"], about["machine"]) == (commit(), machine())


def test_stamped_records_keep_their_values() -> None:
    record = Record(0.5, (0.4, 0.6), seeds=3, n=7, unit="accuracy", controls={"chance": 0.1})
    found = stamped({"a": record}, "python experiments/some.py", time.monotonic())["a"]
    assert found.command == "python experiments/some.py"
    kept = ("value", "ci95", "seeds", "n", "unit", "controls")
    assert all(getattr(found, name) == getattr(record, name) for name in kept)
