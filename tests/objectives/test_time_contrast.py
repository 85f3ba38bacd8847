"""Time: the next frame is the positive; walks move by one, bouts last as long as they say, no pair is identical."""

import math
from collections import Counter

import pytest
import torch

from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.time_contrast import (
    TimeContrastWeights,
    bouts,
    following,
    random_walk,
    time_contrast,
    uniform_views,
    window,
)
from smcrep.testing import assert_objective_laws
from smcrep.testing.objectives import synthetic_observed


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_next_view_is_the_positive_and_the_last_has_none() -> None:
    given = synthetic_observed()
    z = given.project(given.latents()["fused"].detach()[..., :4])
    wanted = sum(float(nt_xent(z[:, t], z[:, t + 1], 0.5).total) for t in range(3)) / 3
    found = TimeContrastWeights(temperature=0.5).loss(given)
    assert float(found.parts["time_contrast/fused"]) == pytest.approx(wanted)
    assert_objective_laws(TimeContrastWeights(), at_constant=math.log(9))


def test_gradient_is_that_of_finite_differences() -> None:
    frames = torch.randn(3, 2, 3, generator=seeded(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: time_contrast(x, 0.4), frames)


@pytest.mark.parametrize("num_frames", [1, 2, 5])
def test_one_of_n_positives_shows_another_object_where_bouts_last_n_frames(num_frames: int) -> None:
    objects = torch.arange(12).repeat_interleave(num_frames)
    crosses = objects != objects[following(len(objects))]
    assert float(crosses.double().mean()) == pytest.approx(1 / num_frames)
    assert following(3).tolist() == [1, 2, 0]


@pytest.mark.parametrize("mean_frames", [1.0, 1.5, 4.0])
def test_bouts_last_as_long_on_average_and_no_object_follows_itself(mean_frames: float) -> None:
    objects = bouts(5, 4000, mean_frames, seeded())
    changes = (objects[1:] != objects[:-1]).nonzero()[:, 0]
    assert len(changes) == 3999
    assert len(objects) / 4000 == pytest.approx(mean_frames, rel=0.05)
    lengths = Counter(torch.diff(changes).tolist())
    assert lengths[1] / 3998 == pytest.approx(1 / mean_frames, abs=0.03)  # geometric: P(1) = 1 / mean
    assert set(objects.tolist()) == set(range(5))


def test_bouts_of_one_object_are_refused() -> None:
    with pytest.raises(ValueError, match="give at least 2 objects"):
        bouts(1, 4, 2.0, seeded())


def test_a_walk_moves_by_one_along_one_axis_both_ways_and_wraps_where_told() -> None:
    places = random_walk((8, 3), (True, False), 4000, seeded())
    steps = places.diff(dim=0)
    circular = torch.where(steps[:, 0].abs() == 7, -steps[:, 0].sign(), steps[:, 0])
    moved = circular.abs() + steps[:, 1].abs()
    assert bool((moved == 1).all())
    assert bool((steps[:, 0].abs() == 7).any())  # past the last view of the circle
    assert float(circular[circular != 0].double().mean()) == pytest.approx(0, abs=0.06)  # neither way is favoured
    assert places.amin(0).tolist() == [0, 0]
    assert places.amax(0).tolist() == [7, 2]  # the last view is reached


def test_uniform_views_are_uniform_and_never_twice_in_a_row() -> None:
    views = uniform_views(6, 6000, seeded())
    assert bool((views[1:] != views[:-1]).all())
    assert all(count == pytest.approx(1000, rel=0.1) for count in Counter(views.tolist()).values())
    assert len(Counter(views.tolist())) == 6


def test_window_is_of_neighbours_on_a_circle() -> None:
    starts = set()
    for seed in range(20):
        views = window(5, 7, seeded(seed))
        assert views.tolist() == [(int(views[0]) + i) % 5 for i in range(7)]
        starts.add(int(views[0]))
    assert len(starts) > 2
