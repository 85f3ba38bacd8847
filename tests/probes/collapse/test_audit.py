"""The audit of models whose use of each signal is known by construction."""

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.probes.collapse import AuditData, AuditSettings, KeywordModel, Orbit, audit, derangement
from smcrep.probes.collapse.report import CANNOT_SEE, AuditReport

ROWS = 320


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*(shape or (ROWS, 4)), generator=torch.Generator().manual_seed(seed))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def world() -> dict[str, Tensor]:
    """The outcome is where one was, moved by the action; physics moves nothing."""
    camera, action, physics = normal(0), normal(1), normal(2)
    return {"camera": camera, "action": action, "physics": physics, "after": camera + action}


def adapter(camera: float = 1, action: float = 1, physics: float = 0) -> KeywordModel:
    """A linear model with these weights; scores minus the squared error."""
    return KeywordModel(
        lambda **given: camera * given["camera"] + action * given["action"] + physics * given["physics"],
        lambda output, batch: (output - batch["after"]).square(),
        signals=("camera", "action", "physics"),
    )


def test_drops_and_shares_equal_their_closed_forms() -> None:
    """Score minus the squared error: with another action e^2 = (a - a')^2, of mean 2; with another camera the same;
    with both 4. So each one's share is a half, and each Shapley value 2."""
    report = audit(adapter(), AuditData(world()), generator=generator())
    assert report.competence.value == pytest.approx(4, rel=0.1)
    for name in ("camera", "action"):
        read = report.signals[name].readings
        assert read["drop.derangement"].value == pytest.approx(2, rel=0.1)
        assert read["drop.zeros"].value == pytest.approx(1, rel=0.1)
        assert read["drop.mean"].value == pytest.approx(1, rel=0.1)
        assert read["share"].value == pytest.approx(0.5, abs=0.06)
        assert read["shapley"].value == pytest.approx(2, rel=0.15)
        assert read["cfr.other_rows"].value == 1
        assert report.signals[name].diagnosis.name == "healthy"
        assert report.signals[name].test.verdict == "used"
    total = sum(report.signals[name].readings["shapley"].value for name in report.signals)
    one = audit(adapter(), AuditData(world()), generator=generator(), settings=AuditSettings(num_derangements=1))
    assert sum(s.readings["shapley"].value for s in one.signals.values()) == pytest.approx(one.competence.value)
    assert total == pytest.approx(one.competence.value)


def test_response_is_the_change_over_the_spread_of_scores_without_signals() -> None:
    """By a loop over rows for one derangement."""
    batch, settings = world(), AuditSettings(num_derangements=1)
    report = audit(adapter(), AuditData(batch), generator=generator(), settings=settings)
    index = derangement(torch.zeros(ROWS, dtype=torch.int64), generator())
    none, changes = [], []
    for i in range(ROWS):
        j = int(index[i])
        none.append(-float((batch["after"][j] - batch["after"][i]).square().mean()))
        changes.append(float((batch["action"][j] - batch["action"][i]).square().mean()))
    expected = np.sqrt(np.mean(np.square(changes))) / np.std(none)
    assert report.signals["action"].readings["response"].value == pytest.approx(expected, rel=1e-5)


