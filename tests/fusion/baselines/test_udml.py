"""UDML type: weights by hand, dependence, and noise that is predicted on senses that have it."""

import math
from dataclasses import replace

import pytest
import torch

from smcrep.fusion.baselines import fit_decider
from smcrep.fusion.baselines.udml import UDML, noise_weights
from smcrep.fusion.method import Decisions, FitSettings
from smcrep.transition import Beliefs


def test_weights_by_hand() -> None:
    """Levels 1 and 2, dependences 1 and .5: 1 : (1/4) / .5 = 2 : 1."""
    both = torch.tensor([True, True])
    weight = noise_weights(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.5]), both)
    assert weight.tolist() == pytest.approx([2 / 3, 1 / 3])
    assert noise_weights(torch.tensor([1.0, 2.0]), torch.ones(2), torch.tensor([False, True])).tolist() == [0, 1]
    assert noise_weights(torch.tensor([1.0, 2.0]), torch.ones(2), torch.tensor([False, False])).tolist() == [0, 0]


def test_weights_are_those_of_the_released_code_for_two() -> None:
    g = torch.Generator().manual_seed(0)
    v, a = 1 + 5 * torch.rand(2, generator=g), 1 + torch.rand(2, generator=g)
    first, second = 2 * v[1] ** 2 / (v**2).sum() / a[0], 2 * v[0] ** 2 / (v**2).sum() / a[1]
    expected = torch.stack([first, second]) / (first + second)
    torch.testing.assert_close(noise_weights(v, a, torch.tensor([True, True])), expected)


def data(n: int, severity: torch.Tensor | None, mean: torch.Tensor) -> Decisions:
    g = torch.Generator().manual_seed(1)
    beliefs = Beliefs(mean, torch.zeros(n, 2, 1), torch.ones(n, 2, dtype=torch.bool))
    return Decisions(
        torch.randn(n, 2, 3, generator=g), beliefs, torch.randint(3, (n,), generator=g), torch.arange(n), severity
    )


def test_dependence_is_the_mean_size_of_the_logits_summed_over_classes() -> None:
    method = UDML(2, 4, FitSettings(width=4))
    rows = data(5, None, 2 * torch.ones(5, 2, 4))
    rows.beliefs.present[0, 1] = False
    method.prepare(rows)
    sizes = [rows.logits[:, 0].abs().mean(0).sum(), rows.logits[1:, 1].abs().mean(0).sum()]
    assert method.dependence.tolist() == pytest.approx([s.item() for s in sizes])
    assert method.spread.tolist() == pytest.approx([2, 2])


def test_loss_by_hand() -> None:
    """Level 1 of everything (nothing predicted), severities 0 and .5: (1 - 1)^2 and (1 - 6)^2."""
    method = UDML(2, 4, FitSettings(width=4))
    torch.nn.init.zeros_(method.noise.out.weight)
    torch.nn.init.zeros_(method.noise.out.bias)
    rows = data(1, torch.tensor([[0.0, 0.5]]), torch.zeros(1, 2, 4))
    y = int(rows.label)
    alone = [-math.log(rows.logits[0, m].softmax(-1)[y]) for m in range(2)]
    fused = -math.log(rows.logits[0].mean(0).softmax(-1)[y])  # equal levels and dependences
    loss = method.loss(rows, 0.0, torch.Generator()).item()
    assert loss == pytest.approx(fused + sum(alone) + 0.1 * 25, rel=1e-5)


@pytest.mark.parametrize("known", [True, False])
def test_noise_is_predicted(known: bool) -> None:
    """Unit embeddings in sense 0, of which half have noise of their own length added in sense 1."""
    g = torch.Generator().manual_seed(0)
    mean = torch.nn.functional.normalize(torch.randn(600, 2, 8, generator=g), dim=-1)
    broken = torch.rand(600, generator=g) < 0.5
    clean = replace(data(600, None, mean).beliefs)
    noisy = mean.clone()
    noisy[:, 1] += broken[:, None] * torch.randn(600, 8, generator=g) / 8**0.5
    severity = torch.stack([torch.zeros(600), broken.float()], 1)
    rows = data(600, severity if known else None, noisy if known else clean.mean)
    settings = FitSettings(lr=1e-2, steps=120, batch=128, width=16, sense_dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        method = UDML(2, 8, settings)
    fit_decider(method, rows, settings, generator=g)
    level = method.level(replace(clean, mean=noisy))[:, 1]
    assert level[broken].mean() > 1.5 * level[~broken].mean()
