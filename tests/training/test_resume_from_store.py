"""A run over a real store and its loader, stopped and resumed, in the recipe's own pieces: nothing is synthetic but
the numbers in the store."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from smcrep.data.loader import TransitionLoader
from smcrep.data.store import Store
from smcrep.training.build import Compute, build_fabric
from smcrep.training.fit import Batches, Fitted, fit
from smcrep.training.recipes import Optim, Recipe
from smcrep.training.scaling import scaled
from tests.training.stored import NUM_STATES, stored
from tests.training.synthetic import tiny_recipe


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return stored(tmp_path / "store")


class BreaksOff(TransitionLoader):
    """Fails while the sixth batch is fetched."""

    def __next__(self):  # type: ignore[no-untyped-def]
        if self.state_dict()["epoch"] * 4 + self.state_dict()["batch"] == 5:
            raise ConnectionError("the disk went away")
        return super().__next__()


def test_crash_and_resume_equal_a_whole_run(store: Store, tmp_path: Path) -> None:
    recipe = tiny_recipe(optim=Optim(steps=10, batch_states=4, warmup=2), checkpoint_every=5, sense_dropout=0.3)
    recipe = scaled(recipe, store.transitions(np.arange(NUM_STATES)))

    def run(loader: type[TransitionLoader], out: str) -> Fitted:
        return fit(recipe, partial(batches, loader), tmp_path / out, fabric=fabric(recipe))

    def batches(loader: type[TransitionLoader], rank: int, world_size: int) -> Batches:
        return loader(store, batch_states=4, seed=recipe.seed, rank=rank, world_size=world_size)  # type: ignore[arg-type]

    whole = run(TransitionLoader, "whole").model.state_dict()
    with pytest.raises(ConnectionError):
        run(BreaksOff, "parts")
    resumed = run(TransitionLoader, "parts")
    assert resumed.step == 10
    assert all(torch.equal(value, whole[name]) for name, value in resumed.model.state_dict().items())


def fabric(recipe: Recipe):  # type: ignore[no-untyped-def]
    return build_fabric(Compute(accelerator="cpu"), recipe.optim)
