"""A store encoded at once equals the model applied item by item."""

from pathlib import Path

import numpy as np
import pytest
import torch

from smcrep.data.schema import world_schema
from smcrep.data.store import Store
from smcrep.evaluation.encoded import STATES_AT_ONCE, encode, predict
from smcrep.hub import build_model
from smcrep.models.model import SensorimotorModel
from smcrep.senses import DEFAULT_SENSES, Resolution
from smcrep.transition import FUSED, Senses
from tests.data.stores import random_store
from tests.evaluation.worlds import NUM_ACTIONS, NUM_STATES, turned
from tests.training.synthetic import tiny_recipe


@pytest.fixture
def model() -> SensorimotorModel:
    torch.manual_seed(0)
    return build_model(tiny_recipe().model).eval()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    random_store(tmp_path, shards=(STATES_AT_ONCE - 1, 6), schema=world_schema(DEFAULT_SENSES, Resolution(16, 5)))
    return Store(tmp_path)


def test_rows_of_a_state_stand_in_the_order_before_then_outcomes(model: SensorimotorModel, store: Store) -> None:
    encoded = encode(model, store)
    rows = store.read(np.arange(store.num_rows), ["rgb", "points", "pose"])
    embedding = model.embed(rgb=rows["rgb"], points=rows["points"])
    for sense, z in ({FUSED: embedding.fused} | embedding.senses).items():
        torch.testing.assert_close(encoded.latent[sense].flatten(0, 1), z)
        whole = torch.cat([encoded.invariant(sense), encoded.equivariant(sense)], -1)
        torch.testing.assert_close(whole, encoded.latent[sense])
    torch.testing.assert_close(encoded.pose.flatten(0, 1), rows["pose"])
    assert (encoded.object_ids == store.object_ids).all()


def test_chosen_states_are_those_of_the_whole(model: SensorimotorModel, store: Store) -> None:
    chosen = np.array([66, 2, 40])
    some, every = encode(model, store, chosen), encode(model, store)
    torch.testing.assert_close(some.latent["rgb"], every.latent["rgb"][chosen])
    torch.testing.assert_close(some.action.motion, every.action.motion[chosen])


def test_observations_may_be_changed_before_they_are_seen(model: SensorimotorModel, store: Store) -> None:
    def black(senses: Senses) -> Senses:
        return Senses({**senses.data, "rgb": torch.zeros_like(senses["rgb"])}, senses.present)

    plain, changed = encode(model, store), encode(model, store, change=black)
    torch.testing.assert_close(changed.latent["points"], plain.latent["points"])
    expected = model.embed(rgb=torch.zeros_like(store.read(np.arange(1), ["rgb"])["rgb"])).senses["rgb"]
    torch.testing.assert_close(changed.latent["rgb"], expected.expand_as(changed.latent["rgb"]))


def test_the_names_of_its_objects_are_those_of_its_states(model: SensorimotorModel, store: Store) -> None:
    names = {o.object_id: o.name for o in store.objects}
    assert encode(model, store).objects == {names[i] for i in store.object_ids.tolist()}
    chosen = np.flatnonzero(store.object_ids == store.object_ids[3])
    found = encode(model, store, chosen)
    assert found.objects == {names[int(store.object_ids[3])]}
    assert found.some(np.array([0])).objects == found.objects
    assert len(encode(model, store).objects) > 1


def test_prediction_starts_before_and_takes_its_own_action(model: SensorimotorModel, store: Store) -> None:
    encoded = encode(model, store)
    predicted = predict(model, encoded, "points")
    with torch.no_grad():
        condition = model.condition(encoded.action[5, 1], encoded.physics[5, 1])  # type: ignore[index]
        alone = model.predict("points", encoded.equivariant("points")[5, 0], condition)
    torch.testing.assert_close(predicted[5, 1], alone)
    swapped = predict(model, encoded, "points", action=encoded.action[:, [1, 0]])
    assert not torch.allclose(swapped, predicted)


def test_means_by_object_are_those_of_a_loop() -> None:
    encoded = turned(num_objects=3)
    values = np.random.default_rng(0).random((NUM_STATES, NUM_ACTIONS))
    loop = [np.mean([v for v, i in zip(values, encoded.object_ids, strict=True) if i == k]) for k in range(3)]
    np.testing.assert_allclose(encoded.by_object(values), loop)
