"""Outcomes under faults: without faults equal to the evaluation of outcomes, and records of what is planted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smcrep.data.schema import world_schema
from smcrep.data.store import Store
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.fusion_data import gather
from smcrep.evaluation.fusion_outcome_records import outcome_records
from smcrep.evaluation.fusion_outcomes import decided, hits, joined, outcomes_of, predictor, rule_scores, sense_scores
from smcrep.evaluation.fusion_records import CLEAN, EMBEDDING, TOLD
from smcrep.evaluation.outcome import outcome_hits
from smcrep.fusion import RULES
from smcrep.fusion.head import DirectionHead
from smcrep.fusion.same_outcome import SameOutcome
from smcrep.hub import build_model
from smcrep.senses import DEFAULT_SENSES, RGB, Resolution
from tests.data.stores import random_store
from tests.training.synthetic import tiny_recipe


def test_without_faults_it_is_the_evaluation_of_outcomes(tmp_path: Path) -> None:
    """The model's own rule and each sense, over two stores, against `outcome_hits` of each store."""
    torch.manual_seed(0)
    model = build_model(tiny_recipe().model).eval()
    stores = []
    for i, shards in enumerate([(5, 4), (3,)]):
        random_store(tmp_path / str(i), shards=shards, schema=world_schema(DEFAULT_SENSES, Resolution(16, 24)))
        stores.append(Store(tmp_path / str(i)))
    objects = gather(model, stores, tmp_path / "beliefs")
    outcomes = outcomes_of(model, objects)
    assert len(outcomes.objects) == sum(store.num_states for store in stores)
    peers = [encode(model, store) for store in stores]

    def expected(name: str) -> np.ndarray:
        return np.concatenate([outcome_hits(model, peer, name) for peer in peers]).mean(1)

    def found(scores: np.ndarray) -> np.ndarray:
        return hits(scores, np.arange(len(scores)))

    rule = RULES[model.config.fusion]
    observed = joined(model, rule, outcomes.after)
    fused = rule_scores(model, rule, observed, outcomes.condition, outcomes.before)
    assert found(fused) == pytest.approx(expected("fused"))
    for name in DEFAULT_SENSES:
        assert found(sense_scores(model, name, outcomes, outcomes.before)) == pytest.approx(expected(name))
    chance = 1 / outcomes.after.present.shape[1]
    gone = outcomes.before
    gone.present[:, gone.names.index(RGB.name)] = False
    assert found(sense_scores(model, RGB.name, outcomes, gone)) == pytest.approx(np.full(len(gone.present), chance))

    torch.manual_seed(0)
    method = SameOutcome(DirectionHead(2, model.config.invariant_dim, model.config.equivariant_dim))
    with torch.no_grad():
        whole = method(predictor(model, outcomes.condition), outcomes.before, outcomes.after)
    assert decided(model, method, outcomes, outcomes.before) == pytest.approx(whole.double().numpy(), abs=1e-5)


def test_stores_with_different_numbers_of_outcomes_are_refused(tmp_path: Path) -> None:
    model, stores = build_model(tiny_recipe().model).eval(), []
    for i, branches in enumerate((2, 3)):
        schema = world_schema(DEFAULT_SENSES, Resolution(16, 24))
        random_store(tmp_path / str(i), shards=(2,), schema=schema, k=branches)
        stores.append(Store(tmp_path / str(i)))
    with pytest.raises(ValueError, match="stores with different numbers of outcomes"):
        outcomes_of(model, gather(model, stores, tmp_path / "beliefs"))


def test_hits_are_means_over_the_states_of_each_object() -> None:
    scores = np.stack([np.eye(4), -np.eye(4), np.eye(4)])
    assert hits(scores, np.array([7, 7, 3])).tolist() == [1.0, 0.5]


def cells() -> dict[str, dict[int, dict[str, Any]]]:
    """30 objects, two seeds: ours .8 everywhere; the cloud alone is 2 points ahead in one cell."""
    spread = 0.1 * np.random.default_rng(0).uniform(-1, 1, 30)

    def cell(ours: float, told: float, points: float, seed: int) -> dict[str, Any]:
        means = {"ours": ours, EMBEDDING: 0.7, "equal": 0.6, "precision": 0.65, "only_rgb": 0.5}
        means |= {"only_points": points, TOLD: told}
        about = {"seed": seed, "num_outcomes": 16, "in_training": True, "commit": f"c{seed}", "machine": "m"}
        return about | {"minutes": 1.0 + seed, "accuracy": {m: (v + spread).tolist() for m, v in means.items()}}

    faults = {"rgb.noise.1.00": (0.8, 0.85, 0.7), "points.jitter.1.00": (0.6, 0.65, 0.62)}
    clean = {CLEAN: (0.9, 0.9, 0.7)}
    return {name: {seed: cell(*own, seed) for seed in (0, 1)} for name, own in (clean | faults).items()}


def test_records_are_the_differences_planted() -> None:
    records = outcome_records(cells(), "command")
    values = {name.removeprefix("fusion.outcome."): record.value for name, record in records.items()}
    assert values["never_worse.cells"] == 1
    assert values["gain.noisy"] == pytest.approx(0.7 - 0.65)
    assert values["gain.clean"] == pytest.approx(0.9 - 0.65)
    assert values["gain.over_embedding"] == pytest.approx(0)
    assert values["regret"] == pytest.approx(1 - 0.7 / 0.75, abs=0.005)
    cell = records["fusion.outcome.cell.rgb.noise.1.00"]
    assert cell.value == pytest.approx(0.8, abs=0.02)
    assert cell.controls["chance"] == 1 / 16
    assert cell.controls["only_points"] == pytest.approx(0.7, abs=0.02)
    assert (cell.seeds, cell.n, cell.minutes, cell.commits) == (2, 30, 3.0, ("c0", "c1"))


def test_seeds_without_all_cells_are_left_out() -> None:
    some = cells()
    del some["rgb.noise.1.00"][1]
    assert outcome_records(some, "command")["fusion.outcome.regret"].seeds == 1
    del some["rgb.noise.1.00"][0]
    with pytest.raises(ValueError, match="run the same command again"):
        outcome_records(some, "command")
