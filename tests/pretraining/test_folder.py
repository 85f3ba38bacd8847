"""What a run left is found from its folder; a folder that is no run is one line that says what to give instead."""

import json
import shutil
from pathlib import Path

import pytest

from smcrep.data.store import identity
from smcrep.pretraining import Pretrained, load
from smcrep.pretraining.folder import RECIPE, STORES, store_path, write_stores
from tests.data.stores import random_store


def test_run_is_loaded_whole(pretrained: Pretrained) -> None:
    found = load(str(pretrained.path))
    assert found == pretrained
    assert found.model is found.model  # read once
    assert not found.model.training
    assert found.recipe.model == found.model.config
    assert found.store("val").num_branches == 3


def test_stores_in_the_folder_are_noted_relative_to_it_and_others_whole(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for path in (run / "stores" / "train", tmp_path / "shared" / "test"):
        random_store(path, shards=(2,))
    write_stores(run, {"train": run / "stores" / "train", "test": tmp_path / "shared" / "test"})
    noted = json.loads((run / STORES).read_text())
    assert {split: note["path"] for split, note in noted.items()} == {
        "train": "stores/train",
        "test": str(tmp_path / "shared/test"),
    }
    assert noted["train"]["sha256"] == identity(run / "stores/train")
    assert store_path(run, "train") == run / "stores/train"
    assert store_path(run, "test") == tmp_path / "shared/test"


@pytest.mark.situation
@pytest.mark.parametrize("is_moved", [False, True])
def test_another_store_at_the_old_path_is_refused(tmp_path: Path, is_moved: bool) -> None:
    """As after a run was moved or its stores made anew: it would be evaluated on objects that it does not know."""
    run = tmp_path / "run"
    random_store(run / "stores" / "test", shards=(2,))
    write_stores(run, {"test": run / "stores" / "test"})
    if is_moved:
        run = run.rename(tmp_path / "moved")
    assert load(run).store("test").num_states == 2
    shutil.rmtree(run / "stores" / "test")
    random_store(run / "stores" / "test", shards=(3,))
    for opened in (lambda: store_path(run, "test"), lambda: load(run).store("test")):
        with pytest.raises(
            ValueError, match=r"stores/test: another store than the one .*; put that one back"
        ) as caught:
            opened()
        assert "\n" not in str(caught.value)


def test_store_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / STORES).write_text(json.dumps({"test": "/somewhere/test"}))
    assert store_path(tmp_path, "test") == Path("/somewhere/test")
    with pytest.raises(ValueError, match=r"names no store 'val', only \['test'\]; give a whole run"):
        store_path(tmp_path, "val")
    with pytest.raises(ValueError, match="/somewhere/test is not a store"):
        load(tmp_path).store("test")


def test_folder_that_is_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no stores\.json in it; give the folder that"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"gone: no such folder; give the folder that"):
        load(tmp_path / "gone")


@pytest.mark.parametrize("text", ["", "[]", "3", '{"train": 3}', '{"train": {"path": 3}}', "[" * 100_000])
def test_damaged_note_of_stores_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / STORES).write_text(text)
    with pytest.raises(ValueError, match=rf"{STORES}: .*; run experiments/pretrain\.py again") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [None, "", "[]", '{"version": 99}', "[" * 100_000])
def test_damaged_recipe_is_one_line(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / RECIPE).write_text(text)
    with pytest.raises(
        ValueError, match=rf"{RECIPE}: not the recipe of a run .*; run experiments/pretrain\.py"
    ) as caught:
        _ = Pretrained(tmp_path).recipe
    assert "\n" not in str(caught.value)


def test_run_without_a_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no config\.json in .*; give a folder written by save_pretrained, or a run"):
        _ = Pretrained(tmp_path).model
