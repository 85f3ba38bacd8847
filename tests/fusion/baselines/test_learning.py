"""On planted senses, of which one is broken in half of the rows, what is learned beats the mean on unseen objects."""

from functools import cache

import pytest
import torch

from smcrep.fusion.baselines import METHODS, build, draw_decisions, fit, fit_decider
from smcrep.fusion.method import Decisions, FitSettings
from tests.fusion.baselines.planted import DIM, TEMPERATURE, accuracy_of_decision, accuracy_of_embedding, rows

SETTINGS = FitSettings(lr=2e-2, steps=120, batch=128, width=32, num_layers=1, weight_decay=1e-3, sense_dropout=0.1)
ATTENDING = ["cross_attention", "transformer", "late_fusion_transformer", "perceiver_resampler", "q_former"]
NETWORKS = ["intermediate_mlp", "gated", "film", "graph", *ATTENDING]


@cache
def training():
    return rows(400, 8, 0)


@cache
def decisions() -> Decisions:
    beliefs, label, severity = training()
    return draw_decisions(
        beliefs,
        label,
        num_ways=20,
        num_shots=2,
        num_queries=4,
        num_episodes=25,
        temperature=TEMPERATURE,
        generator=torch.Generator().manual_seed(0),
        clean=severity[:, 1] == 0,
        severity=severity,
    )


@cache
def baseline(name: str) -> float:
    method = build(name, 2, DIM, SETTINGS, torch.Generator())
    return accuracy_of_embedding(method) if not hasattr(method, "decide") else accuracy_of_decision(method.decide)


def learned_fuser(name: str):
    generator = torch.Generator().manual_seed(0)
    beliefs, label, _ = training()
    return fit(build(name, 2, DIM, SETTINGS, generator), beliefs, label, SETTINGS, generator=generator)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_beats_the_mean(name: str) -> None:
    """By .03 (the intermediate network, which must build a gate times an embedding out of sums) to .1."""
    assert accuracy_of_embedding(learned_fuser(name)) > baseline("equal_mean") + 0.015


def test_concatenation_learns_nothing_that_tells_a_broken_sense() -> None:
    assert abs(accuracy_of_embedding(learned_fuser("concatenation")) - baseline("equal_mean")) < 0.03


@pytest.mark.parametrize("name", ["qmf", "pdf", "tmc", "udml"])
def test_a_learned_confidence_beats_the_mean_of_log_probabilities(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    method = build(name, 2, DIM, SETTINGS, generator)
    fit_decider(method, decisions(), SETTINGS, generator=generator)
    assert accuracy_of_decision(method.decide) > baseline("mean_log_probability") + 0.015


def test_every_method_is_tested_here() -> None:
    static = {"concatenation_zeros", "equal_mean", "mean_log_probability", "mean_probability", "best_single"}
    named = {*NETWORKS, "concatenation", "qmf", "pdf", "tmc", "udml"}
    assert set(METHODS) == named | static
