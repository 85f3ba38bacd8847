"""What a map holds, finds, and keeps when it is saved."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from smcrep.fusion.manifold import ManifoldMap, distance_to_manifold, fit_som, fit_whitening, information_at
from smcrep.fusion.manifold.map import won
from tests.fusion.manifold.planted import generator, noisy_helix


@pytest.fixture(scope="module")
def fitted() -> ManifoldMap:
    return fit_som(noisy_helix(3000)[1], num_units=16, dims=1, generator=generator())


def test_what_is_saved_is_loaded_and_says_the_same(fitted: ManifoldMap, tmp_path: Path) -> None:
    save_file(fitted.state_dict(), tmp_path / "map.safetensors")
    loaded = ManifoldMap.from_state_dict(load_file(tmp_path / "map.safetensors"))
    x = noisy_helix(50, seed=5)[1]
    assert torch.equal(distance_to_manifold(loaded, x), distance_to_manifold(fitted, x))
    assert torch.equal(information_at(loaded, x), information_at(fitted, x))


def test_a_state_that_is_none_is_refused(fitted: ManifoldMap) -> None:
    state = fitted.state_dict()
    state["more"] = state.pop("slope")
    with pytest.raises(ValueError, match="ManifoldMap: fields more, slope are absent or unknown; give what state_dict"):
        ManifoldMap.from_state_dict(state)


def test_winners_are_the_nearest_units_and_leading_axes_are_kept(fitted: ManifoldMap) -> None:
    x = noisy_helix(60, seed=5)[1]
    places = fitted.units * fitted.scale + fitted.mean
    expected = [sorted(range(16), key=lambda k, row=row: float((row - places[k]).norm()))[:3] for row in x]
    assert fitted.winners(x, 3).tolist() == expected
    assert fitted.winners(x.reshape(3, 20, 8), 3).flatten(0, 1).tolist() == expected
    assert fitted.winners(x[0], 3).tolist() == expected[0]
    assert distance_to_manifold(fitted, x.reshape(3, 20, 8)).shape == (3, 20)


def test_sums_and_numbers_of_what_units_won() -> None:
    sums, counts = won(torch.tensor([[0.0], [0.4], [3.0]]), torch.tensor([[0.0], [1.0], [2.5]]))
    assert sums[:, 0].tolist() == pytest.approx([0.4, 0, 3])
    assert counts.tolist() == [2, 0, 1]


def test_observations_of_another_size_are_refused(fitted: ManifoldMap) -> None:
    with pytest.raises(ValueError, match="x has 7 numbers an observation and the map 8; give x as the map was fitted"):
        fitted.whiten(torch.zeros(2, 7))


def test_a_block_is_whitened_to_total_variance_1() -> None:
    x = torch.randn(4000, 5, generator=generator()) * torch.tensor([1.0, 1, 30, 40, 0]) + 7
    mean, scale = fit_whitening(x, (2, 3))
    white = (x - mean) / scale
    assert float(white[:, :2].var(0).sum()) == pytest.approx(1, rel=1e-4)
    assert float(white[:, 2:].var(0).sum()) == pytest.approx(1, rel=1e-4)
    assert float(scale[0]) == pytest.approx(2**0.5, rel=0.05)  # one scale for all numbers of a block
    assert scale[2:].tolist() == pytest.approx([50] * 3, rel=0.05)
    assert white.mean(0).tolist() == pytest.approx([0] * 5, abs=1e-4)


def test_blocks_that_do_not_sum_are_refused() -> None:
    with pytest.raises(ValueError, match=r"whitening: blocks \(2, 2\), and x has 5 numbers; give sizes that sum"):
        fit_whitening(torch.zeros(9, 5), (2, 2))


def test_a_block_of_large_numbers_does_not_decide_alone() -> None:
    """Two senses of one place; in the first it is 1,000 times larger, and harmed. Both have the same say."""
    g = generator()
    place = torch.rand(2000, 1, generator=g)
    x = torch.cat([1000 * place, 0 * place, place, 0 * place], 1)
    x[:, 1::2] += 1e-3 * torch.randn(2000, 2, generator=g)
    found = fit_som(x, num_units=20, dims=1, blocks=(2, 2), generator=g)
    torn = torch.tensor([[200.0, 0, 0.8, 0]])  # the senses say .2 and .8
    unit = found.winners(torn)[0, 0]
    assert float((found.units * found.scale + found.mean)[unit, 2]) == pytest.approx(0.5, abs=0.06)
