"""Records of claimed metrics are read as written, and other content is refused."""

import json
from pathlib import Path

import pytest

from smcrep.results import Record, read_claims, write_claims


def test_claims_are_read_as_written_and_merged(tmp_path: Path) -> None:
    path = tmp_path / "theme.json"
    first = Record(0.5, (0.4, 0.6), seeds=3, n=60, unit="ratio", controls={"chance": 0.1}, command="make demo")
    write_claims(path, {"a.b": first})
    write_claims(path, {"c.d": Record(1.0)})
    assert read_claims(path) == {"a.b": first, "c.d": Record(1.0)}
    assert json.loads(path.read_text())["theme"] == "theme"
    assert [p.name for p in tmp_path.iterdir()] == ["theme.json"]


def test_value_outside_its_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="outside its interval"):
        Record(0.9, (0.1, 0.2))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"claims": {"a": {"no_value": 1}}}'])
def test_file_of_another_format_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"bad\.json: not a file of claims"):
        read_claims(path)
