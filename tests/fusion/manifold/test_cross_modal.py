"""What a sense says of another: against another library, and with a residual that is known."""

import pytest
import torch

from smcrep.fusion.manifold import RidgeMap, cross_modal_residuals, fit_cross_modal, fit_ridge
from tests.fusion.manifold.planted import generator

NOISE = torch.tensor([0.5, 1.0, 2.0])


def pair(num: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Source [b, 4], target [b, 3] = source W + 5 + noise of NOISE."""
    weight = torch.randn(4, 3, generator=generator(99))
    g = generator(seed)
    source = torch.randn(num, 4, generator=g) * 2 + 1
    return source, source @ weight + 5 + NOISE * torch.randn(num, 3, generator=g)


def test_equals_ridge_regression_of_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    source, target = pair(60)
    found = fit_ridge(source, target, ridge=0.3)
    alpha = 0.3 * float((source - source.mean(0)).square().sum()) / 4
    expected = linear_model.Ridge(alpha=alpha).fit(source.double().numpy(), target.double().numpy())
    torch.testing.assert_close(found.weight.double().T, torch.tensor(expected.coef_), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.bias.double(), torch.tensor(expected.intercept_), rtol=1e-4, atol=1e-5)


def test_variance_counts_what_the_fit_has_used_up() -> None:
    """Over many fits to 12 observations the variance is right on average; over 12 rows it would be 5 / 12 too small."""
    fits = [fit_ridge(*pair(12, seed), ridge=1e-6).variance for seed in range(1, 400)]
    assert (torch.stack(fits).mean(0) / NOISE.square()).tolist() == pytest.approx([1, 1, 1], rel=0.1)


def test_residual_is_1_where_nothing_is_wrong_and_grows_with_what_is() -> None:
    found = fit_ridge(*pair(5000))
    source, target = pair(20_000, seed=1)
    assert float(found.residual(source, target).mean()) == pytest.approx(1, rel=0.03)
    moved = target + 3 * NOISE  # three deviations each
    assert float(found.residual(source, moved).mean()) == pytest.approx(1 + 9, rel=0.03)
    assert found.residual(source.reshape(100, 200, 4), target.reshape(100, 200, 3)).shape == (100, 200)


def test_a_harmed_sense_disagrees_with_every_other_and_they_agree() -> None:
    g = generator()
    place = torch.randn(4000, 5, generator=g)
    senses = {name: place + 0.1 * torch.randn(4000, 5, generator=g) for name in ("a", "b", "c")}
    maps = fit_cross_modal({name: x[:2000] for name, x in senses.items()})
    assert set(maps) == {(x, y) for x in "abc" for y in "abc" if x != y}
    seen = {name: x[2000:] for name, x in senses.items()}
    seen["b"] = seen["b"] + torch.randn(2000, 5, generator=g)
    residual = {names: float(r.mean()) for names, r in cross_modal_residuals(maps, seen).items()}
    for names, value in residual.items():
        # b as a target holds 1 + .02 of variance where .02 are expected; as a source nearly the same
        assert value == pytest.approx(51 if "b" in names else 1, rel=0.1), names
    left = cross_modal_residuals(maps, {name: seen[name] for name in ("a", "c")})
    assert set(left) == {("a", "c"), ("c", "a")}


def test_saved_and_loaded() -> None:
    found = fit_ridge(*pair(50))
    loaded = RidgeMap.from_state_dict(found.state_dict())
    assert torch.equal(loaded.residual(*pair(20, 3)), found.residual(*pair(20, 3)))


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"fit_ridge: source \[5, 4\], target \[5, 3\]; give \[b, d\] of the same rows"
    ):
        fit_ridge(*pair(5))
