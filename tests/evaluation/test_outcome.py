"""Retrieval where the answer is planted: a model that knows it scores 1, a model that does not scores chance."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from smcrep.evaluation.outcome import mismatched_action_hits, outcome_hits, roll_out_hits
from tests.evaluation.worlds import NUM_ACTIONS, NUM_STATES, Blind, TrueTurns, turned

MODEL, BLIND = TrueTurns(), Blind()


def test_model_that_turns_as_the_world_does_finds_every_outcome() -> None:
    hits = outcome_hits(MODEL, turned(), "a")  # type: ignore[arg-type]
    assert hits.shape == (NUM_STATES, NUM_ACTIONS)
    assert hits.mean() == 1
    assert outcome_hits(MODEL, turned(), "a", "fused").mean() == 1  # type: ignore[arg-type]


def test_action_blind_model_scores_chance_exactly() -> None:
    assert outcome_hits(BLIND, turned(), "a").mean() == pytest.approx(1 / NUM_ACTIONS)  # type: ignore[arg-type]


def test_noise_and_mismatched_actions_score_chance() -> None:
    many = [turned(seed) for seed in range(12)]
    across = np.mean([outcome_hits(MODEL, e, "a", "noise").mean() for e in many])  # type: ignore[arg-type]
    mismatched = np.mean([mismatched_action_hits(MODEL, e, "a").mean() for e in many])  # type: ignore[arg-type]
    assert across == pytest.approx(1 / NUM_ACTIONS, abs=0.03)
    assert mismatched == pytest.approx(1 / NUM_ACTIONS, abs=0.05)


def test_roll_out_goes_from_view_to_view_without_observing() -> None:
    assert roll_out_hits(MODEL, turned(), "a").mean(0) == pytest.approx(np.ones(3))  # type: ignore[arg-type]
    blind = roll_out_hits(BLIND, turned(), "a")  # type: ignore[arg-type]
    assert (blind.mean(0) < 0.5).all()


@pytest.mark.parametrize("view", [1, 2])
def test_a_roll_out_never_starts_from_what_was_seen(view: int) -> None:
    """What is seen at one view says nothing: that view is not found, and those after it are, as before."""
    encoded = turned()
    seen = encoded.latent["a"].clone()
    seen[:, view] = encoded.latent["noise"][:, view]
    hits = roll_out_hits(MODEL, replace(encoded, latent=encoded.latent | {"a": seen}), "a").mean(0)  # type: ignore[arg-type]
    assert hits[view - 1] < 0.5
    assert np.delete(hits, view - 1) == pytest.approx(1)


def test_a_roll_out_starts_from_the_view_before() -> None:
    encoded = turned()
    seen = encoded.latent["a"].clone()
    seen[:, 0] = encoded.latent["noise"][:, 0]
    assert roll_out_hits(MODEL, replace(encoded, latent={"a": seen}), "a").max(1).mean() < 0.6  # type: ignore[arg-type]


def test_chained_actions_end_where_each_action_ends() -> None:
    encoded = turned()
    whole = torch.eye(4).expand(NUM_STATES, 1, 4, 4)
    for i, link in enumerate(encoded.action.chain(3)):
        whole = link.motion @ whole
        torch.testing.assert_close(whole[:, 0], encoded.action.motion[:, i], atol=1e-5, rtol=0)
