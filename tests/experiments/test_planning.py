"""The vector push world pushes, retrieval and planning read what was planted, and the record is the correlation."""

from typing import Any

import pytest
import torch
from torch import nn

from tests.experiments.scripts import script

planning: Any = script("planning")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_discs_are_pushed_along_the_line_through_their_centres() -> None:
    state = torch.tensor([0.0, 0.0, 0.25, 0.0])
    got = planning.push(state, torch.tensor([-2.0, 0.0, 0.16, 0.0]))  # from the left, 16 cm: to x = .05
    assert got.tolist() == pytest.approx(
        [0.15, 0.0, 0.35, 0.0], abs=1e-6
    )  # both shoved: 10 cm and 20 cm between centres
    missed = planning.push(state, torch.tensor([-1.0, 0.0, -0.2, 0.0]))
    assert torch.equal(missed, state)
    action = torch.tensor([-1.0, 0.2, 0.12, 0.05])
    turned_state = torch.stack([-state[1], state[0], -state[3], state[2]])
    turned_action = planning.turned(action, 90.0)
    first, second = planning.push(state, action), planning.push(turned_state, turned_action)
    assert torch.allclose(torch.stack([-first[1], first[0], -first[3], first[2]]), second, atol=1e-6)


def test_tasks_are_not_solved_at_the_start() -> None:
    start, goal = planning.tasks(50, seeded())
    assert ((goal - start)[:, :2].norm(dim=-1) >= planning.FAR_M).all()


class Known(nn.Module):
    """Latents are places; ``heard`` is how much of the action reaches the prediction."""

    def __init__(self, heard: float) -> None:
        super().__init__()
        self.heard = heard

    def encode(self, state: torch.Tensor) -> torch.Tensor:
        return state

    def predict(self, latent: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        moved = planning.push(latent, action)
        return latent + self.heard * (moved - latent)


def test_retrieval_and_planning_of_a_model_that_knows_and_of_one_that_is_blind() -> None:
    known, blind = Known(1.0), Known(0.0)

    def places(state: torch.Tensor) -> torch.Tensor:
        return state

    assert planning.counterfactual_retrieval(known, places, seeded()) > 0.8  # some actions miss, and tie
    assert planning.counterfactual_retrieval(blind, places, seeded()) < 0.1
    assert planning.success(planning.in_the_latent(known, places), seeded(1), 20) > 0.85
    assert planning.success(planning.in_the_latent(blind, places), seeded(1), 20) < 0.2
    same = planning.success(planning.in_the_world, seeded(1), 20)
    assert same == planning.success(planning.in_the_latent(known, places), seeded(1), 20)


def test_record_is_the_mean_correlation_over_seeds() -> None:
    def cell(cfr: list[float], success: list[float]) -> dict[str, Any]:
        rows = [
            {"cfr": c, "success": s, "validation_loss": 0.5, "permutation_drop": -c}
            for c, s in zip(cfr, success, strict=True)
        ]
        seconds = {"cfr": 0.01, "planning": 2.0}
        return {"rows": rows, "seconds": seconds, "random_actions": 0.1, "planning_in_the_world": 0.9}

    record = planning.planning_record([cell([0, 0.5, 1], [0.0, 0.2, 0.9]), cell([0, 0.5, 1], [0.0, 0.9, 0.2])])
    assert record.value == pytest.approx(0.75)  # 1, and .5
    assert record.controls["permutation_drop"] == pytest.approx(-0.75)
    assert record.controls["validation_loss"] == 0.0
    assert record.controls["seconds_over_planning"] == pytest.approx(0.005)
    assert (record.seeds, record.n) == (2, 6)
