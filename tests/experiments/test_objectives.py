"""seq-JEPA in the comparison of objectives is read by its own networks, from the checkpoint."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from smcrep.evaluation.encoded import Encoded
from smcrep.evaluation.outcome import outcome_hits
from smcrep.geometry.action import Action
from smcrep.objectives import SeqJEPAWeights
from smcrep.pretraining.folder import Pretrained
from smcrep.results import write_json
from smcrep.training import checkpoint
from smcrep.training.build import build_seeded_model
from tests.experiments.scripts import script
from tests.training.synthetic import tiny_recipe, transition

objectives: Any = script("objectives")


def encoded(action: Action, seed: int, dim: int) -> Encoded:
    num, k = action.kind.shape
    latent = torch.randn(num, k + 1, dim, generator=torch.Generator().manual_seed(seed))
    return Encoded({"fused": latent}, 8, action, None, torch.eye(4).expand(num, k + 1, 4, 4), np.arange(num))


def test_seq_jepa_is_read_by_its_own_networks(tmp_path: Path) -> None:
    recipe = tiny_recipe(objective=SeqJEPAWeights(action=6, hidden=8, layers=1, attention_heads=2))
    model = build_seeded_model(recipe)
    network: Any = model.objective_heads["sequence"]
    torch.nn.init.normal_(network.token, generator=torch.Generator().manual_seed(0))  # not what a recipe begins with
    checkpoint.save(tmp_path / "checkpoint", {"model": model.state_dict(), "step": 1}, recipe)
    write_json(tmp_path / "recipe.json", recipe.to_json())

    action, dim = transition(5, 3, seed=0).action, recipe.model.embed_dim
    training, given = encoded(action, 0, dim), encoded(action, 1, dim)
    reader = objectives.BySequences(Pretrained(tmp_path), training)
    seen = reader.seen(given)

    every = training.latent["fused"].flatten(0, 1)
    h = F.batch_norm(given.latent["fused"].flatten(0, 1), every.mean(0), every.var(0, unbiased=False))
    torch.testing.assert_close(seen.equivariant().flatten(0, 1), h)
    with torch.no_grad():
        aggregate = network.aggregate(h[:, None], torch.zeros(20, 0, recipe.model.action_dim))
        torch.testing.assert_close(seen.invariant().flatten(0, 1), aggregate)
        scaled = model.action_encoder.action_scale(action.vector())
        before = h.unflatten(0, (5, 4))[:, :1]
        predicted = torch.stack([network(before, scaled[:, i : i + 1]) for i in range(3)], 1)
    found = F.cosine_similarity(predicted[:, :, None], seen.equivariant()[:, None, 1:], dim=-1)
    hits = (found.argmax(-1) == torch.arange(3)).double().numpy()
    np.testing.assert_array_equal(outcome_hits(reader, seen), hits)
    assert 0 < hits.mean() < 1
