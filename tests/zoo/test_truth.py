"""The functional oracle reads 1 of the oracle itself, 0 of what ignores a signal, and nothing where there is nothing;
a small stack that is trained has the truth that was planted."""

import numpy as np
import pytest
import torch

from smcrep.zoo import (
    ARCHITECTURES,
    DETECTORS,
    Audited,
    Knobs,
    Oracle,
    Schedule,
    Specimen,
    Truth,
    ZooModel,
    audit_batch,
    functional_use,
    make_world,
    oracle_of,
    stacked,
    train,
)  # fmt: skip
from smcrep.zoo.detectors import competence, counterfactual_retrieval, permutation_drop, retrieval_without_gates
from smcrep.zoo.model import packed, unpacked
from smcrep.zoo.network import start
from smcrep.zoo.rows import LATENT, audit_rows, oracle_prediction
from smcrep.zoo.world import SIGNALS, draw

REGRESSION = ARCHITECTURES[0]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_oracle_has_a_use_of_one_and_a_deaf_one_of_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(seeded())
    redundant = {"sense_1": Knobs(redundant=1.0)}
    stack = stacked((Specimen(), Specimen(knobs={"action": Knobs(size=0.0)}), Specimen(knobs=redundant)))

    def deaf_to_physics(p, inputs, architecture, own):
        heard = inputs.clone()
        heard[..., 1, LATENT] = 0
        return oracle_prediction(heard, world, own)

    p = start(REGRESSION, stack, seeded())
    monkeypatch.setattr("smcrep.zoo.truth.predict", lambda p, x, a, s: oracle_prediction(x, world, s))
    known = functional_use(p, REGRESSION, stack, world, seeded(1), num_states=200)
    assert np.isnan(known.rho[1, 0])
    assert np.isnan(known.rho[2, 2])
    assert known.label(1, 0) == known.label(2, 2) == "not identifiable"
    others = np.delete(known.rho.ravel(), [4, 10])
    assert others == pytest.approx(1.0)
    assert known.response[0] == pytest.approx(1.0, abs=0.05)
    assert (known.competence > 0.9).all()
    assert (known.oracle[0] > 0.4).all()
    monkeypatch.setattr("smcrep.zoo.truth.predict", deaf_to_physics)
    deaf = functional_use(p, REGRESSION, stack, world, seeded(1), num_states=200)
    assert deaf.rho[:, 1] == pytest.approx(0.0, abs=1e-9)
    assert deaf.response[:, 1] == pytest.approx(0.0, abs=1e-6)
    assert deaf.label(0, 1) == "collapsed"
    monkeypatch.setattr("smcrep.zoo.truth.predict", lambda p, x, a, s: 0.5 * oracle_prediction(x, world, s))
    half = functional_use(p, REGRESSION, stack, world, seeded(1), num_states=200)
    assert half.response[0] == pytest.approx(0.5, abs=0.03)


def test_labels_follow_the_bands() -> None:
    rho = np.array([[0.1, 0.5, 0.9, np.nan], [0.1, 0.5, 0.9, np.nan]])
    truth = Truth(rho, rho, rho, np.array([0.9, 0.1]), rho)
    assert [truth.label(0, i) for i in range(4)] == ["collapsed", "partial", "healthy", "not identifiable"]
    assert [truth.label(1, i) for i in range(4)] == ["incompetent"] * 3 + ["not identifiable"]


def test_arrays_by_name_are_the_inputs() -> None:
    inputs = audit_rows(draw(5, 1, seeded()), make_world(seeded()), stacked((Specimen(),))).inputs
    arrays = unpacked(inputs[0])
    assert {name: x.shape[1] for name, x in arrays.items()} == {"action": 2, "physics": 2, "sense_1": 6, "sense_2": 6}
    assert torch.equal(packed(arrays), inputs)


class Deaf:
    """The oracle, deaf to some signals; ``louder`` multiplies its score, as another unit would."""

    signals = SIGNALS

    def __init__(self, oracle: Oracle, *names: str, louder: float = 1.0) -> None:
        self.oracle, self.names, self.louder = oracle, names, louder

    def score(self, batch, replaced):
        silent = {name: torch.zeros_like(batch[name]) for name in self.names}
        return self.louder * self.oracle.score(batch, {**replaced, **silent})


@pytest.fixture(scope="module")
def audited() -> Audited:
    world = make_world(seeded())
    stack = stacked((Specimen(knobs={"sense_2": Knobs(redundant=1.0)}),))
    drawn = audit_batch(world, stack, 0, seeded(1), num_rows=200, num_others=6)
    return Audited(*drawn, Oracle(world, stack), seeded(2))


