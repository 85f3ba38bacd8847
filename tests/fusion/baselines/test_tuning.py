"""The search: as many trials, the same for every method, the best is kept."""

import math
from dataclasses import replace

import pytest
import torch

from smcrep.fusion.baselines import SPACE, choice, log_uniform, tune
from smcrep.fusion.method import FitSettings


def search(trials: int = 12, seed: int = 0, target: float = 1e-3):
    seeds: list[int] = []

    def make(settings: FitSettings, generator: torch.Generator) -> FitSettings:
        seeds.append(generator.initial_seed())
        return settings

    def score(made: FitSettings) -> float:
        return -abs(math.log(made.lr / target))

    return tune(make, SPACE, trials, score, torch.Generator().manual_seed(seed), FitSettings(lr=0.5)), seeds


def test_the_best_of_all_trials_is_kept() -> None:
    tuned, seeds = search()
    assert len(tuned.trials) == 12
    assert len(set(seeds)) == 12
    assert tuned.trials[0][0] == FitSettings(lr=0.5)
    assert tuned.score == max(score for _, score in tuned.trials)
    assert (tuned.settings, tuned.score) in tuned.trials
    assert tuned.method == tuned.settings


def test_every_method_gets_the_same_trials() -> None:
    (first, seeds), (second, again), (third, _) = search(target=1e-3), search(target=1e-2), search(seed=1)
    assert [s for s, _ in first.trials] == [s for s, _ in second.trials]
    assert seeds == again
    assert first.settings != second.settings
    assert [s for s, _ in first.trials][1:] != [s for s, _ in third.trials][1:]


def test_a_score_that_is_no_number_never_wins() -> None:
    scores = iter([math.nan, -1.0, math.nan])
    tuned = tune(lambda s, g: s, {}, 3, lambda m: next(scores), torch.Generator())
    assert tuned.score == -1
    with pytest.raises(ValueError, match="tune: none of 2 trials has a score above minus infinity"):
        tune(lambda s, g: s, {}, 2, lambda m: math.nan, torch.Generator())


def test_draws_are_spread_as_they_say() -> None:
    g = torch.Generator().manual_seed(0)
    draw = log_uniform(1e-4, 1e-2)
    logs = torch.tensor([math.log10(draw(g)) for _ in range(2000)])
    assert logs.min() >= -4
    assert logs.max() <= -2
    assert logs.mean().item() == pytest.approx(-3, abs=0.05)
    assert logs.std().item() == pytest.approx(2 / math.sqrt(12), abs=0.03)
    values = [choice("a", "b", "c")(g) for _ in range(900)]
    assert all(200 < values.count(v) < 400 for v in "abc")


def test_all_of_the_space_can_be_built() -> None:
    g = torch.Generator().manual_seed(0)
    for _ in range(50):
        replace(FitSettings(), **{name: draw(g) for name, draw in SPACE.items()})
