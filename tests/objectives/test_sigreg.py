"""SIGReg equals the integral in loops and lightly's, is small for Gaussians and known in closed form for a constant."""

import math

import pytest
import torch
from lightly.loss import lejepa_loss

from smcrep.objectives.invariance import Views
from smcrep.objectives.sigreg import SIGReg, random_directions, sigreg
from tests import laws


def test_equals_the_trapezoidal_sum_written_out() -> None:
    z, _ = laws.embeddings(n=6, d=3)
    directions = random_directions(z, 2, torch.Generator().manual_seed(3))
    total = 0.0
    for s in range(2):
        x = [float(v) for v in z @ directions[:, s]]
        for knot in range(17):
            t = 3 * knot / 16
            cos, sin = (sum(f(t * v) for v in x) / 6 for f in (math.cos, math.sin))
            weight = (3 / 16) * (0.5 if knot in (0, 16) else 1)
            apart = (cos - math.exp(-(t**2) / 2)) ** 2 + sin**2
            total += 2 * 6 * weight * apart * math.exp(-(t**2) / 2) / 2
    assert float(sigreg(z, directions)) == pytest.approx(total)


def test_equals_lightly(monkeypatch: pytest.MonkeyPatch) -> None:
    z, _ = laws.embeddings(n=20, d=5)
    directions = random_directions(z, 64, None)
    theirs = lejepa_loss.SIGReg(num_vectors=64)
    monkeypatch.setattr(theirs, "_generate_unit_vectors", lambda *_: directions)
    torch.testing.assert_close(sigreg(z, directions), theirs(z), rtol=1e-6, atol=0)


def test_constant_zero_reads_its_closed_form() -> None:
    """Of n zeros: n * integral of (1 - exp(-t^2/2))^2 exp(-t^2/2), which is n sqrt(2 pi) (1 - 2/sqrt 2 + 1/sqrt 3);
    beyond 3 hardly anything is left out."""
    z = torch.zeros(8, 4, dtype=torch.float64)
    closed = 8 * math.sqrt(2 * math.pi) * (1 - 2 / math.sqrt(2) + 1 / math.sqrt(3))
    assert float(sigreg(z, random_directions(z, 3, None))) == pytest.approx(closed, rel=0.02)


def test_gaussians_read_their_expectation_and_everything_else_more() -> None:
    """Of n Gaussian numbers, |mean of exp(i t x) - exp(-t^2/2)|^2 is expected to be (1 - exp(-t^2)) / n, and so the
    statistic sqrt(2 pi) (1 - 1/sqrt 3)."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(4000, 4, generator=generator)
    directions = random_directions(z, 32, generator)
    gaussian = float(sigreg(z, directions))
    assert gaussian == pytest.approx(math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3)), rel=0.1)
    for other in (2 * z, 0.5 * z, z + 0.5, z.sign(), z * torch.tensor([1.0, 1, 1, 0.1])):
        assert float(sigreg(other, directions)) > 10 * gaussian


def test_directions_are_unit_and_drawn_by_the_generator() -> None:
    like = torch.zeros(1, 6)
    a, b = (random_directions(like, 9, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    torch.testing.assert_close(a.norm(dim=0), torch.ones(9))
    assert not torch.equal(a, b)
    assert torch.equal(random_directions(like, 9, None), random_directions(like, 9, None))


def test_loss_of_two_views_is_lejepas_of_both() -> None:
    a, b = laws.embeddings(n=9, d=3)
    views = Views(a, b, a, b, lambda name: torch.nn.Identity(), torch.Generator().manual_seed(5))
    found = SIGReg(share=0.3, num_slices=8).loss(views).total
    directions = random_directions(a, 8, torch.Generator().manual_seed(5))
    both = torch.stack([a, b])
    invariance = lejepa_loss.lejepa_invariance_loss(all_proj=both, global_proj=both)
    wanted = 0.7 * invariance + 0.3 * (sigreg(a, directions) + sigreg(b, directions)) / 2
    torch.testing.assert_close(found, wanted)


def test_gradient_is_that_of_finite_differences() -> None:
    z, _ = laws.embeddings(n=4, d=3)
    directions = random_directions(z, 4, None)
    assert torch.autograd.gradcheck(lambda z: sigreg(z, directions), z.requires_grad_())
