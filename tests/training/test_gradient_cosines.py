"""Which terms of a loss pull against each other is logged, and changes nothing else."""

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
import torch

from smcrep.models.model import SensorimotorModel
from smcrep.objectives import ObjectiveWeights, Observed, SensorimotorWeights, objectives
from smcrep.training.build import Compute, build_fabric, build_seeded_model
from smcrep.training.fit import Fitted, fit
from smcrep.training.recipes import Recipe
from smcrep.training.step import StepInput, StepLoss, gradient_cosines, last_shared, step_loss
from smcrep.transition import Loss
from tests.training.synthetic import SyntheticSource, tiny_recipe, transition

GROUPS = ("invariant", "equivariant", "cross_modal", "fused")


@dataclass(frozen=True)
class TornWeights(ObjectiveWeights):
    """Planted: one number is pulled down, twice as hard up, and down once more."""

    def loss(self, observed: Observed) -> Loss:
        number = observed.fused[..., ::2].mean()
        terms = {"down": number, "up": -2 * number, "again": 3 * number}
        return Loss(torch.stack(list(terms.values())).sum(), {}, terms)


def train(recipe: Recipe, out: Path, every: int) -> tuple[Fitted, list[dict[str, float]]]:
    fabric = build_fabric(Compute(accelerator="cpu"), recipe.optim)
    fitted = fit(recipe, lambda rank, size: SyntheticSource(), out, fabric=fabric, cosines_every=every)
    return fitted, [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_planted_conflict_is_logged_where_it_is_due(tmp_path: Path) -> None:
    _, records = train(tiny_recipe(objective=TornWeights(), log_every=1), tmp_path, 3)
    logged = {r["step"]: {n: v for n, v in r.items() if n.startswith("gradient_cosine")} for r in records}
    assert [step for step, cosines in logged.items() if cosines] == [3, 6]
    for step in (3, 6):
        assert logged[step] == {
            "gradient_cosine/down-up": pytest.approx(-1),
            "gradient_cosine/down-again": pytest.approx(1),
            "gradient_cosine/up-again": pytest.approx(-1),
        }


@pytest.mark.parametrize("objective", [SensorimotorWeights(), objectives()["ntxent+inverse"]()])
def test_weights_and_losses_are_the_same_to_the_bit_with_and_without(
    objective: ObjectiveWeights, tmp_path: Path
) -> None:
    recipe = tiny_recipe(objective=objective, log_every=1)
    (one, with_them), (other, without) = (train(recipe, tmp_path / str(n), n) for n in (1, 0))
    assert all(torch.equal(a, b) for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True))
    assert [r["loss"] for r in with_them] == [r["loss"] for r in without]
    assert [r["gradient_norm"] for r in with_them] == [r["gradient_norm"] for r in without]
    assert not any(name.startswith("gradient_cosine") for r in without for name in r)
    assert all(any(name.startswith("gradient_cosine") for name in r) for r in with_them)


def gradient(model: SensorimotorModel, recipe: Recipe, group: str) -> list[float]:
    """Of one group of terms alone, by a whole backward pass."""
    model.zero_grad()
    alone = replace(SensorimotorWeights(), **{name: float(name == group) for name in GROUPS})
    loss = step_loss(
        model, transition(4, 2, seed=3), alone, sense_dropout=recipe.sense_dropout, generator=torch.Generator()
    )
    loss.total.backward()
    return [float(x) for p in last_shared(model) for x in (torch.zeros_like(p) if p.grad is None else p.grad).flatten()]


def test_cosines_are_those_of_each_group_alone() -> None:
    recipe = tiny_recipe()
    model = build_seeded_model(recipe)
    own = {group: gradient(model, recipe, group) for group in GROUPS}
    _, parts = StepLoss(model, recipe)(StepInput(transition(4, 2, seed=3), torch.Generator(), cosines=True))
    found = {name.split("/")[1]: float(v) for name, v in parts.items() if name.startswith("gradient_cosine")}
    assert len(found) == 6
    for pair, cosine in found.items():
        a, b = (own[name] for name in pair.split("-"))
        product = sum(x * y for x, y in zip(a, b, strict=True))
        lengths = sum(x * x for x in a) * sum(y * y for y in b)
        assert cosine == pytest.approx(product / lengths**0.5, abs=1e-5)


def test_last_shared_weights_are_read_by_both_parts() -> None:
    """Each term of one part alone reaches them: behind them the ways part."""
    model = build_seeded_model(tiny_recipe())
    weights = last_shared(model)
    assert len(weights) == len(model.encoders)
    beliefs = model.beliefs(transition(4, 2, seed=3).before).mean
    for part in (beliefs[..., : model.config.invariant_dim], beliefs[..., model.config.invariant_dim :]):
        slopes = torch.autograd.grad(
            part.square().sum(-1).sqrt().mean() + part[..., 0].sum(), weights, retain_graph=True
        )
        assert all(slope.abs().sum() > 0 for slope in slopes)


def test_terms_are_what_the_total_is_a_weighted_sum_of() -> None:
    model, batch = build_seeded_model(tiny_recipe()), transition(4, 2, seed=3)
    weights = SensorimotorWeights(invariant=0.3, equivariant=0.7, cross_modal=1.1, fused=1.9)
    loss = step_loss(model, batch, weights, augmented=False)
    assert set(loss.terms) == set(GROUPS) <= {f.name for f in fields(weights)}
    total = sum(getattr(weights, name) * float(term.detach()) for name, term in loss.terms.items())
    assert float(loss.total.detach()) == pytest.approx(total, rel=1e-6)


def test_terms_of_a_combination_are_means_over_the_senses() -> None:
    recipe = tiny_recipe(objective=objectives()["ntxent+inverse"]())
    loss = step_loss(build_seeded_model(recipe), transition(4, 2, seed=3), recipe.objective, augmented=False)
    assert set(loss.terms) == {"invariance", "forward", "inverse"}
    of_each = [float(v) for name, v in loss.parts.items() if name.startswith("invariance/")]
    assert float(loss.terms["invariance"].detach()) == pytest.approx(sum(of_each) / len(of_each))
    assert float(loss.total.detach()) == pytest.approx(
        sum(float(term.detach()) for term in loss.terms.values()), rel=1e-5
    )


def test_nothing_to_compare_is_nothing_logged() -> None:
    model = build_seeded_model(tiny_recipe())
    loss = step_loss(model, transition(4, 2, seed=3), SensorimotorWeights())
    assert gradient_cosines(model, {"fused": loss.terms["fused"]}) == {}
    assert (
        gradient_cosines(model, loss.terms | {"none": torch.zeros(())}).keys()
        == gradient_cosines(model, loss.terms).keys()
    )
    model.encoders.requires_grad_(False)
    assert gradient_cosines(model, loss.terms) == {}
