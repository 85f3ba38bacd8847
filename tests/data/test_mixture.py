"""A batch of a mixture is the concatenation of batches of its sources, also after resuming."""

from pathlib import Path

import pytest
import torch

from smcrep.data.loader import TransitionLoader
from smcrep.data.mixture import MixedLoader
from smcrep.data.store import Store
from tests.data.stores import random_store


@pytest.fixture
def stores(tmp_path: Path) -> list[Store]:
    random_store(tmp_path / "a", shards=(6,))
    random_store(tmp_path / "b", shards=(9,))
    return [Store(tmp_path / "a"), Store(tmp_path / "b")]


def mixed(stores: list[Store]) -> MixedLoader:
    return MixedLoader([TransitionLoader(s, batch_states=n, seed=3) for s, n in zip(stores, (2, 3), strict=True)])


def test_batch_is_the_concatenation_of_its_parts(stores: list[Store]) -> None:
    alone = [TransitionLoader(s, batch_states=n, seed=3) for s, n in zip(stores, (2, 3), strict=True)]
    whole = mixed(stores)
    for _ in range(4):
        transition, targets = next(whole)
        (first, first_targets), (second, second_targets) = (next(loader) for loader in alone)
        torch.testing.assert_close(transition.before["rgb"][:2], first.before["rgb"])
        torch.testing.assert_close(transition.after["points"][2:], second.after["points"])
        torch.testing.assert_close(transition.action.motion[2:], second.action.motion)
        assert transition.after.present["rgb"].shape == (5, 2)
        assert targets.class_id.tolist() == [*first_targets.class_id.tolist(), *second_targets.class_id.tolist()]
    whole.close()


def test_mixture_resumes_at_the_same_batch(stores: list[Store]) -> None:
    whole = mixed(stores)
    for _ in range(3):
        next(whole)
    state = whole.state_dict()
    wanted = next(whole)[0].state_id
    again = mixed(stores)
    again.load_state_dict(state)
    assert torch.equal(next(again)[0].state_id, wanted)


def test_another_number_of_sources_is_refused(stores: list[Store]) -> None:
    state = mixed(stores).state_dict()
    with pytest.raises(ValueError, match="a mixture of 2 sources with 1"):
        MixedLoader([TransitionLoader(stores[0], batch_states=2, seed=3)]).load_state_dict(state)
    with pytest.raises(ValueError, match="at least one"):
        MixedLoader([])
