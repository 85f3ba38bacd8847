"""What a stranger adds from his own file works without a change in the package: one of each kind, as the docs say.

Senses and objectives have examples (tests/test_examples.py); here a fusion rule, a predictor, an indicator, a reader
and a recipe."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smcrep import fusion
from smcrep.data.loader import TransitionLoader
from smcrep.hub import build_model, from_pretrained, save_pretrained
from smcrep.models import ModelConfig, predictors
from smcrep.pretraining import RECIPES, Run, tiny
from smcrep.probes.collapse import utilisation
from smcrep.testing import assert_fusion_laws
from smcrep.training.build import Compute, build_fabric
from smcrep.training.command_line import parse
from smcrep.training.fit import fit
from smcrep.transition import Beliefs, Targets, Transition
from tests.training.synthetic import tiny_recipe, transition

SMALL = replace(tiny_recipe().model, senses=("points",))


def first_present(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """Half the weight to the most precise sense, the rest shared."""
    fused, weight = fusion.precision_weighted(beliefs)
    equal, share = fusion.equal_precision(beliefs)
    return (fused + equal) / 2, (weight + share) / 2


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fusion.RULES, "half", first_present)
    monkeypatch.setitem(predictors.PREDICTORS, "still", lambda sizes: Still())
    monkeypatch.setitem(RECIPES, "mine", mine)


class Still(nn.Module):
    """Nothing moves."""

    def forward(self, z: Tensor, rotation: Tensor | None, condition: Tensor) -> Tensor:
        return z


def mine() -> Run:
    return replace(tiny(), recipe=replace(tiny().recipe, name="mine", seed=7))


@pytest.mark.usefixtures("registered")
def test_a_fusion_rule_and_a_predictor_by_name(tmp_path: Path) -> None:
    assert_fusion_laws(first_present, breaks=("flat_case",))
    config = replace(tiny_recipe().model, fusion="half", predictor="still")
    model = build_model(config)
    save_pretrained(model, tmp_path)
    again = from_pretrained(tmp_path)
    assert again.fuse is first_present
    z = torch.randn(2, config.equivariant_dim)
    condition = again.condition(transition(2, 1, seed=0).action[:, 0])
    assert torch.equal(again.predict("fused", z, condition), z)


def test_a_rule_that_nobody_added_is_one_line() -> None:
    with pytest.raises(ValueError, match=r"there is no rule 'half'; choose one of precision, .* or add yours"):
        build_model(replace(SMALL, fusion="half"))
    with pytest.raises(ValueError, match="predictor is 'still'; choose one of group_residual"):
        ModelConfig(predictor="still")


@pytest.mark.usefixtures("registered")
def test_a_recipe_by_name() -> None:
    run = parse(RECIPES, ["mine", "--optim.steps", "3"], flat=("recipe",))
    assert (run.recipe.name, run.recipe.seed, run.recipe.optim.steps) == ("mine", 7, 3)


class Recordings:
    """A reader: whatever has object ids and gives states as transitions is trained on."""

    object_ids = np.arange(12) % 4

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        some: Transition = transition(12, 2, seed=0)[torch.from_numpy(states)]
        return some, Targets(some.object_id, some.object_id, *[torch.zeros(len(states))] * 3)


def test_a_reader_is_trained_on(tmp_path: Path) -> None:
    recipe = replace(tiny_recipe(), model=SMALL)
    fitted = fit(
        recipe,
        lambda rank, world_size: TransitionLoader(Recordings(), batch_states=4, seed=0),
        tmp_path,
        fabric=build_fabric(Compute(), recipe.optim),
    )
    assert fitted.step == recipe.optim.steps


def largest_singular_share(embeddings: np.ndarray) -> float:
    """An indicator is a function of arrays: the share of the first direction."""
    values = np.linalg.svd(embeddings - embeddings.mean(0), compute_uv=False)
    return float(values[0] / values.sum())


def test_an_indicator_is_a_function_of_arrays_beside_ours() -> None:
    rng = np.random.default_rng(0)
    line = np.outer(rng.normal(size=60), rng.normal(size=8))
    assert largest_singular_share(line) == pytest.approx(1)
    hits = (rng.random(60) < 0.9).astype(float)
    found = utilisation(hits, np.full(60, 0.1), np.ones(60), np.full(60, 0.1), np.arange(60), rng=rng)
    assert found.verdict == "used"
