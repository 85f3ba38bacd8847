"""SEN equals the authors' energies in loops, reads 1 at collapse, and stops pushing where states are far apart."""

import pytest
import torch

from smcrep.objectives.sen import sen


def given(b: int = 3, k: int = 2, d: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((b, d), (b, k, d), (b, k, d))
    return [0.2 * torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def test_equals_the_energies_written_out() -> None:
    before, outcome, predicted = given()

    def energy(x: torch.Tensor, y: torch.Tensor) -> float:
        return sum(float(a - b) ** 2 for a, b in zip(x, y, strict=True)) / (2 * 0.5**2)

    positive = sum(energy(predicted[i, j], outcome[i, j]) for i in range(3) for j in range(2)) / 6
    negative = sum(max(0.0, 1 - energy(before[i], before[j])) for i in range(3) for j in range(3) if i != j) / 6
    assert negative > 0
    found = sen(before, outcome, predicted, 0.5)
    assert float(found.total) == pytest.approx(positive + negative)
    assert float(found.parts["positive"]) == pytest.approx(positive)


def test_by_hand() -> None:
    """Two states at distance .5 have energy .5 at sigma .5; a prediction off by 1 has energy 2."""
    before = torch.tensor([[0.0, 0.0], [0.5, 0.0]])
    outcome = torch.zeros(2, 1, 2)
    assert float(sen(before, outcome, outcome, 0.5).total) == pytest.approx(0.5)
    assert float(sen(before, outcome, outcome + torch.tensor([1.0, 0.0]), 0.5).total) == pytest.approx(2.5)


def test_collapse_reads_1_and_far_states_0() -> None:
    same = torch.ones(4, 3)
    assert float(sen(same, same[:, None], same[:, None], 0.5).total) == 1
    far = 10 * torch.eye(4)
    assert float(sen(far, far[:, None], far[:, None], 0.5).total) == 0


def test_one_state_has_no_negatives() -> None:
    before, outcome, predicted = given(b=1)
    assert float(sen(before, outcome, predicted, 0.5).parts["negative"]) == 0


def test_gradient_is_that_of_finite_differences() -> None:
    tensors = [x.requires_grad_() for x in given()]
    assert torch.autograd.gradcheck(lambda *x: sen(*x, 0.5).total, tensors)
