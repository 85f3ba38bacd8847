"""A map beside an encoder: one batch in closed form, an encoder that moves, and what is saved."""

import pytest
import torch

from smcrep.fusion.manifold import OnlineMap, distance_to_manifold, information_at, quantisation_error
from smcrep.fusion.manifold.som import batch_som, on_principal_axes
from tests.fusion.manifold.planted import helix, noisy_helix


def test_the_first_batch_is_one_pass_of_the_batch_map() -> None:
    x = noisy_helix(500)[1]
    online = OnlineMap(8, num_units=10, dims=1)
    online.update(x)
    mean, scale = online.whitening
    white = (x - mean) / scale
    expected = batch_som(white, on_principal_axes(white, online.grid), online.grid, (1.0,))
    torch.testing.assert_close(online.units, expected, rtol=1e-4, atol=1e-4)


def test_what_was_won_is_forgotten_at_the_rate_of_decay() -> None:
    """Two batches of equal means and variances: numbers won are .8 of the first and .2 of the second."""
    x = noisy_helix(400)[1]
    online = OnlineMap(8, num_units=6, dims=1, decay=0.8)
    online.update(x)
    first = online.counts.clone()
    online.update(x.flip(0))
    assert float(online.counts.sum()) == pytest.approx(400, rel=1e-5)
    assert torch.equal(first, first.round())
    tenths = (online.counts - 0.8 * first) / 0.2
    torch.testing.assert_close(tenths, tenths.round(), rtol=0, atol=1e-3)


def test_follows_an_encoder_that_moves() -> None:
    online = OnlineMap(8, num_units=30, dims=1, decay=0.8)
    for step in range(60):
        moved = min(step / 30, 1.0)
        online.update(noisy_helix(512, seed=step)[1] * (1 + 4 * moved) + 10 * moved)
    x = noisy_helix(8000, seed=100)[1] * 5 + 10
    found = online.map(x)
    assert quantisation_error(found, x) * float(found.scale[0]) == pytest.approx(5 * 0.05 * 7**0.5, rel=0.1)
    places = helix(torch.linspace(0.4, 2.6, 40)) * 5 + 10
    assert float(information_at(found, places).mean()) == pytest.approx(1 / 0.25**2, rel=0.1)
    assert float(distance_to_manifold(found, noisy_helix(100)[1]).min()) > 20  # where it was


def test_no_gradient_reaches_the_encoder() -> None:
    x = noisy_helix(100)[1].requires_grad_()
    online = OnlineMap(8, num_units=9)
    online.update(x)
    assert not online.units.requires_grad
    assert not list(online.parameters())


def test_what_is_saved_is_loaded_and_goes_on_alike() -> None:
    a, b = OnlineMap(8, num_units=9), OnlineMap(8, num_units=9)
    a.update(noisy_helix(100)[1])
    b.load_state_dict(a.state_dict())
    for online in (a, b):
        online.update(noisy_helix(100, seed=1)[1])
    x = noisy_helix(200, seed=2)[1]
    assert torch.equal(a.map(x).variance, b.map(x).variance)


def test_a_collapsed_encoder_does_not_stop_the_training() -> None:
    online = OnlineMap(8, num_units=9)
    online.update(torch.ones(50, 8))
    online.update(noisy_helix(100)[1])
    assert all(v.isfinite().all() for v in online.state_dict().values())


def test_a_map_of_nothing_and_a_decay_that_is_none_are_refused() -> None:
    with pytest.raises(ValueError, match="OnlineMap: no batch has been seen; call update first"):
        OnlineMap(8).map(torch.zeros(100, 8))
    with pytest.raises(ValueError, match=r"OnlineMap: decay 1.0, radius 1.0; give 0 < decay < 1 and radius > 0"):
        OnlineMap(8, decay=1.0)
