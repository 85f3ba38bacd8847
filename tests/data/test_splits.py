"""Splits are disjoint, cover all objects, are never empty, and depend on names and seed alone."""

import json
from pathlib import Path

import pytest

from smcrep.data.splits import read_split_file, split_objects

FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}


@pytest.mark.parametrize("num", [3, 4, 7, 10, 50, 1001])
def test_splits_are_disjoint_and_cover(num: int) -> None:
    names = [f"o{i}" for i in range(num)]
    objects = split_objects(names, FRACTIONS, 0)
    assert sorted(n for part in objects.values() for n in part) == sorted(names)
    for split, share in FRACTIONS.items():
        assert max(1, share * num - 1.5) <= len(objects[split]) <= max(1, share * num + 1.5)


def test_exact_shares_are_exact_and_zero_is_empty() -> None:
    names = [f"o{i}" for i in range(100)]
    assert {k: len(v) for k, v in split_objects(names, FRACTIONS | {"extra": 0.0}, 0).items()} == {
        "train": 70, "val": 10, "test": 20, "extra": 0,
    }  # fmt: skip


def test_split_depends_on_names_and_seed_alone() -> None:
    names = [f"o{i}" for i in range(30)]
    assert split_objects(names, FRACTIONS, 1) == split_objects(names[::-1], FRACTIONS, 1)
    assert split_objects(names, FRACTIONS, 1) != split_objects(names, FRACTIONS, 2)


def test_invalid_fractions_and_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"fractions .* must be at least 0 and add up to 1"):
        split_objects(["a", "b", "c"], {"train": 0.5, "test": 0.6}, 0)
    with pytest.raises(ValueError, match="2 objects for 3 splits leave one empty; give more objects"):
        split_objects(["a", "b"], FRACTIONS, 0)
    with pytest.raises(ValueError, match=r"\['a'\] named more than once"):
        split_objects(["a", "b", "a"], FRACTIONS, 0)


GOOD = {"about": "note", "train": ["a", "b"], "val": ["c"], "test": ["d"], "poor": ["a"], "kind": {"a": "mug"}}


def test_split_file_gives_splits_and_ignores_other_keys(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(GOOD))
    assert read_split_file(tmp_path / "s.json") == {"train": ["a", "b"], "val": ["c"], "test": ["d"]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"val": []}, "split 'val' is missing or empty; name at least one object"),
        ({"test": ["a", "d"]}, "'a' is in 'train' and in 'test'; keep it in one"),
        ({"train": ["a", "a"]}, "'a' is in 'train' and in 'train'"),
        ({"train": "a"}, "split 'train' is not a list of names"),
        ({"extra": [3]}, "split 'extra' is not a list of names"),
    ],
)
def test_invalid_split_files_are_refused(tmp_path: Path, change: dict, reason: str) -> None:
    (tmp_path / "s.json").write_text(json.dumps(GOOD | change))
    with pytest.raises(ValueError, match=f"s.json: {reason}"):
        read_split_file(tmp_path / "s.json")


@pytest.mark.parametrize(
    ("content", "reason"), [("{", "not JSON"), ("[]", "split 'train' is missing"), (None, "no such")]
)
def test_unreadable_split_files_are_refused(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "s.json").write_text(content)
    with pytest.raises(ValueError, match=f"s.json: {reason}"):
        read_split_file(tmp_path / "s.json")
