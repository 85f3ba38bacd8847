"""Late fusion of decisions by hand."""

import math

import pytest
import torch

from smcrep.fusion.baselines.late_fusion import BestSingle, MeanLogProbability, MeanProbability
from smcrep.fusion.method import Decisions
from smcrep.transition import Beliefs


def beliefs(present: list[list[bool]]) -> Beliefs:
    there = torch.tensor(present)
    return Beliefs(torch.zeros(*there.shape, 1), torch.zeros(*there.shape, 1), there)


LOGITS = torch.tensor([[[0.9, 0.1], [0.2, 0.8]]]).log()  # the logits of these probabilities


def test_mean_of_probabilities_by_hand() -> None:
    out = MeanProbability().decide(LOGITS, beliefs([[True, True]]))
    assert out.exp()[0].tolist() == pytest.approx([0.55, 0.45])
    alone = MeanProbability().decide(LOGITS, beliefs([[False, True]]))
    assert alone.exp()[0].tolist() == pytest.approx([0.2, 0.8])


def test_mean_of_log_probabilities_by_hand() -> None:
    out = MeanLogProbability().decide(LOGITS, beliefs([[True, True]]))
    first, second = math.sqrt(0.9 * 0.2), math.sqrt(0.1 * 0.8)
    assert out.exp()[0].tolist() == pytest.approx([first / (first + second), second / (first + second)])


def test_logits_need_not_be_normalised() -> None:
    moved = LOGITS + torch.tensor([3.0, -7.0])[:, None]
    for method in (MeanProbability(), MeanLogProbability()):
        both = beliefs([[True, True]])
        torch.testing.assert_close(method.decide(moved, both), method.decide(LOGITS, both))


def test_one_sense_vetoes_in_the_geometric_mean_alone() -> None:
    logits = torch.tensor([[[0.0, 0.0], [0.0, -50.0]]])
    both = beliefs([[True, True]])
    assert MeanLogProbability().decide(logits, both).exp()[0, 1] < 1e-10
    assert MeanProbability().decide(logits, both).exp()[0, 1].item() == pytest.approx(0.25)


def test_the_best_single_sense_is_taken_where_it_is_present() -> None:
    """Sense 1 is always right, sense 2 always wrong, sense 0 right in one of two."""
    right, wrong = [5.0, 0.0], [0.0, 5.0]
    logits = torch.tensor([[right, right, wrong], [wrong, right, wrong]])
    data = Decisions(logits, beliefs([[True] * 3] * 2), torch.tensor([0, 0]), torch.arange(2))
    method = BestSingle(3)
    method.prepare(data)
    assert method.order.tolist() == [1, 0, 2]
    asked = torch.tensor([[[1.0, 0], [2, 0], [3, 0]]]).expand(3, 3, 2)
    out = method.decide(asked, beliefs([[True, True, True], [True, False, True], [False, False, True]]))
    torch.testing.assert_close(out, torch.tensor([[2.0, 0], [1, 0], [3, 0]]).log_softmax(-1))


def test_accuracy_counts_present_rows_alone() -> None:
    """Sense 0 is right in its one row; sense 1 in two of three."""
    right, wrong = [5.0, 0.0], [0.0, 5.0]
    logits = torch.tensor([[right, right], [wrong, right], [wrong, wrong]])
    present = beliefs([[True, True], [False, True], [False, True]])
    method = BestSingle(2)
    method.prepare(Decisions(logits, present, torch.tensor([0, 0, 0]), torch.arange(3)))
    assert method.order.tolist() == [0, 1]
