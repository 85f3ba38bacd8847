"""The pure centre: which transitions are formed, in which frame, and what a batch may not depend on."""

from dataclasses import replace

import pytest
import torch

from smcrep.data.augment import AUGMENTATION_DIM, AugmentationRanges, augment, sample
from smcrep.geometry.action import KINDS, Action, apply
from smcrep.objectives.pairs import all_pairs, star
from smcrep.objectives.sensorimotor import SensorimotorWeights
from smcrep.training.build import build_seeded_model
from smcrep.training.step import (
    drop_senses,
    jitter_colours,
    observations,
    pair_actions,
    pair_physics,
    step_loss,
    thin_clouds,
    transition_pairs,
)
from smcrep.transition import Senses
from tests.training.synthetic import tiny_recipe, transition

WEIGHTS = SensorimotorWeights()


def test_action_of_a_pair_moves_the_points_of_its_source_to_its_target() -> None:
    batch = transition(3, 4, seed=0)
    points = observations(batch)["points"].flatten(0, 1)
    pairs = transition_pairs(batch.action, 5)
    assert len(pairs) == 3 * 5 * 4
    action = pair_actions(batch.action, pairs)
    assert isinstance(action, Action)
    moved = apply(action.motion[:, None], points[pairs.source])
    torch.testing.assert_close(moved, points[pairs.positive], atol=1e-5, rtol=0)


def test_what_is_done_from_before_is_kept_whole() -> None:
    """Composing with `hold` would lose the contact point."""
    batch = transition(2, 3, seed=1, kind="push")
    pairs = transition_pairs(batch.action, 4)
    action = pair_actions(batch.action, pairs)
    torch.testing.assert_close(action.vector(), batch.action.vector().flatten(0, 1), atol=0, rtol=0)


@pytest.mark.parametrize("kind", ["push", "lift_and_drop"])
def test_kinds_that_do_not_compose_only_start_before(kind: str) -> None:
    batch = transition(2, 3, seed=2, kind=kind)
    pairs, wanted = transition_pairs(batch.action, 4), star(2, 4)
    assert torch.equal(pairs.source, wanted.source)
    assert torch.equal(pairs.positive, wanted.positive)


def test_states_of_both_sorts_in_one_batch() -> None:
    batch = transition(3, 2, seed=3)
    kind = batch.action.kind.clone()
    kind[1, 1] = KINDS.index("push")
    pairs = transition_pairs(replace(batch.action, kind=kind), 3)
    found = {s: [(int(p.source_view), int(p.target_view)) for p in pairs if int(p.source_state) == s] for s in range(3)}
    ordered = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    assert found == {0: ordered, 1: [(0, 1), (0, 2)], 2: ordered}
    assert pairs.allowed.shape == (14, 9)


def test_physics_of_a_pair_is_that_of_its_branch() -> None:
    physics = torch.arange(6.0).view(2, 3, 1)
    found = pair_physics(physics, all_pairs(2, 4))
    assert found is not None
    by_pair = {(1, 0, 2): 4.0, (0, 1, 3): 2.0, (1, 3, 0): 5.0}
    pairs = all_pairs(2, 4)
    for (state, source, target), value in by_pair.items():
        row = (pairs.source_state == state) & (pairs.source_view == source) & (pairs.target_view == target)
        assert found[row].tolist() == [[value]]
    assert pair_physics(None, pairs) is None


def test_thinned_clouds_keep_points_of_their_own() -> None:
    senses = observations(transition(2, 3, seed=0))
    thinned = thin_clouds(senses, 10, torch.Generator().manual_seed(0))
    assert thinned["points"].shape == (2, 4, 10, 3)
    distance = torch.cdist(thinned["points"].flatten(0, 1), senses["points"].flatten(0, 1))
    assert (distance.min(-1).values < 1e-6).all()
    assert torch.equal(thinned["rgb"], senses["rgb"])
    other = thin_clouds(senses, 10, torch.Generator().manual_seed(1))
    assert not torch.equal(other["points"], thinned["points"])
    assert thin_clouds(senses, 0, None) is senses
    assert thin_clouds(senses, 24, None) is senses


