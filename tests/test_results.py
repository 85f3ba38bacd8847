"""Records of claimed metrics are read as written, and other content is refused."""

import json
from pathlib import Path

import pytest

from smcrep.results import Record, read_claims, sealed, write_claims


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


def test_a_field_changed_by_hand_no_longer_agrees_with_the_seal(tmp_path: Path) -> None:
    path = tmp_path / "theme.json"
    write_claims(path, {"a": Record(0.88912, (0.8, 0.9), commits=("abc", "def")), "b": Record(2.0)})
    path.write_text(path.read_text().replace("0.88912", "0.88913"))
    found = read_claims(path)
    assert found["a"].commits == ("abc", "def")
    assert found["a"].seal != sealed(found["a"]).seal
    assert found["b"].seal == sealed(found["b"]).seal
    write_claims(path, {"c": Record(3.0)})
    again = read_claims(path)
    assert again["a"].seal == found["a"].seal, "writing other records beside it does not hide the change"
