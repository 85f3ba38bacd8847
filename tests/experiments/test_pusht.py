"""The script's own measures on planted pushes: a world that adds the action is perfect, one that ignores it is not."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.experiments.scripts import script

pusht: Any = script("pusht")
EPISODES, BLOCKS = 9, 6


def planted() -> Any:
    """Blocks of twice the horizon, of states near one another and then the same states moved: the action says by how
    much all six numbers move, the same in all of an episode."""
    rng = np.random.default_rng(0)
    drift = rng.normal(0, 30, (EPISODES, 1, 1, 6))
    base = 200 + rng.normal(0, 2, (EPISODES, BLOCKS, pusht.HORIZON, 6))
    state = np.concatenate([base, base + drift], 2).reshape(-1, 6)
    rows = np.arange(len(state)).reshape(EPISODES, BLOCKS, 2 * pusht.HORIZON)[:, :, : pusht.HORIZON]
    episode = np.repeat(np.arange(EPISODES), BLOCKS * pusht.HORIZON)
    action = np.zeros((len(episode), 2 * pusht.HORIZON), np.float32)
    action[:, :6] = drift[episode, 0, 0]
    part = np.searchsorted([3, 4], np.arange(EPISODES), side="right")[episode]
    seen = torch.from_numpy(state).float()
    return pusht.Pushes(seen, seen, torch.from_numpy(rows.ravel()), torch.from_numpy(action), episode, part)


class Planted(nn.Module):
    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def encode(self, pushes: Any, rows: Tensor) -> Tensor:
        return pushes.state[rows]

    def predict(self, z: Tensor, action: Tensor) -> Tensor:
        return z + self.share * action[..., :6]


def test_world_that_adds_the_action_is_perfect_and_no_change_is_the_floor() -> None:
    pushes = planted()
    perfect, still = (pusht.measured(Planted(share), pushes, 2) for share in (1.0, 0.0))
    assert np.nanmean(perfect["cfr"]) > 0.9
    assert np.nanmean(still["cfr"]) < 0.4
    assert np.nanmax(perfect["error_all"]) < 1e-2
    np.testing.assert_allclose(still["error_all"], still["still_all"], rtol=1e-2)
    half = pusht.measured(Planted(0.5), pushes, 2)
    np.testing.assert_allclose(half["error_all"], perfect["still_all"] / 4, rtol=1e-2)  # squares of half the way


def test_groups_are_of_the_asked_episodes_alone() -> None:
    pushes = planted()
    groups, anchors = pusht.groups_of(pushes, np.flatnonzero(pushes.part == 2))
    assert (pushes.part[groups] == 2).all()
    assert all(len(set(pushes.episode[group])) == pusht.SIZE for group in groups)
    np.testing.assert_array_equal(anchors, pushes.episode[groups[:, 0]])


def test_every_objective_lowers_its_loss_and_random_leaves_its_encoder() -> None:
    pushes = planted()
    wide = torch.cat([pushes.state / 200 - 1, torch.zeros(len(pushes.state), 14)], 1)
    pushes = pusht.Pushes(wide, pushes.state, pushes.before, pushes.action / 30, pushes.episode, pushes.part)
    own = torch.from_numpy(np.flatnonzero(pushes.part == 0))[::3]
    for method, dials in pusht.DIALS.items():
        before, after = (pusht.train(pushes, method, "keypoints", dials[0], 0, steps) for steps in (0, 40))
        generator = torch.Generator().manual_seed(0)
        first, last = (float(pusht.loss(world, pushes, own, dials[0], generator).detach()) for world in (before, after))
        assert last < first, method
        same = all(
            torch.equal(a, b) for a, b in zip(before.encoder.parameters(), after.encoder.parameters(), strict=True)
        )
        assert same == (method in ("random", "oracle")), method