def test_a_signal_that_does_not_reach_the_output_is_named_a_cut_wire() -> None:
    report = audit(adapter(action=0), AuditData(world(), units=np.arange(ROWS) // 2), generator=generator())
    dead = report.signals["action"]
    assert dead.diagnosis.name == "cut_wire"
    assert dead.test.verdict == "collapsed"
    assert dead.readings["response"].value == 0
    assert dead.readings["cfr.other_rows"].value == pytest.approx(0, abs=1e-12)
    assert report.signals["camera"].diagnosis.name == "healthy"


def test_with_an_oracle_an_unneeded_signal_is_rational_neglect_and_half_use_is_a_half() -> None:
    """A model with half the action's weight: exchanging costs (a/2 + (a'-a)/2 ...) half of what it costs the oracle:
    E[(a - a'/2)^2] - E[(a/2)^2] = 5/4 - 1/4 = 1 against 2."""
    data = AuditData(world(), oracle=adapter())
    report = audit(adapter(action=0.5), data, generator=generator())
    assert report.signals["physics"].diagnosis.name == "rational_neglect"
    assert "utilisation" not in report.signals["physics"].readings
    assert report.signals["action"].readings["utilisation"].value == pytest.approx(0.5, abs=0.05)
    assert report.signals["action"].readings["worth"].value == pytest.approx(2, rel=0.1)
    assert audit(adapter(), data, generator=generator()).signals["action"].diagnosis.name == "healthy"


def test_a_model_that_knows_nothing_is_incompetent_and_never_called_collapsed() -> None:
    """Weights drawn without looking: it is worse than a constant."""
    data = AuditData(world(), floor=-2.0)
    report = audit(adapter(camera=-1, action=0.0, physics=1), data, generator=generator())
    assert {s.diagnosis.name for s in report.signals.values()} == {"incompetent_model"}
    assert report.competence.ci95[1] < 0


def test_a_signal_that_the_others_tell_is_a_leak_only_where_it_was_drawn_independently() -> None:
    batch = world()
    batch["camera"] = batch["camera"] + batch["action"]  # the outcome is in the observation before
    told = adapter(camera=1, action=0)  # which a model may copy
    report = audit(told, AuditData(batch, independent=("action",)), generator=generator())
    assert report.signals["action"].readings["from_others"].value == pytest.approx(0.5, abs=0.1)
    assert "from_others" not in report.signals["camera"].readings
    copy = dict(batch, camera=batch["camera"] + 3 * batch["action"], after=batch["camera"] + 3 * batch["action"])
    named = audit(
        KeywordModel(lambda camera, action, physics: camera + 1e-2 * action, adapter().loss, adapter().signals),
        AuditData(copy, independent=("action",)),
        generator=generator(),
    )
    assert named.signals["action"].diagnosis.name == "leak"


def test_a_leak_that_another_input_gates_is_read_from_their_products() -> None:
    """No linear map reads the action off its product with the sign of what physics shows."""
    batch = world()
    batch["physics"] = batch["physics"].sign()
    batch["camera"] = batch["action"] * batch["physics"]
    report = audit(adapter(), AuditData(batch, independent=("action",)), generator=generator())
    assert report.signals["action"].readings["from_others"].value > 0.95


def test_counterfactuals_rank_the_true_signal_among_those_given() -> None:
    batch = world()
    near = [{"action": batch["action"] + 0.1}, {"action": batch["action"] - 0.1}]
    right = audit(adapter(), AuditData(batch, counterfactuals={"action": near}), generator=generator())
    assert right.signals["action"].readings["cfr.branches"].value == 1
    turned = audit(adapter(action=-1), AuditData(batch, counterfactuals={"action": near}), generator=generator())
    assert turned.signals["action"].readings["cfr.branches"].value < 1


def test_intervals_are_over_units_and_the_test_over_test_units() -> None:
    objects, states = np.arange(ROWS) // 32, np.arange(ROWS) // 4
    data = AuditData(world(), units=objects, test_units=states)
    report = audit(adapter(), data, generator=generator())
    assert report.signals["action"].readings["share"].n == 10
    assert report.signals["action"].test.num_pairs == 80
    assert 0 < report.signals["action"].test.decided_at <= 80


def test_matched_states_exchange_the_signals_of_nearest_rows() -> None:
    batch = {name: values.repeat_interleave(2, 0)[:ROWS] for name, values in world().items()}
    batch["action"] = normal(3)
    batch["after"] = batch["camera"] + batch["action"]
    report = audit(adapter(), AuditData(batch, state=batch["camera"]), generator=generator())
    swapped = batch["action"][torch.arange(ROWS) ^ 1]
    expected = (batch["action"] - swapped).square().mean()
    assert report.signals["action"].readings["drop.matched_state"].value == pytest.approx(float(expected), rel=1e-5)


def test_the_report_is_json_and_text_and_says_what_each_reading_cannot_see() -> None:
    batch = world()
    orbit = Orbit(normal(5, 30, 5, 2).numpy(), normal(6, 30, 5, 8).numpy())
    data = AuditData(
        batch,
        embeddings={"camera": batch["camera"].numpy(), "fused": batch["after"].numpy()},
        groups=np.arange(ROWS) // 4,
        orbits={"action": orbit},
    )
    report = audit(adapter(), data, generator=generator())
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert found["signals"]["action"]["readings"]["share"]["cannot_see"] == CANNOT_SEE["share"]
    assert set(found["geometry"]) == {"camera", "fused", "camera, fused", "orbit of action"}
    assert {"rank_share", "lidar", "cone", "dimension"} <= set(found["geometry"]["fused"])
    text = report.text()
    assert "physics: cut wire" in text
    assert "With another action, the model loses" in text
    assert isinstance(report, AuditReport)


def test_rows_may_be_scored_a_few_at_a_time() -> None:
    whole = audit(adapter(), world(), generator=generator())
    parts = audit(adapter(), world(), generator=generator(), settings=AuditSettings(rows_at_once=7))
    for name in whole.signals:
        for key, reading in whole.signals[name].readings.items():
            assert parts.signals[name].readings[key].value == pytest.approx(reading.value, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: AuditData({k: v for k, v in b.items() if k != "action"}), "no signal 'action'"),
        (lambda b: AuditData(b, counterfactuals={"wind": []}), "counterfactuals of 'wind'"),
        (lambda b: AuditData(b, units=np.arange(3)), "units has 3 rows"),
        (lambda b: AuditData({**b, "camera": b["camera"] * torch.nan}), "NaN"),
    ],
)
def test_bad_input_is_refused_in_one_line(change, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        audit(adapter(), change(world()), generator=generator())


def test_what_is_known_not_to_be_needed_is_no_fault_without_an_oracle() -> None:
    """A fact takes the place of what the audit could not measure."""
    plain = audit(adapter(), AuditData(world()), generator=generator()).signals["physics"].diagnosis
    known = AuditData(world(), facts={"physics": {"needed": False}})
    assert plain.name == "cut_wire"
    assert audit(adapter(), known, generator=generator()).signals["physics"].diagnosis.name == "rational_neglect"
