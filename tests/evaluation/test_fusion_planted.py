"""Planted worlds hold what they state, and measures on them find closed forms."""

import pytest
import torch

from smcrep.evaluation.fusion_planted import (
    DIM,
    WITHIN,
    Asked,
    answered,
    asked_things,
    bent_line,
    claimed_over_true,
    fitted_head,
    head_claimed_over_true,
    noisy_things,
    precision_where_seldom,
    recognised_things,
)
from smcrep.fusion.manifold import fit_som
from smcrep.transition import Beliefs


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_sense_given_twice_by_closed_form() -> None:
    """Both errors are one: every mean has variance 1. The product claims 1/2; a plain mean of two that it takes for
    independent the same; BLUE at .5 claims (1 + .5) / 2; covariance intersection and BLUE as estimated claim 1."""
    found = claimed_over_true((1.0, 1.0), 1.0, generator())
    assert found["precision"] == pytest.approx(0.5, rel=0.03)
    assert found["equal"] == pytest.approx(0.5, rel=0.03)
    assert found["blue"] == pytest.approx(0.75, rel=0.03)
    assert found["covariance_intersection"] == pytest.approx(1, rel=0.03)
    assert found["blue, correlation estimated"] == pytest.approx(1, rel=0.03)


def test_correlated_senses_by_closed_form() -> None:
    """Variances 1 and 2 at .8: the product claims 2/3 and has 1.169; BLUE has the .977 that it claims; covariance
    intersection takes the better one, of variance 1."""
    found = claimed_over_true((1.0, 2.0), 0.8, generator())
    assert found["precision"] == pytest.approx(2 / 3 / 1.169, rel=0.03)
    assert found["blue, correlation estimated"] == pytest.approx(1, rel=0.03)
    assert found["covariance_intersection"] == pytest.approx(1, rel=0.03)


def test_noise_is_as_stated() -> None:
    data = noisy_things(300, 10, generator())
    error = (data.noisy.mean - data.clean.mean).square().mean(-1) / data.variance
    assert float(error.mean()) == pytest.approx(1, rel=0.03)
    assert float(data.variance.log().std()) == pytest.approx(1.5, rel=0.05)
    torch.testing.assert_close(data.noisy.log_precision[..., 0].exp(), 1 / (WITHIN**2 + data.variance))
    looks = data.clean.mean.unflatten(0, (300, 10))
    assert float(looks.var(1).mean().sqrt()) == pytest.approx(WITHIN, rel=0.03)


def test_nothing_estimates_a_place_better_than_the_inverse_variances() -> None:
    """The mean square error of any other weights is larger, and that of these is what they claim."""
    data = noisy_things(300, 10, generator())
    places = data.clean.mean.mean(1).unflatten(0, (300, 10)).mean(1)[data.thing]

    def error(weight: torch.Tensor) -> float:
        share = weight / weight.sum(1, keepdim=True)
        return float(((share[..., None] * data.noisy.mean).sum(1) - places).square().mean())

    precision = data.noisy.log_precision[..., 0].exp()
    best = error(precision)
    assert best == pytest.approx(float((1 / precision.sum(1)).mean()), rel=0.05)
    assert all(error(precision**power) > 1.02 * best for power in (0.0, 0.5, 2.0))


@pytest.mark.parametrize("correlation", [0.8, 1.0])
def test_noise_of_both_senses_is_correlated(correlation: float) -> None:
    data = noisy_things(200, 10, generator(), correlation=correlation)
    assert torch.equal(data.clean.mean[:, 0], data.clean.mean[:, 1])
    noise = (data.noisy.mean - data.clean.mean) / data.variance.sqrt()[..., None]
    assert float((noise[:, 0] * noise[:, 1]).mean()) == pytest.approx(correlation, abs=0.02)


def test_the_head_is_between_uniform_and_oracle() -> None:
    data = [noisy_things(60, 8, generator(i)) for i in range(3)]
    head = fitted_head(data[0], data[1], generator(), steps=150)
    hits = {name: float(own.mean()) for name, own in recognised_things(head, data[2]).items()}
    assert hits["uniform"] + 0.05 < hits["oracle"]
    assert hits["uniform"] < hits["ours"] < hits["oracle"] + 0.02
    assert all(share > 3 / 60 for share in hits.values())


def test_the_head_takes_nothing_off_for_a_sense_given_twice() -> None:
    """Two equal senses have the errors of one, and the head claims as much of them as of one."""
    data = [noisy_things(60, 8, generator(i), correlation=1.0) for i in range(3)]
    head = fitted_head(data[0], data[1], generator(), steps=150)
    with torch.no_grad():
        inner = head.directions
        error = (inner.directions(data[2].noisy) - inner.directions(data[2].clean)).square().sum(-1) / 2
        of_one = float(inner.variance(data[2].noisy).mean() / error.mean())
    assert head_claimed_over_true(head, data[2]) == pytest.approx(of_one, rel=0.15)


def test_the_planted_precision_of_a_bent_line_is_found() -> None:
    """Noise of .05 in each number: information 1 / .05^2 for each unit of length."""
    assert precision_where_seldom(fit_som, 1.0, generator()) == pytest.approx(400, rel=0.06)
    step = bent_line(torch.tensor([1.0, 1.001])).diff(dim=0).norm()
    assert float(step) == pytest.approx(0.001 * 1.25**0.5, rel=1e-3)


def test_questions_ask_each_sense_as_often_and_answers_are_what_it_knows() -> None:
    data = asked_things(5, 4000, generator())
    assert data.context.sum(0).tolist() == [2000, 2000]
    for sense in range(2):
        own = data.context[:, sense] == 1
        means = torch.stack(
            [
                data.beliefs.mean[own & (data.answer == a), sense].median(0).values
                for a in range(5 * sense, 5 * sense + 5)
            ]
        )
        nearest = torch.cdist(data.beliefs.mean[own, sense], means).argmin(1) + 5 * sense
        assert float((nearest == data.answer[own]).float().mean()) > 0.9
    assert data.beliefs.mean.shape[-1] == DIM


def test_an_answer_far_from_the_others_counts_as_one_of_them() -> None:
    """Two colours and two shapes along axes; one row of the first colour lies a hundred times as far the other way."""
    axes = torch.eye(DIM)[:4]
    answer = torch.tensor([0, 0, 0, 1, 1, 2, 3, 3, 0, 1, 2, 3, 0, 1, 2, 3])
    mean = axes[answer]
    mean[2] *= -100
    present = torch.ones(16, 1, dtype=torch.bool)
    data = Asked(Beliefs(mean[:, None], torch.zeros(16, 1, DIM), present), torch.zeros(16, 2), answer)
    found = answered(lambda beliefs, _: (beliefs.mean[:, 0], None), data, 2)  # type: ignore[arg-type]
    assert {name: share.tolist() for name, share in found.items()} == {
        n: [1.0] * 4 for n in ("contextual", "precision")
    }
