"""Our model as the audit takes it: its score by hand, absent senses, branches as counterfactuals, and planted use."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from smcrep.data.schema import unpack_action, world_schema
from smcrep.data.store import Store
from smcrep.evaluation.audited_model import audited_model
from smcrep.evaluation.encoded import STATES_AT_ONCE, encode, predict
from smcrep.geometry.action import Action
from smcrep.hub import build_model
from smcrep.models.model import SensorimotorModel
from smcrep.probes.collapse import audit
from smcrep.senses import DEFAULT_SENSES, Resolution
from smcrep.transition import FUSED
from tests.data.stores import random_store
from tests.training.synthetic import tiny_recipe


@pytest.fixture
def model() -> SensorimotorModel:
    torch.manual_seed(0)
    return build_model(tiny_recipe().model).eval()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    random_store(folder, shards=(STATES_AT_ONCE - 1, 6), k=3, schema=world_schema(DEFAULT_SENSES, Resolution(16, 5)))
    return Store(folder)


@pytest.mark.parametrize("source", [FUSED, "points"])
def test_score_is_the_margin_of_the_predicted_outcome_among_those_of_its_state(
    model: SensorimotorModel, store: Store, source: str
) -> None:
    adapter, data = audited_model(model, store, source=source)
    encoded = encode(model, store)
    predicted, outcomes = predict(model, encoded, source), encoded.equivariant(source)[:, 1:]
    by_hand = []
    for p, o in zip(predicted, outcomes, strict=True):
        for j in range(len(p)):
            cosines = [float(torch.cosine_similarity(p[j].double(), c.double(), dim=0)) for c in o]
            by_hand.append(cosines[j] - np.mean([c for i, c in enumerate(cosines) if i != j]))
    assert adapter.score(data.batch, {}).tolist() == pytest.approx(by_hand, abs=1e-5)
    senses = model.config.names if source == FUSED else (source,)
    assert adapter.signals == (*senses, "action", "physics")


def test_zeros_are_an_absent_sense(model: SensorimotorModel, store: Store) -> None:
    adapter, data = audited_model(model, store)
    without = {"rgb": torch.zeros_like(data.batch["rgb"])}
    seen = store.transitions(np.arange(store.num_states))
    alone = model.embed(points=seen.before["points"])
    condition = model.condition(seen.action, seen.physics)
    start = alone.equivariant()[:, None].expand(-1, store.num_branches, -1)
    expected = model.predict(FUSED, start, condition).flatten(0, 1)
    torch.testing.assert_close(adapter.predicted({**data.batch, **without}), expected)


def test_counterfactuals_are_the_other_branches_of_the_same_state(model: SensorimotorModel, store: Store) -> None:
    _, data = audited_model(model, store, np.arange(5))
    k = store.num_branches
    true = unpack_action(data.batch["action"]).motion.unflatten(0, (5, k))
    swapped = [unpack_action(c["action"]).motion.unflatten(0, (5, k)) for c in data.counterfactuals["action"]]
    for state in range(5):
        for j in range(k):
            others = torch.stack([true[state, i] for i in range(k) if i != j])
            given = torch.stack([c[state, j] for c in swapped])
            assert {tuple(x.flatten().tolist()) for x in given} == {tuple(x.flatten().tolist()) for x in others}
    assert len(data.units) == 5 * k
    assert (data.units[::k] == store.object_ids[:5]).all()


def test_a_model_without_the_action_is_named_a_cut_wire(store: Store) -> None:
    torch.manual_seed(0)
    blind = build_model(replace(tiny_recipe().model, use_action=False, use_physics=False)).eval()
    adapter, data = audited_model(blind, store)
    report = audit(adapter, replace(data, floor=None), generator=torch.Generator().manual_seed(0))
    for name in ("action", "physics"):
        read = report.signals[name].readings
        assert read["response"].value == 0
        assert read["cfr.branches"].value == pytest.approx(0, abs=1e-12)
        assert report.geometry[f"orbit of {name}"]["rsa"].value == 0
    assert report.signals["rgb"].readings["response"].value > 0.1


def test_a_model_that_is_turned_by_the_action_responds_to_it(model: SensorimotorModel, store: Store) -> None:
    report = audit(*audited_model(model, store), generator=torch.Generator().manual_seed(0))
    assert report.signals["action"].readings["response"].value > 0.1
    assert report.signals["action"].diagnosis.name == "incompetent_model"  # untrained, on random numbers


def test_physics_that_no_outcome_hangs_on_is_not_needed(
    model: SensorimotorModel, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commanded motions end where they say; where one action is a push, physics counts."""
    assert audited_model(model, store)[1].facts == {}
    monkeypatch.setattr(Action, "is_rigid", property(lambda action: torch.ones_like(action.kind, dtype=torch.bool)))
    assert audited_model(model, store)[1].facts == {"physics": {"needed": False}}
