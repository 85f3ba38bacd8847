import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from smcrep.training import checkpoint
from tests.training.synthetic import tiny_recipe

STATE = {"step": 3, "model": {"w": torch.tensor([1.0, 2.0])}, "source": {"drawn": 7}}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path / "in" / "new", STATE, tiny_recipe())
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    state = checkpoint.load(tmp_path / "in" / "new", tiny_recipe())
    assert state is not None
    assert state["step"] == 3
    assert state["source"] == {"drawn": 7}
    assert torch.equal(state["model"]["w"], STATE["model"]["w"])


def test_nothing_there(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path, tiny_recipe()) is None


def test_failed_save_leaves_the_last_one(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, STATE, tiny_recipe())
    with pytest.raises(Exception, match=r"pickle|local object"):
        checkpoint.save(tmp_path, {"step": 4, "model": lambda: None}, tiny_recipe())
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]
    state = checkpoint.load(tmp_path, tiny_recipe())
    assert state is not None
    assert state["step"] == 3


def test_truncated_file_is_one_clear_line(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, STATE, tiny_recipe())
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"last\.pt: it cannot be read .*; remove the folder") as caught:
        checkpoint.load(tmp_path, tiny_recipe())
    assert "\n" not in str(caught.value)


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("BOOM",)


def test_pickle_runs_no_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for make in (lambda f: torch.save({"version": 1, "x": Bomb()}, f), lambda f: f.write(pickle.dumps(Bomb()))):
        with checkpoint.path_in(tmp_path).open("wb") as file:
            make(file)
        with pytest.raises(ValueError, match="cannot be read"):
            checkpoint.load(tmp_path, tiny_recipe())
        assert "BOOM" not in capsys.readouterr().out


def test_other_recipe_is_named(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    checkpoint.save(tmp_path, STATE, recipe)
    other = replace(recipe, seed=1, optim=replace(recipe.optim, lr=0.5))
    with pytest.raises(ValueError, match=r"trained otherwise .*optim\.lr \(.* / 0\.5\), seed \(0 / 1\)"):
        checkpoint.load(tmp_path, other)
    assert checkpoint.load(tmp_path, replace(recipe, log_every=1, name="renamed"))


def test_other_version(tmp_path: Path) -> None:
    torch.save({"version": 99}, checkpoint.path_in(tmp_path))
    with pytest.raises(ValueError, match="version 99 and this smcrep reads 1"):
        checkpoint.load(tmp_path, tiny_recipe())