def test_dropout_takes_whole_states_and_never_the_last_sense() -> None:
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
    whole = step_loss(model, batch, WEIGHTS).parts
    dropped = step_loss(model, batch, WEIGHTS, sense_dropout=0.6, generator=torch.Generator().manual_seed(1)).parts
    changed = {name for name in whole if not torch.equal(whole[name], dropped[name])}
    assert changed == {"invariant/fused", "equivariant/fused"}


def test_order_of_the_states_does_not_matter() -> None:
    model, batch = build_seeded_model(tiny_recipe()), transition(5, 3, seed=5)
    once, again = (step_loss(model, b, WEIGHTS).total for b in (batch, batch[torch.tensor([3, 0, 4, 1, 2])]))
    torch.testing.assert_close(once, again)


def test_arm_without_the_action_is_blind_to_it() -> None:
    recipe = tiny_recipe()
    blind = build_seeded_model(replace(recipe, model=replace(recipe.model, use_action=False)))
    batch = transition(5, 3, seed=6)
    other = replace(batch, action=transition(5, 3, seed=7).action)
    assert torch.equal(step_loss(blind, batch, WEIGHTS).total, step_loss(blind, other, WEIGHTS).total)
    seeing = build_seeded_model(recipe)
    assert not torch.equal(step_loss(seeing, batch, WEIGHTS).total, step_loss(seeing, other, WEIGHTS).total)


def test_every_parameter_learns() -> None:
    """A module that no term reaches would be dead weight, and stop DDP."""
    model = build_seeded_model(tiny_recipe())
    step_loss(model, transition(4, 2, seed=8), WEIGHTS).total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_absent_sense_may_hold_anything() -> None:
    model, batch = build_seeded_model(tiny_recipe()), transition(4, 2, seed=9)
    for senses in (batch.before, batch.after):
        senses.present["points"][1] = False
    totals = []
    for value in (0.0, torch.nan):
        for senses in (batch.before, batch.after):
            senses["points"][1] = value
        totals.append(step_loss(model, batch, WEIGHTS).total)
    assert totals[0].isfinite()
    assert torch.equal(*totals)


def test_augmented_images_are_transitions_too() -> None:
    """Their parameters are the action; they do not compose, so only before -> after is predicted."""
    augmentation = sample(AugmentationRanges(), (4, 3), (16, 16), torch.Generator().manual_seed(0))
    images = torch.randint(0, 256, (4, 16, 16, 3), dtype=torch.uint8)
    views = augment(images[:, None].expand(-1, 3, -1, -1, -1).contiguous(), augmentation)
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
    loss = step_loss(model, batch, WEIGHTS)
    loss.total.backward()
    assert loss.total.isfinite()
    assert set(loss.parts) == {"invariant/rgb", "equivariant/rgb", "invariant/fused", "equivariant/fused", "floor"}


def test_jitter_is_one_gain_a_channel_and_image_and_none_at_strength_0() -> None:
    senses = observations(transition(3, 2, seed=9))
    plain = Senses({**senses.data, "rgb": torch.full_like(senses["rgb"], 100)}, senses.present)
    drawn = jitter_colours(plain, 0.2, torch.Generator().manual_seed(0))
    rgb = drawn["rgb"].float()
    assert rgb.std((2, 3)).max() == 0  # the same over the whole of an image
    gains = (rgb[:, :, 0, 0] / 100).log()
    assert gains.flatten().unique().numel() > 20
    assert 0.1 < gains.std() < 0.35
    assert drawn["points"] is plain["points"]
    assert jitter_colours(plain, 0.0, None) is plain
    bright = Senses({"rgb": torch.full((1, 1, 4, 4, 3), 250, dtype=torch.uint8)}, {"rgb": torch.ones(1, 1).bool()})
    assert jitter_colours(bright, 0.9, torch.Generator().manual_seed(1))["rgb"].max() == 255
