"""PDF: holo-confidence and relative calibration by hand, and where the released logarithms give NaN."""

import math

import pytest
import torch

from smcrep.fusion.baselines.pdf import PDF, holo_confidence, relative_calibration
from smcrep.fusion.method import Decisions, FitSettings
from smcrep.transition import Beliefs

BOTH = torch.tensor([True, True])


def test_holo_confidence_by_hand() -> None:
    """The surer the *other* sense (its logarithm nearer 0), the smaller h."""
    h = holo_confidence(torch.tensor([0.5, 0.25]), BOTH)
    assert h.tolist() == pytest.approx([2 / 3, 1 / 3])  # log .25 / log .125, log .5 / log .125


def test_holo_confidence_of_three_senses_in_loops() -> None:
    mono, present = torch.tensor([0.9, 0.3, 0.6, 0.2]), torch.tensor([True, True, True, False])
    logs = [math.log(c) for c in mono.tolist()[:3]]
    expected = [(sum(logs) - log) / sum(logs) for log in logs] + [0]
    assert holo_confidence(mono, present).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("mono", [[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
def test_confidences_at_the_ends_give_no_nan(mono: list[float]) -> None:
    """As released, log(1) / (log(1) + 1e-8) is 0 and log(0) / log(0) NaN."""
    value = torch.tensor(mono, requires_grad=True)
    h = holo_confidence(value, BOTH)
    h.sum().backward()
    assert h.isfinite().all()
    assert value.grad is not None
    assert value.grad.isfinite().all()
    assert h.sum().item() == pytest.approx(1)


def test_relative_calibration_by_hand() -> None:
    """Distances from uniform .4 and .1: the less certain sense counts a quarter, the other in full."""
    probability = torch.tensor([[0.9, 0.1], [0.4, 0.6]])
    assert relative_calibration(probability, BOTH).tolist() == pytest.approx([1, 0.25])
    assert relative_calibration(probability, torch.tensor([False, True])).tolist() == [1, 1]
    assert relative_calibration(torch.full((2, 2), 0.5), BOTH).tolist() == [1, 1]


def pinned(confidence: list[float]) -> PDF:
    """A PDF of two senses whose mono-confidences are constants."""
    method = PDF(2, 3, FitSettings())
    last = method.confidence[2]
    torch.nn.init.zeros_(last.weight)
    last.bias.data = torch.tensor([math.log(c / (1 - c)) for c in confidence])
    return method


def beliefs(n: int) -> Beliefs:
    return Beliefs(torch.zeros(n, 2, 3), torch.zeros(n, 2, 1), torch.ones(n, 2, dtype=torch.bool))


def test_decision_by_hand() -> None:
    logits = torch.tensor([[[0.9, 0.1], [0.4, 0.6]]]).log()
    belief = [0.5 + 2 / 3, (0.25 + 1 / 3) * 0.25]
    w = 1 / (1 + math.exp(belief[1] - belief[0]))
    expected = (w * logits[0, 0] + (1 - w) * logits[0, 1]).log_softmax(-1)
    torch.testing.assert_close(pinned([0.5, 0.25]).decide(logits, beliefs(1))[0], expected)


def test_loss_by_hand() -> None:
    """Without the relative calibration, which is of the test alone."""
    logits = torch.tensor([[[0.9, 0.1], [0.4, 0.6]]]).log()
    data = Decisions(logits, beliefs(1), torch.tensor([0]), torch.tensor([0]))
    w = 1 / (1 + math.exp((0.25 + 1 / 3) - (0.5 + 2 / 3)))
    difference = w * math.log(9) + (1 - w) * math.log(4 / 6)
    expected = math.log(1 + math.exp(-difference)) - math.log(0.9) - math.log(0.4) + (0.9 - 0.5) + (0.4 - 0.25)
    assert pinned([0.5, 0.25]).loss(data, 0.0, torch.Generator()).item() == pytest.approx(expected)


def test_confidence_learns_the_probability_of_the_true_class_alone() -> None:
    """Neither cross-entropy nor the fused decision reach it: the gradient of its logit is the sign times c (1 - c)."""
    logits = torch.tensor([[[0.9, 0.1], [0.4, 0.6]]]).log()
    method = pinned([0.5, 0.75])
    data = Decisions(logits, beliefs(1), torch.tensor([0]), torch.tensor([0]))
    method.loss(data, 0.0, torch.Generator()).backward()
    gradient = method.confidence[2].bias.grad
    assert gradient.tolist() == pytest.approx([-0.25, 0.75 * 0.25])


def test_no_weight_is_more_than_e_squared_times_another() -> None:
    """Known fault: whatever the confidences, a destroyed sense keeps at least 12 % of two."""
    wrong, unsure = [9.0, 0.0], [0.0, 1.0]
    out = pinned([1e-6, 1 - 1e-6]).decide(torch.tensor([[wrong, unsure]]), beliefs(1))
    assert out.argmax() == 0
