"""One step of training: what is augmented and dropped, what learns, and what a batch may not depend on."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from smcrep.data.augment import AUGMENTATION_DIM, AugmentationRanges, sample
from smcrep.data.augment import augment as transformed
from smcrep.models.model import SensorimotorModel
from smcrep.objectives.pairs import transition_pairs
from smcrep.objectives.sensorimotor import SensorimotorWeights
from smcrep.senses import SENSES
from smcrep.training.build import build_seeded_model
from smcrep.training.recipes import with_settings
from smcrep.training.step import augment, drop_senses, step_loss
from smcrep.transition import Loss, Senses, Transition
from tests.training.synthetic import tiny_recipe, transition

WEIGHTS = SensorimotorWeights()


def loss(model: SensorimotorModel, batch: Transition, **options: Any) -> Loss:
    """Without the changes of training, which are random."""
    return step_loss(model, batch, WEIGHTS, augmented=False, **options)


def test_dropout_leaves_out_a_sense_of_a_whole_state_and_never_the_last() -> None:
    present = torch.ones(4000, 3, 2, dtype=torch.bool)
    present[:1000, :, 0] = False
    kept = drop_senses(present, 0.2, torch.Generator().manual_seed(0))
    assert kept.any(-1).all()
    assert not (kept & ~present).any()
    assert (kept == kept[:, :1]).all()
    # With both there: only the first is lost with probability 0.2 x 0.8.
    lost = (~kept[1000:, 0]).float().mean(0)
    assert lost.tolist() == pytest.approx([0.16, 0.16], abs=0.02)
    assert drop_senses(present, 0.0, None) is present


def test_dropout_touches_the_fused_terms_only() -> None:
    model, batch = build_seeded_model(tiny_recipe()), transition(6, 2, seed=4)
    whole = loss(model, batch).parts
    dropped = loss(model, batch, sense_dropout=0.6, generator=torch.Generator().manual_seed(1)).parts
    changed = {name for name in whole if not torch.equal(whole[name], dropped[name])}
    assert changed == {"invariant/fused", "equivariant/fused"}


def test_order_of_the_states_changes_nothing() -> None:
    model, batch = build_seeded_model(tiny_recipe()), transition(5, 3, seed=5)
    once, again = (loss(model, b).total for b in (batch, batch[torch.tensor([3, 0, 4, 1, 2])]))
    torch.testing.assert_close(once, again)


def test_action_blind_model_has_the_same_loss_under_any_action() -> None:
    recipe = tiny_recipe()
    blind = build_seeded_model(replace(recipe, model=replace(recipe.model, use_action=False)))
    batch = transition(5, 3, seed=6)
    other = replace(batch, action=transition(5, 3, seed=7).action)
    assert torch.equal(loss(blind, batch).total, loss(blind, other).total)
    seeing = build_seeded_model(recipe)
    assert not torch.equal(loss(seeing, batch).total, loss(seeing, other).total)


def test_every_parameter_learns() -> None:
    """A module that no term reaches would be dead weight, and stop DDP."""
    model = build_seeded_model(tiny_recipe())
    step_loss(model, transition(4, 2, seed=8), WEIGHTS).total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_what_an_absent_sense_holds_changes_nothing() -> None:
    model, batch = build_seeded_model(tiny_recipe()), transition(4, 2, seed=9)
    for senses in (batch.before, batch.after):
        senses.present["points"][1] = False
    totals = []
    for value in (0.0, torch.nan):
        for senses in (batch.before, batch.after):
            senses["points"][1] = value
        totals.append(loss(model, batch).total)
    assert totals[0].isfinite()
    assert torch.equal(*totals)


def test_augmented_images_are_transitions_from_the_picture_to_each_view() -> None:
    """Their parameters are the action; they do not compose, so only before -> after is predicted."""
    augmentation = sample(AugmentationRanges(), (4, 3), (16, 16), torch.Generator().manual_seed(0))
    images = torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8)
    views = transformed(images[:, None].expand(-1, 3, -1, -1, -1).contiguous(), augmentation)
    batch = replace(
        transition(4, 3, seed=0),
        before=Senses.all_present({"rgb": images}),
        after=Senses.all_present({"rgb": views}, 2),
        action=augmentation,
        physics=None,
    )
    assert len(transition_pairs(batch.action, 4)) == 4 * 3
    config = replace(tiny_recipe().model, senses=("rgb",), predictor="mlp", action_dim=AUGMENTATION_DIM)
    model = build_seeded_model(replace(tiny_recipe(), model=config))
    found = loss(model, batch)
    found.total.backward()
    assert found.total.isfinite()
    assert set(found.parts) == {"invariant/rgb", "equivariant/rgb", "invariant/fused", "equivariant/fused", "floor"}


def test_every_sense_is_thinned_then_augmented_and_presence_stays() -> None:
    """By the settings of the model, whatever the senses are: the sense's own functions are called."""
    recipe = tiny_recipe()
    config = with_settings(recipe.model, rgb={"colour_jitter": 0.2}, points={"num_train_points": 10})
    model, senses = build_seeded_model(replace(recipe, model=config)), transition(3, 2, seed=9).observations
    senses.present["points"][1] = False
    found = augment(model, senses, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    points = SENSES["points"].thin(config.senses["points"], senses["points"], generator)
    rgb = SENSES["rgb"].augment(config.senses["rgb"], senses["rgb"], generator)
    assert points.shape[-2] == 10
    assert torch.equal(found["points"], points)
    assert torch.equal(found["rgb"], rgb)
    assert not torch.equal(found["rgb"], senses["rgb"])
    assert found.present is senses.present


def test_nothing_is_augmented_at_strength_0_nor_where_it_is_switched_off() -> None:
    recipe, batch = tiny_recipe(), transition(3, 2, seed=9)
    still = with_settings(recipe.model, rgb={"colour_jitter": 0.0}, points={"num_train_points": 0})
    model = build_seeded_model(replace(recipe, model=still))
    found = augment(model, batch.observations, torch.Generator().manual_seed(0))
    assert all(torch.equal(found[name], value) for name, value in batch.observations.items())
    plain = loss(model, batch)
    assert torch.equal(step_loss(model, batch, WEIGHTS, generator=torch.Generator().manual_seed(0)).total, plain.total)
    jittered = step_loss(build_seeded_model(recipe), batch, WEIGHTS, generator=torch.Generator().manual_seed(0)).total
    assert not torch.equal(jittered, plain.total)
