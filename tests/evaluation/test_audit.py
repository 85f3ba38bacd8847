"""The audit finds the signal used where it is planted, and ignored where the model cannot see it."""

from dataclasses import replace

import numpy as np
import pytest

from smcrep.data.store import Store
from smcrep.evaluation.audit import Audit, Oracle, audit, audit_store, oracle
from smcrep.evaluation.signals import SignalHits
from smcrep.evaluation.world import simulation_of
from smcrep.hub import build_model
from smcrep.models.config import ModelConfig
from smcrep.worlds.generate import generate
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.rendering.environments import ENVIRONMENTS
from smcrep.worlds.rendering.noise import SensorNoise
from smcrep.worlds.simulation import Simulation

NUM_OBJECTS, NUM_CANDIDATES = 3, 4


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """States of a world with other senses than the default."""
    folder, policy = tmp_path_factory.mktemp("audit"), Policy(num_branches=2)
    simulation = Simulation(
        ProceduralObjects(NUM_OBJECTS), policy=policy, states_per_object=1, image_size=24, senses=("depth",)
    )
    test = Store(generate(simulation, folder / "test", progress=False))
    return audit_store(test, Policy(num_branches=NUM_CANDIDATES + 1), folder / "audit", states_per_object=2)


def test_an_audit_store_has_the_objects_and_senses_of_its_test_store_in_other_states(store: Store) -> None:
    assert store.senses == ("depth",)
    assert store.num_states == 2 * NUM_OBJECTS
    assert simulation_of(store).seed == 1
    assert simulation_of(store).clean_depth


def test_the_oracle_finds_every_outcome_by_its_true_action_only(store: Store) -> None:
    known = oracle(store)
    assert known.true.shape == (store.num_states, NUM_CANDIDATES)
    assert known.true.mean() > 0.9
    assert known.mismatched.mean() == pytest.approx(1 / NUM_CANDIDATES, abs=0.01)


def test_the_oracle_knows_the_noise_of_the_noisiest_environment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pixel has the largest deviation that any environment of the store gives its depth."""
    given = {}

    def hits(depth: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        given["depth"], given["sigma"] = depth, sigma
        return np.ones((2, 2)), np.zeros((2, 2))

    depth = store.targets(np.arange(store.num_states)).depth_after.double().numpy()
    steady = float(0.02 * np.median(depth[depth > 0]) ** 2)
    noises = {"steady": SensorNoise(depth_base_m=steady), "growing": SensorNoise(depth_per_m=0.02)}
    for name, noise in noises.items():
        monkeypatch.setitem(ENVIRONMENTS, name, replace(next(iter(ENVIRONMENTS.values())), name=name, noise=noise))
    known = replace(simulation_of(store), environments=tuple(noises))
    monkeypatch.setattr("smcrep.evaluation.audit.simulation_of", lambda store: known)
    monkeypatch.setattr("smcrep.evaluation.audit.oracle_hits", hits)
    assert oracle(store).true.all()
    assert (steady > 0.02 * depth**2)[depth > 0].any()
    assert (steady < 0.02 * depth**2).any()
    np.testing.assert_allclose(given["sigma"], np.maximum(steady, 0.02 * depth**2), rtol=1e-6)
    np.testing.assert_array_equal(given["depth"], depth)


def test_a_store_without_clean_depth_has_no_oracle(store: Store) -> None:
    with pytest.raises(ValueError, match="no clean_depth in it"):
        oracle(Store(store.path.parent / "test"))


def test_a_model_that_is_not_conditioned_on_the_action_ignores_it(store: Store) -> None:
    model = build_model(ModelConfig(senses={"depth": None}, trunk_dim=8, predictor_hidden=8, use_action=False)).eval()
    found = audit(model, store, oracle(store))
    assert set(found.hits) == set(model.sources)
    for source in model.sources:
        estimate = found.utilisation(source, np.arange(store.num_states))
        assert estimate.verdict == "ignored"
        assert estimate.utilisation
        assert estimate.utilisation.value == 0


def test_a_model_that_knows_as_much_as_the_oracle_has_utilisation_one() -> None:
    states = 40
    right, chance = np.ones((states, NUM_CANDIDATES)), np.full((states, NUM_CANDIDATES), 1 / NUM_CANDIDATES)
    hits = SignalHits(right, chance, chance, np.zeros_like(right), np.zeros((states, NUM_CANDIDATES, NUM_CANDIDATES)))
    found = Audit(None, Oracle(right, chance), {"fused": hits})  # type: ignore[arg-type]
    clusters = np.arange(states)
    utilisations = {given: found.utilisation("fused", clusters, given=given) for given in ("true", "shuffled", "wrong")}
    assert utilisations["true"].utilisation.value == pytest.approx(1)
    assert utilisations["shuffled"].utilisation.value == pytest.approx(0)
    assert utilisations["wrong"].utilisation.value < 0
    assert utilisations["true"].verdict == "used"
    by_object = found.utilisation("fused", clusters // 4)
    assert (by_object.model_gain.n, utilisations["true"].model_gain.n) == (states // 4, states)


def test_the_clusters_of_an_audit_are_those_of_each_state() -> None:
    """Of the states of two objects one's are all solved and the other's are not: the interval is as wide as that."""
    states, objects = 40, np.repeat([0, 1], 20)
    right, chance = np.ones((states, NUM_CANDIDATES)), np.full((states, NUM_CANDIDATES), 1 / NUM_CANDIDATES)
    model = np.where(objects[:, None] == 0, right, chance)
    hits = SignalHits(model, chance, chance, chance, np.zeros((states, NUM_CANDIDATES, NUM_CANDIDATES)))
    found = Audit(None, Oracle(right, chance), {"fused": hits}).utilisation("fused", objects)  # type: ignore[arg-type]
    assert found.utilisation
    low, high = found.utilisation.ci95
    assert found.utilisation.value == pytest.approx(0.5)
    assert low <= 0.01
    assert high >= 0.99
