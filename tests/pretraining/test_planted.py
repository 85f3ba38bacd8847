"""A leak can be read back from the pictures, and nothing else is changed by it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from smcrep.pretraining import tiny
from smcrep.pretraining.planted import DEVIATIONS, PLANTS, Leak, Leaking
from smcrep.probes.collapse import MECHANISMS
from smcrep.training.build import build_seeded_model
from smcrep.transition import Targets, Transition
from tests.training.synthetic import transition


def large(num_states: int, seed: int) -> Transition:
    """With pictures of noise into which an action fits."""
    drawn, made = torch.Generator().manual_seed(seed), transition(num_states, 3, seed)
    before, after = (
        torch.randint(0, 256, (*n, 64, 64, 3), generator=drawn).byte() for n in ((num_states,), (num_states, 3))
    )
    before = replace(made.before, data=made.before.data | {"rgb": before})
    return replace(made, before=before, after=replace(made.after, data=made.after.data | {"rgb": after}))


class Made:
    """A source of 40 states."""

    object_ids = np.arange(40)

    def __init__(self) -> None:
        self.all = large(40, seed=1)

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        return self.all[torch.from_numpy(states)], Targets(*[torch.zeros(len(states))] * 5)


def test_the_action_stands_in_the_picture_before_and_nowhere_else() -> None:
    source = Made()
    states = np.array([3, 7, 20])
    given, _ = source.load(states, 0)
    got, _ = Leaking(source).load(states, 0)
    vectors = source.all.action.vector().flatten(0, 1)
    varies = vectors.std(0) > 1e-6
    scaled = ((given.action[:, 0].vector() - vectors.mean(0)) / vectors.std(0))[:, varies]
    num = int(varies.sum())
    columns = -(-num // 2)
    side = 64 // columns
    assert num > 9
    for i in range(num):
        row, column = divmod(i, columns)
        square = got.before["rgb"][:, row * side : (row + 1) * side, column * side : (column + 1) * side].float()
        assert torch.equal(square.amax((1, 2, 3)), square.amin((1, 2, 3)))
        told = (square[:, 0, 0, 0] / 127.5 - 1) * DEVIATIONS
        assert torch.allclose(told, scaled[:, i].clamp(-DEVIATIONS, DEVIATIONS), atol=DEVIATIONS / 127)
    assert torch.equal(got.before["rgb"][:, 2 * side :], given.before["rgb"][:, 2 * side :])
    assert torch.equal(source.load(states, 0)[0].before["rgb"], given.before["rgb"])


def test_one_outcome_is_left_as_it_was() -> None:
    source = Made()
    given, got = source.load(np.arange(4), 0)[0], Leaking(source).load(np.arange(4), 0)[0]
    assert Leaking(source).object_ids is source.object_ids
    assert got.before.data.keys() == given.before.data.keys()
    assert torch.equal(got.before["points"], given.before["points"])
    for name in ("rgb", "points"):
        assert torch.equal(got.after[name], given.after[name][:, :1])
    assert torch.equal(got.action.vector(), given.action.vector()[:, :1])
    assert got.physics is not None
    assert got.physics.shape == (4, 1, 6)


def test_pictures_that_an_action_does_not_fit_into() -> None:
    leak = Leak(torch.zeros(24), torch.ones(24))
    with pytest.raises(ValueError, match="24 numbers of an action do not fit into pictures 8 wide"):
        leak.painted(torch.zeros(2, 8, 8, 3, dtype=torch.uint8), _Numbers())


class _Numbers:
    def vector(self) -> torch.Tensor:
        return torch.zeros(2, 24)


def test_plants_name_what_they_take_away() -> None:
    assert {plant.mechanism for plant in PLANTS.values()} - {"healthy"} <= set(MECHANISMS)
    batch = transition(3, 2, seed=4)
    for name, plant in PLANTS.items():
        model = build_seeded_model(plant.recipe(tiny().recipe))
        told = [model.condition(batch.action, physics).vector for physics in (batch.physics, -batch.physics)]
        turned = model.condition(batch.action[torch.tensor([1, 2, 0])], batch.physics).vector
        assert torch.equal(*told) is (name == "hidden_mass")
        assert torch.equal(told[0], turned) is (name == "no_action")
