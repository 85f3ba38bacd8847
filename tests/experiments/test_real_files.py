"""A kind counts as right where all its tests ran and passed."""

from pathlib import Path

import pytest

from tests.experiments.scripts import script

PLANTED = """
import pytest
@pytest.mark.situation("both pass")
@pytest.mark.parametrize("i", [1, 2])
def test_a(i): pass
@pytest.mark.situation("one of two fails")
@pytest.mark.parametrize("i", [1, 2])
def test_b(i): assert i == 1
@pytest.mark.situation("skipped")
def test_c(): pytest.skip("no")
@pytest.mark.situation("breaks before it runs")
def test_d(absent): pass
@pytest.mark.situation("named twice")
@pytest.mark.situation("both pass")
def test_e(): pass
@pytest.mark.situation
def test_f(): pass
def test_unmarked(): assert False
"""


def test_kinds_that_fail_break_or_are_skipped_are_not_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real_files = script("real_files")
    (tmp_path / "test_planted.py").write_text(PLANTED)
    outcomes = real_files.Outcomes()
    settings = ["-m", "situation", "--rootdir", str(tmp_path), "-p", "no:cacheprovider", "-W", "ignore"]
    pytest.main([str(tmp_path), "-q", *settings], plugins=[outcomes])
    capsys.readouterr()
    record = real_files.counted(outcomes.passed["data.situations"])
    assert (record.value, record.n) == (3, 6)
    assert record.controls["not_right"] == "breaks before it runs; one of two fails; skipped"
    assert record.controls["tests"] == 9  # one counts under two kinds
