"""The screen of tasks: planted ones are judged as they were planted, and behaviour cloning copies what is there."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from smcrep.results import read_claims
from smcrep.sweep import cell_path


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("policy", Path(__file__).parents[2] / "experiments" / "policy.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


policy = load()


def run(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    arguments = ["--tiny", "--demonstrations", "40", "--rollouts", "10", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["policy.py", *arguments])
    policy.main()


def test_planted_tasks_are_judged_as_they_were_planted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A target that moves needs to be seen; one that is always in one place does not."""
    run(monkeypatch, tmp_path)
    claims = read_claims(tmp_path / "claims" / "policy.json")
    assert claims["policy.truth.reach"].value >= 0.9
    assert claims["policy.proprioception.reach"].value <= 0.5
    assert claims["policy.proprioception.same"].value >= 0.9
    assert claims["policy.truth.reach"].controls["passed"] == int(claims["policy.untrained.reach"].value <= 0.7)
    assert claims["policy.truth.same"].controls["passed"] == 0
    assert claims["policy.screen"].controls["tried"] == 2
    capsys.readouterr()
    cell = cell_path(tmp_path / "cells", "reach_truth", 0)
    before = cell.read_bytes()
    cell_path(tmp_path / "cells", "same_truth", 0).unlink()
    run(monkeypatch, tmp_path)
    made = [line for line in capsys.readouterr().out.splitlines() if " within " in line]
    assert [line.split()[:2] for line in made] == [["same", "truth"]]
    assert cell.read_bytes() == before


def test_the_bars_of_the_screen() -> None:
    good = {"truth": 0.9, "proprioception": 0.7, "untrained": 0.7}
    assert policy.passes(good, 250, 500)
    assert not policy.passes(good | {"truth": 0.8}, 250, 500)
    assert not policy.passes(good | {"proprioception": 0.8}, 250, 500)
    assert not policy.passes(good | {"untrained": 0.8}, 250, 500)
    assert not policy.passes(good, 251, 500)


def test_demonstrations_hold_the_experts_next_actions() -> None:
    world = policy.Reach(True)
    seen, chunks, longest, tries = policy.demonstrated(world, policy.looker("truth", None), 3, np.random.default_rng(0))
    assert tries == 3
    assert longest <= len(seen) == len(chunks)
    wanted = ((seen[:, 2:] - seen[:, :2]) / 0.1).clamp(-1, 1)
    assert torch.allclose(chunks[:, 0], wanted, atol=1e-5)
    first = slice(0, 5)  # within the first demonstration, which has more steps than a chunk
    assert torch.equal(chunks[0], chunks[first, 0])


def test_an_expert_that_fails_is_named() -> None:
    world = policy.Reach(True)
    world.limit = 0
    with pytest.raises(ValueError, match="the expert succeeded in 0 of 8 episodes"):
        policy.demonstrated(world, policy.looker("truth", None), 2, np.random.default_rng(0))


def test_a_start_that_succeeds_at_once_is_not_counted() -> None:
    class Alternating(policy.Reach):
        """Every other start lies in the target, and the others never reach it."""

        def reset(self, seed: int) -> None:
            super().reset(seed)
            self.at_once = seed % 2 == 0

        def step(self, action: np.ndarray) -> bool:
            return self.at_once

    world = Alternating(True)
    stay = lambda view: np.zeros((policy.CHUNK, 2))
    look = policy.looker("truth", None)
    assert policy.rolled_out(world, look, stay, 0, 10) == 1
    assert policy.rolled_out(world, look, stay, 1, 10) is None
    found = policy.cloned(world, look, 2, 4, 1, 0)
    assert found["success"] == [False] * 4
    assert (found["longest"], found["horizon"]) == (1, 2)
