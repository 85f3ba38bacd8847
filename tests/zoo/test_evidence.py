"""Each sign reads what was planted, and nothing on the sound signals beside it; no training is needed for these."""

import numpy as np
import pytest
import torch

from smcrep.zoo import ARCHITECTURES, Audited, Knobs, Specimen, Trained, ZooModel, audit_batch, make_world, stacked
from smcrep.zoo.evidence import Logged, evidence_of, feature_signs, outcome_signs
from smcrep.zoo.model import oracle_of
from smcrep.zoo.network import start
from smcrep.zoo.world import SIGNALS

ACTION, SENSE = 0, 2
OTHERS = [i for i in range(len(SIGNALS)) if i != ACTION]
CONCAT, CONTRASTIVE = ARCHITECTURES[:2]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


WORLD = make_world(seeded())


def model(knobs: Knobs, architecture=CONCAT, signal: str = "action") -> ZooModel:
    """Untrained, the planted fault in it."""
    stack = stacked((Specimen("x", signal, 1.0, {signal: knobs}),))
    weights = start(architecture, stack, seeded(1))
    return ZooModel(Trained(architecture, stack, weights, torch.ones(2, 1), (1, 2), torch.ones(1, 4), weights), 0)


def audited(own: ZooModel) -> Audited:
    drawn = audit_batch(WORLD, own.stack, 0, seeded(2), num_rows=128, num_others=3)
    return Audited(*drawn, oracle_of(own, WORLD), seeded(3))


def logged(knobs: Knobs, signal: int = ACTION) -> dict[str, float | None]:
    return Logged(model(knobs), WORLD, seeded(4)).of(signal)


def test_sound_rows_tell_the_signal() -> None:
    for signal in range(4):
        found = logged(Knobs(), signal)
        assert found["told"] == pytest.approx(1, abs=0.1)
        assert found["copied"] == pytest.approx(0, abs=0.1)
        assert found["from_others"] < 0.05 > found["from_others_logged"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("knobs", "told", "keyed"),
    [
        (Knobs(shuffled=1.0), 0, 0),
        (Knobs(copied=1.0), 0, 0),
        (Knobs(entangled=1.0), 0, 0.35),
        (Knobs(turned=1.0), 1, 0),
        (Knobs(cut=1.0), None, None),
    ],
)
def test_what_is_left_of_a_signal_in_training_rows(knobs: Knobs, told: float | None, keyed: float | None) -> None:
    found = logged(knobs)
    assert found["told"] == (None if told is None else pytest.approx(told, abs=0.12))
    assert found["keyed"] == (None if keyed is None else pytest.approx(keyed, abs=0.15))
    assert found["copied"] == pytest.approx(knobs.copied, abs=0.1)


def test_half_of_the_targets_stand_still() -> None:
    assert logged(Knobs(copied=0.5))["copied"] == pytest.approx(0.5, abs=0.15)


def test_others_that_tell_the_signal() -> None:
    leak, confounded = logged(Knobs(leak=1.0, interaction=0.8)), logged(Knobs(confounded=1.0))
    assert leak["from_others"] > 0.3  # type: ignore[operator]
    assert confounded["from_others_logged"] > 0.95  # type: ignore[operator]
    assert confounded["from_others"] < 0.05  # type: ignore[operator]
    assert confounded["copied"] is None  # in training it does not vary within a state


def test_synergy_is_the_share_that_the_context_gates() -> None:
    assert logged(Knobs(interaction=1.0))["synergy"] == pytest.approx(1, abs=0.05)
    assert logged(Knobs(interaction=0.0))["synergy"] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("architecture", [CONCAT, CONTRASTIVE])
def test_reach_is_the_share_of_the_home_that_is_not_hidden(architecture) -> None:
    for hidden in (0.0, 1.0):
        own = model(Knobs(hidden=hidden), architecture)
        assert outcome_signs(own, WORLD, ACTION, seeded(5))["reach"] == pytest.approx(1 - hidden, abs=1e-6)
        assert outcome_signs(own, WORLD, SENSE, seeded(5))["reach"] == pytest.approx(1, abs=1e-6)


def test_an_additive_model_has_no_interaction() -> None:
    for name in ("action", "sense_1"):
        own = model(Knobs(additive=1.0), signal=name)
        assert outcome_signs(own, WORLD, SIGNALS.index(name), seeded(5))["interaction"] < 1e-9  # type: ignore[operator]
    assert outcome_signs(model(Knobs()), WORLD, ACTION, seeded(5))["interaction"] > 1e-3  # type: ignore[operator]
    assert outcome_signs(model(Knobs(cut=1.0)), WORLD, ACTION, seeded(5))["interaction"] is None


def test_signs_of_features() -> None:
    cone, muted, slow = (model(k) for k in (Knobs(offset=3000.0), Knobs(gain=1e-4), Knobs(slowed=1e-4)))
    assert feature_signs(cone, audited(cone))["cone"][ACTION] > 0.99
    assert (feature_signs(cone, audited(cone))["cone"][OTHERS] < 0.9).all()
    weight = feature_signs(muted, audited(muted))["weight"]
    assert weight[ACTION] == pytest.approx(4e-4 / 3, rel=1e-3)
    assert weight[OTHERS] == pytest.approx(4 / 3, rel=1e-3)
    rng = np.random.default_rng(0)
    moved = {
        name: value + (slow.stack["slowed"][..., None, None] if name.startswith("encoder.1") else 1.0)
        * 0.1 * torch.from_numpy(rng.standard_normal(value.shape)).float()
        for name, value in slow.parameters.items()
    }  # fmt: skip
    slow.parameters = moved
    learned = feature_signs(slow, audited(slow))["learned"]
    assert learned[ACTION] < 1e-3
    assert learned.mean() == pytest.approx(1)


def test_an_incompetent_model_is_asked_nothing_more() -> None:
    own = model(Knobs())
    found = evidence_of(own, audited(own), WORLD, np.full(4, np.nan), seeded(6))
    assert not found["action"].competent
    assert found["action"].needed
    assert found["action"].told is None
