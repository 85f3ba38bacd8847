"""A world model with the two methods of stable-worldmodel's `Dynamics`, written here as its users write it."""

from typing import Any

import pytest
import torch
from torch import Tensor

from smcrep.probes.collapse import AuditData, RolloutPredictor, audit


class Moves:
    """Latents are twice the state; each step adds twice the action. Changes the dictionary that it is given, as that
    package's models do."""

    def encode(self, x: dict[str, Any]) -> dict[str, Any]:
        x["emb"] = 2 * x["state"]
        return x

    def rollout(self, info_dict: dict[str, Any], action_candidates: Tensor) -> dict[str, Any]:
        assert info_dict["state"].shape[:2] == action_candidates.shape[:2]
        start = 2 * info_dict["state"][:, :, -1:]
        info_dict["predicted_emb"] = start + 2 * action_candidates.cumsum(2)
        return info_dict


def rows() -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(0)
    state, action = torch.randn(60, 2, 3, generator=g), torch.randn(60, 4, 3, generator=g)
    after = state[:, -1:] + action.sum(1, keepdim=True)
    return {"state": state, "action": action, "state_next": torch.cat([torch.zeros(60, 1, 3), after], 1)}


def test_score_is_minus_the_squared_error_of_the_last_latent() -> None:
    batch, adapter = rows(), RolloutPredictor(Moves(), senses=("state",))
    assert adapter.signals == ("state", "action")
    assert adapter.score(batch, {}) == pytest.approx(torch.zeros(60).double(), abs=1e-10)
    moved = adapter.score(batch, {"action": batch["action"] + 0.5})  # four steps of .5, doubled: 4 off
    assert moved == pytest.approx(torch.full((60,), -16.0).double(), rel=1e-5)
    assert "emb" not in batch


def test_the_audit_sees_that_the_action_is_used() -> None:
    report = audit(RolloutPredictor(Moves(), ("state",)), AuditData(rows()), generator=torch.Generator().manual_seed(0))
    assert report.signals["action"].diagnosis.name == "healthy"