def test_ours_finds_the_signal_that_is_ignored_and_forgives_the_redundant_one(audited: Audited) -> None:
    oracle: Oracle = audited.oracle  # type: ignore[assignment]
    for louder in (1.0, 1e-3):
        said = counterfactual_retrieval(Deaf(oracle, "physics", louder=louder), audited)  # type: ignore[arg-type]
        assert said["physics"] == pytest.approx(1.0)
        assert max(said["action"], said["sense_1"]) < 0.3  # what it misses of physics disturbs every score a little
        assert said["sense_2"] == 0.0
    plain = retrieval_without_gates(Deaf(oracle, "physics"), audited)  # type: ignore[arg-type]
    assert plain["sense_2"] == pytest.approx(1.0)  # without the gate a signal that nobody could use reads as collapse
    dropped = permutation_drop(Deaf(oracle, "physics"), audited)  # type: ignore[arg-type]
    assert dropped["physics"] == pytest.approx(0.0, abs=1e-9)
    assert dropped["action"] < -0.05


def test_incompetent_model_is_not_called_collapsed(audited: Audited) -> None:
    nothing = Deaf(audited.oracle, louder=0.0)  # type: ignore[arg-type]
    assert competence(nothing, audited) == pytest.approx(0.0)
    assert set(counterfactual_retrieval(nothing, audited).values()) == {0.0}  # type: ignore[arg-type]
    assert competence(audited.oracle, audited) > 0.9


def test_a_leak_of_the_outcome_is_no_use() -> None:
    """A model that reads the effect off the leak and is deaf to the action finds the true outcome all the same."""
    world = make_world(seeded())
    stack = stacked((Specimen(knobs={"action": Knobs(leak=1.0)}),))
    batch, others, outcomes = audit_batch(world, stack, 0, seeded(1), num_rows=300, num_others=6)
    oracle = Oracle(world, stack)

    class Reader(Deaf):
        def score(self, batch, replaced):
            given = packed({**batch, **replaced})
            shown = given[0, :, 2, 4:]
            given[0, :, 0, LATENT] = 0
            predicted = oracle_prediction(given, world, stack)[0]
            predicted[:, :2] += shown
            return -(predicted - batch["outcome"]).square().mean(-1)

    found = Audited(batch, others, outcomes, oracle, seeded(2))
    assert counterfactual_retrieval(Reader(oracle), found)["action"] == pytest.approx(1.0)  # type: ignore[arg-type]
    assert counterfactual_retrieval(Reader(oracle), found)["physics"] == pytest.approx(0.0, abs=0.1)  # type: ignore[arg-type]


def test_a_trained_stack_has_the_truth_that_was_planted_and_every_detector_speaks() -> None:
    world = make_world(seeded())
    cut = Specimen("cut_wire", "action", 1.0, {"action": Knobs(cut=1.0)})
    stack = stacked((Specimen(), cut, Specimen(until=0.01)))
    trained = train(REGRESSION, stack, world, Schedule(steps=150, groups=8), seeded(1))
    assert trained.curve[-1, 0] < 0.5 * trained.curve[0, 0]
    truth = functional_use(trained.parameters, REGRESSION, stack, world, seeded(2), num_states=200)
    assert truth.rho[1, 0] == pytest.approx(0.0, abs=1e-9)
    assert (truth.rho[0] > 0.25).all()
    assert (truth.competence > 0.3).tolist() == [True, True, False]
    said = []
    for index in range(3):
        model = ZooModel(trained, index)
        drawn = audit_batch(world, stack, index, seeded(3), num_rows=200, num_others=6)
        own = Audited(*drawn, oracle_of(model, world), seeded(4))
        said.append({name: detector(model, own) for name, detector in DETECTORS.items()})
        assert all(
            set(found) == set(SIGNALS) and np.isfinite(list(found.values())).all() for found in said[-1].values()
        )
    assert said[1]["ours"]["action"] == pytest.approx(1.0)
    assert said[0]["ours"]["action"] < 0.6
    assert set(said[2]["ours"].values()) == {0.0}
    assert said[1]["rank_me"]["action"] == pytest.approx(0.0)  # constant features
    assert said[1]["gradient_share"]["action"] > said[1]["gradient_share"]["physics"]
    assert said[2]["loss_curve"]["action"] > said[0]["loss_curve"]["action"]
