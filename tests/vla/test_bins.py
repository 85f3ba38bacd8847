"""RT-2 action tokens: half a bin, by hand and against numpy's histogram edges; text that is no action is refused."""

import numpy as np
import pytest
import torch

from smcrep.vla.bins import ActionBins, from_text, to_text

BINS = ActionBins((-1.0, 0.0, -10.0), (1.0, 0.5, 30.0))


def test_round_trip_is_within_half_a_bin_and_reaches_it() -> None:
    rng = torch.Generator().manual_seed(0)
    low, high = torch.tensor(BINS.low), torch.tensor(BINS.high)
    actions = low + (high - low) * torch.rand(20_000, 3, generator=rng)
    error = (BINS.decode(BINS.encode(actions)) - actions).abs() / ((high - low) / 256)
    assert error.max() <= 0.5 + 1e-4
    assert error.max() > 0.49  # a finer grid would be another tokenizer


def test_bins_are_those_of_a_histogram() -> None:
    actions = torch.rand(500, 1, generator=torch.Generator().manual_seed(1)) * 2 - 1
    one = ActionBins((-1.0,), (1.0,))
    edges = np.linspace(-1, 1, 257)
    assert np.array_equal(one.encode(actions)[:, 0].numpy(), np.digitize(actions[:, 0].double().numpy(), edges) - 1)


def test_beyond_the_range_is_the_outermost_bin() -> None:
    tokens = BINS.encode(torch.tensor([[-5.0, 0.7, 30.0]]))
    assert tokens.tolist() == [[0, 255, 255]]
    assert BINS.decode(tokens)[0].tolist() == pytest.approx([-1 + 1 / 256, 0.5 - 0.5 / 512, 30 - 20 / 256])


def test_fit_takes_the_quantiles_of_each_number() -> None:
    actions = torch.stack([torch.arange(101.0), -2 * torch.arange(101.0)], 1)
    bins = ActionBins.fit(actions)
    assert bins.low == pytest.approx((1.0, -198.0))
    assert bins.high == pytest.approx((99.0, -2.0))


def test_text_round_trip() -> None:
    assert to_text([128, 91, 241, 5, 101, 127, 217], terminate=True) == "1 128 91 241 5 101 127 217"
    assert from_text("1 128 91 241 5 101 127 217", 7) == (True, [128, 91, 241, 5, 101, 127, 217])


@pytest.mark.parametrize("text", ["", "0 1 2", "0 1 2 256", "2 1 2 3", "0 1 2 x", "0 -1 2 3", "0 1 2 3 4", "0 1 2 ³"])
def test_text_that_is_no_action_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="action text"):
        from_text(text, 3)


@pytest.mark.parametrize(("low", "high"), [((0.0,), (0.0,)), ((), ()), ((0.0,), (1.0, 2.0)), ((float("nan"),), (1.0,))])
def test_ranges_that_are_none_are_refused(low: tuple[float, ...], high: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="ActionBins"):
        ActionBins(low, high)


def test_actions_and_tokens_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="give finite numbers"):
        BINS.encode(torch.tensor([[0.0, torch.nan, 0.0]]))
    with pytest.raises(ValueError, match=r"0\.\.255"):
        BINS.decode(torch.tensor([[0, 256, 0]]))
