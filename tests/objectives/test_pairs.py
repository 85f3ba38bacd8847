"""Which transitions exist and what each is contrasted with, against plain loops; their actions really compose."""

from dataclasses import replace

import pytest
import roma
import torch

from smcrep.geometry.action import KINDS, Action, apply
from smcrep.objectives.pairs import Pairs, all_pairs, pair_actions, pair_physics, star, transition_pairs
from tests.training.synthetic import transition


def listed(pairs: Pairs) -> list[tuple[int, int, int]]:
    columns = (pairs.source_state, pairs.source_view, pairs.target_view)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def test_all_pairs_are_every_ordered_pair_of_each_state() -> None:
    wanted = [(s, i, j) for s in range(3) for i in range(4) for j in range(4) if i != j]
    assert listed(all_pairs(3, 4)) == wanted


def test_star_starts_from_before_only() -> None:
    assert listed(star(2, 4)) == [(s, 0, j) for s in range(2) for j in (1, 2, 3)]


@pytest.mark.parametrize("make", [all_pairs, star])
@pytest.mark.parametrize("same_state_negatives", [True, False])
def test_candidates_are_all_but_the_source_and_others_of_its_state_where_left_out(
    make, same_state_negatives: bool
) -> None:
    b, v = 3, 4
    pairs = make(b, v, same_state_negatives=same_state_negatives)
    for row, (state, source, target) in enumerate(listed(pairs)):
        assert int(pairs.source[row]) == state * v + source
        assert int(pairs.positive[row]) == state * v + target
        for candidate in range(b * v):
            its_state, its_view = divmod(candidate, v)
            if its_state != state:
                wanted = True
            elif same_state_negatives:
                wanted = its_view != source
            else:
                wanted = its_view == target
            assert bool(pairs.allowed[row, candidate]) == wanted
            assert bool(pairs.same_state[row, candidate]) == (its_state == state)


def test_star_is_a_selection_of_all_pairs() -> None:
    every, few = all_pairs(3, 5), star(3, 5)
    kept = every[every.source_view == 0]
    assert listed(kept) == listed(few)
    assert torch.equal(kept.allowed, few.allowed)
    assert len(kept) == 12


def test_action_between_outcomes_leads_from_one_to_the_other() -> None:
    """Outcomes of known rotations of known points: the composed action of each pair maps source to target."""
    b, k = 2, 3
    generator = torch.Generator().manual_seed(0)
    motion = torch.eye(4).repeat(b, k, 1, 1)
    motion[..., :3, :3] = roma.rotvec_to_rotmat(torch.randn(b, k, 3, generator=generator))
    motion[..., :3, 3] = torch.randn(b, k, 3, generator=generator)
    turn = torch.full((b, k), KINDS.index("turn"))
    action = Action(turn, motion, torch.zeros(b, k, 3), torch.zeros(b, k, 3), torch.ones(b, k))
    points = torch.randn(b, 1, 3, generator=generator)
    views = torch.cat([points, apply(motion, points)], 1)  # [b, k + 1, 3]
    pairs = all_pairs(b, k + 1)
    between = pairs[(pairs.source_view > 0) & (pairs.target_view > 0)]
    first = action[between.source_state, between.source_view - 1]
    second = action[between.source_state, between.target_view - 1]
    moved = apply(first.inverse().then(second).motion, views.flatten(0, 1)[between.source])
    torch.testing.assert_close(moved, views.flatten(0, 1)[between.positive], atol=1e-5, rtol=0)


def test_one_view_is_refused() -> None:
    with pytest.raises(ValueError, match="2 states of 1 views"):
        all_pairs(2, 1)


def test_action_of_a_pair_moves_the_points_of_its_source_to_its_target() -> None:
    batch = transition(3, 4, seed=0)
    points = batch.observations["points"].flatten(0, 1)
    pairs = transition_pairs(batch.action, 5)
    assert len(pairs) == 3 * 5 * 4
    action = pair_actions(batch.action, pairs)
    assert isinstance(action, Action)
    moved = apply(action.motion[:, None], points[pairs.source])
    torch.testing.assert_close(moved, points[pairs.positive], atol=1e-5, rtol=0)


def test_action_from_the_observation_before_is_kept_whole() -> None:
    """Composing with `hold` would lose the contact point."""
    batch = transition(2, 3, seed=1, kind="push")
    pairs = transition_pairs(batch.action, 4)
    action = pair_actions(batch.action, pairs)
    torch.testing.assert_close(action.vector(), batch.action.vector().flatten(0, 1), atol=0, rtol=0)


@pytest.mark.parametrize("kind", ["push", "lift_and_drop"])
def test_actions_that_do_not_compose_start_from_the_observation_before_only(kind: str) -> None:
    batch = transition(2, 3, seed=2, kind=kind)
    pairs, wanted = transition_pairs(batch.action, 4), star(2, 4)
    assert torch.equal(pairs.source, wanted.source)
    assert torch.equal(pairs.positive, wanted.positive)


def test_states_whose_actions_compose_and_others_form_one_batch() -> None:
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
    pairs = all_pairs(2, 4)
    found = pair_physics(physics, pairs)
    assert found is not None
    for (state, source, target), value in {(1, 0, 2): 4.0, (0, 1, 3): 2.0, (1, 3, 0): 5.0}.items():
        row = (pairs.source_state == state) & (pairs.source_view == source) & (pairs.target_view == target)
        assert found[row].tolist() == [[value]]
    assert pair_physics(None, pairs) is None
