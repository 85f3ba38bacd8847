"""Beliefs of faulty sensors: the sense at fault alone is changed, and as the fault says."""

import numpy as np
import pytest
import torch

from smcrep.corruptions import CORRUPTIONS
from smcrep.data.schema import world_schema
from smcrep.data.store import Store
from smcrep.evaluation.broken_senses import ABSENT, REPLACED, Fault, all_faults, believe, broken, faulty
from smcrep.hub import build_model
from smcrep.models.model import SensorimotorModel
from smcrep.senses import DEFAULT_SENSES, POINTS, RGB, Resolution
from tests.data.stores import random_store
from tests.training.synthetic import tiny_recipe

VIEWS = 2


@pytest.fixture(scope="module")
def model() -> SensorimotorModel:
    torch.manual_seed(0)
    return build_model(tiny_recipe().model).eval()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("store")
    random_store(path, shards=(5, 4), schema=world_schema(DEFAULT_SENSES, Resolution(16, 24)))
    return Store(path)


def test_every_kind_is_a_fault_at_every_severity() -> None:
    faults = all_faults(DEFAULT_SENSES, (0.5, 1.0))
    kinds = sum(len(CORRUPTIONS.of(name)) for name in DEFAULT_SENSES)
    assert len(faults) == len(set(map(str, faults))) == 2 * kinds + 2 * len(DEFAULT_SENSES)
    assert {fault.kind for fault in faults if fault.in_training} == {
        kind.name for name in DEFAULT_SENSES for kind in CORRUPTIONS.training(name)
    }


def test_the_sense_at_fault_alone_is_changed(model: SensorimotorModel, store: Store) -> None:
    """Darkness of severity 1 is a black picture."""
    clean = believe(model, store, views=VIEWS)
    dark = broken(model, store, clean, Fault(RGB.name, "darkness", 1.0), views=VIEWS)
    rgb, points = (clean.names.index(name) for name in (RGB.name, POINTS.name))
    assert torch.equal(dark.mean[:, points], clean.mean[:, points])
    black = model.embed(rgb=torch.zeros(1, 16, 16, 3, dtype=torch.uint8)).senses[RGB.name]
    torch.testing.assert_close(dark.mean[:, rgb], black.expand(len(clean.mean), -1))
    assert dark.present.all()


def test_rows_stand_in_the_order_of_states_and_views(model: SensorimotorModel, store: Store) -> None:
    rows = np.arange(store.num_rows).reshape(store.num_states, -1)[:, :VIEWS].ravel()
    expected = model.embed(rgb=store.read(rows, [RGB.name])[RGB.name]).senses[RGB.name]
    found = believe(model, store, views=VIEWS)
    torch.testing.assert_close(found.mean[:, found.names.index(RGB.name)], expected)


def test_absent_is_absent_and_replaced_is_another_objects(model: SensorimotorModel, store: Store) -> None:
    clean = believe(model, store, views=VIEWS)
    m, other = clean.names.index(POINTS.name), clean.names.index(RGB.name)
    gone = broken(model, store, clean, Fault(POINTS.name, ABSENT, 1.0), views=VIEWS)
    assert not gone.present[:, m].any()
    assert gone.present[:, other].all()
    wrong = broken(model, store, clean, Fault(POINTS.name, REPLACED, 1.0), views=VIEWS)
    objects = np.repeat(store.object_ids, VIEWS)
    distance = torch.cdist(wrong.mean[:, m], clean.mean[:, m])
    assert (distance.amin(1) < 1e-5).all()
    assert (objects[distance.argmin(1).numpy()] != objects).all()
    assert torch.equal(wrong.mean[:, other], clean.mean[:, other])


def test_faults_of_training_strike_about_half(model: SensorimotorModel, store: Store) -> None:
    clean, found = believe(model, store, views=VIEWS), faulty(model, store, 0.5, views=VIEWS, seed=0)
    same = (found.mean - clean.mean).abs().amax(-1) < 1e-6
    assert 0.2 < float(same.float().mean()) < 0.8
    again = faulty(model, store, 0.5, views=VIEWS, seed=0)
    assert torch.equal(again.mean, found.mean)
