"""A run over a real store and its loader, stopped and resumed, in the recipe's own pieces: nothing is synthetic but
the numbers in the store."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from smcrep.data.loader import TransitionLoader
from smcrep.data.schema import pack_action, world_schema
from smcrep.data.store import Manifest, Store, StoredObject, shard_path, write_manifest, write_shard
from smcrep.senses import DEFAULT_SENSES, Resolution
from smcrep.training.build import Compute, build_fabric
from smcrep.training.fit import Batches, Fitted, fit
from smcrep.training.recipes import Optim, Recipe
from smcrep.training.scaling import scaled
from tests.training.synthetic import SIZE, tiny_recipe, transition

NUM_STATES, NUM_OUTCOMES, NUM_POINTS = 16, 2, 24


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = transition(NUM_STATES, NUM_OUTCOMES, seed=0)
    senses = made.observations.flatten()
    rows, views = len(senses["rgb"]), NUM_OUTCOMES + 1
    packed = np.zeros((NUM_STATES, views, 24), np.float32)
    packed[:, 1:] = pack_action(made.action)
    assert made.physics is not None
    state = np.repeat(np.arange(NUM_STATES), views)
    schema = world_schema(DEFAULT_SENSES, Resolution(SIZE, NUM_POINTS))
    columns = {
        "rgb": senses["rgb"].numpy(),
        "points": senses["points"].numpy(),
        "action": packed.reshape(rows, 24),
        "physics": np.repeat(made.physics[:, 0].numpy(), views, 0),
        "pose": np.tile(np.eye(4, dtype=np.float32), (rows, 1, 1)),
        "state_id": state,
        "object_id": state,
        "class_id": state * 0,
        "environment_id": state * 0,
    }
    folder = tmp_path / "store"
    write_shard(shard_path(folder, 0), schema, columns)
    objects = tuple(StoredObject(i, f"thing-{i}", 0, "thing") for i in range(NUM_STATES))
    write_manifest(folder, Manifest(schema, NUM_OUTCOMES, 1, objects, ("thing",)))
    return Store(folder)


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
