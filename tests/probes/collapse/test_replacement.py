"""A signal that is used costs its worth when replaced, a dead one nothing; replacements are what they say."""

import pytest
import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import KeywordModel
from smcrep.probes.collapse.replacement import (
    derangement,
    drop,
    drop_estimate,
    learned_constant,
    matched_state,
    mean_values,
    permuted,
    zero_values,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear(use: float, rows: int = 400) -> tuple[KeywordModel, dict[str, Tensor]]:
    """y = x + 3 a; a model that knows x and the share ``use`` of a, scored by minus squared error."""
    a, x = torch.randn(2, rows, generator=generator()).double()
    model = KeywordModel(lambda a, x: x + 3 * use * a, lambda y, batch: (y - batch["y"]).square(), signals=("a", "x"))
    return model, {"a": a, "x": x, "y": x + 3 * a}


def test_drop_of_a_permuted_signal_is_its_worth_and_of_a_dead_one_0() -> None:
    """Squared error of a model that knows all: 9 (a - a')^2, twice 9 times the variance; that knows nothing: equal."""
    model, batch = linear(1.0)
    index = derangement(torch.zeros(400, dtype=torch.long), generator())
    found = drop_estimate(model, batch, permuted(batch, "a", index))
    assert found.value == pytest.approx(18, rel=0.15)
    assert found.ci95[0] < 18 < found.ci95[1]
    dead, _ = linear(0.0)
    assert (drop(dead, batch, permuted(batch, "a", index)) == 0).all()


def test_the_interval_of_a_drop_is_over_units() -> None:
    model, batch = linear(1.0, rows=8)
    twice = {name: values.repeat_interleave(2) for name, values in batch.items()}
    units = torch.arange(8).repeat_interleave(2)
    by_unit = drop_estimate(model, twice, zero_values(twice, "a"), units)
    assert by_unit.n == 8
    assert by_unit.ci95 == pytest.approx(drop_estimate(model, batch, zero_values(batch, "a")).ci95)


def test_permuted_takes_row_index_i_for_row_i() -> None:
    batch = {"a": torch.tensor([10, 20, 30]), "b": torch.zeros(3)}
    assert permuted(batch, "a", torch.tensor([1, 2, 0]))["a"].tolist() == [20, 30, 10]


@pytest.mark.parametrize("seed", range(5))
def test_derangement_moves_every_row_within_its_stratum(seed: int) -> None:
    strata = torch.tensor([3, 1, 3, 1, 1, 3, 7, 7, 3])
    index = derangement(strata, generator(seed))
    assert (strata[index] == strata).all()
    assert sorted(index.tolist()) == list(range(9))
    assert (index != torch.arange(9)).all()


def test_derangement_gives_every_partner_alike() -> None:
    partners = [int(derangement(torch.zeros(4, dtype=torch.long), generator(seed))[0]) for seed in range(300)]
    counts = torch.tensor(partners).bincount(minlength=4).tolist()
    assert counts[0] == 0
    assert min(counts[1:]) > 70  # of 100 expected, a deviation of 8


def test_a_stratum_of_one_row_is_refused() -> None:
    with pytest.raises(ValueError, match="stratum 2 has 1 row"):
        derangement(torch.tensor([1, 1, 2]), generator())


def test_matched_state_is_the_nearest_with_another_signal() -> None:
    state = torch.tensor([[0.0], [1.0], [1.5], [9.0]])
    signal = torch.tensor([[5.0], [5.0], [6.0], [6.1]])
    index, distance = matched_state(state, signal)
    assert index.tolist() == [2, 2, 1, 2]
    assert distance.tolist() == [1.5, 0.5, 0.5, 7.5]
    index, distance = matched_state(state, signal, least_change=0.2)
    assert index.tolist() == [2, 2, 1, 1]
    alone, far = matched_state(state, torch.ones(4, 1))
    assert alone.tolist() == [0, 1, 2, 3]
    assert far.isinf().all()


def test_equal_states_with_equal_signals_are_no_match_however_many() -> None:
    state, signal = torch.randn(2, 60, 8, generator=generator())
    index, _ = matched_state(state.repeat(2, 1), signal.repeat(2, 1))
    assert (index % 60 != torch.arange(120) % 60).all()


def test_constants_replace_every_row() -> None:
    batch = {"a": torch.tensor([[1.0, 2], [3, 4]])}
    assert zero_values(batch, "a")["a"].tolist() == [[0, 0], [0, 0]]
    assert mean_values(batch, "a", torch.tensor([[1.0, 0], [5, 2], [0, 1]]))["a"].tolist() == [[2, 1], [2, 1]]


def test_learned_constant_is_the_best_one_and_leaves_the_model_as_it_was() -> None:
    """Best for 9 (a - c)^2 is the mean of a; zero is worse, so ablation by zeros overstates the use of a."""
    model, batch = linear(1.0)
    batch = {**batch, "a": batch["a"] + 2, "y": batch["y"] + 6}
    weight = torch.ones((), requires_grad=True)
    kept = KeywordModel(lambda a, x: weight * model.module(a=a, x=x), model.loss, signals=("a", "x"))
    found = learned_constant(kept, batch, "a", torch.zeros((), dtype=torch.float64), num_steps=300, lr=0.1)
    assert float(found["a"][0]) == pytest.approx(float(batch["a"].mean()), abs=0.01)
    assert found["a"].shape == batch["a"].shape
    assert weight.grad is None
    assert drop(kept, batch, found).mean() == pytest.approx(float(9 * batch["a"].var(correction=0)), rel=0.01)
    assert drop(kept, batch, zero_values(batch, "a")).mean() > drop(kept, batch, found).mean() + 30
