"""Contextual relevance: the product of Gaussians until it has learned, the sense that is asked for afterwards."""

import pytest
import torch

from smcrep.evaluation.fusion_planted import answered, asked_things, fitted_relevance
from smcrep.fusion.method import FitSettings
from smcrep.fusion.precision import precision_weighted
from smcrep.fusion.relevance import ContextualRelevance, fit_relevance
from smcrep.testing import assert_fusion_laws
from smcrep.transition import Beliefs


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def beliefs() -> Beliefs:
    g = generator()
    return Beliefs(torch.randn(6, 2, 3, generator=g), torch.randn(6, 2, 3, generator=g), torch.ones(6, 2).bool())


def test_before_it_learns_it_is_the_product() -> None:
    torch.testing.assert_close(ContextualRelevance(2, 4)(beliefs(), torch.randn(6, 4)), precision_weighted(beliefs()))


def test_weights_in_loops() -> None:
    rule, own, context = ContextualRelevance(2, 2), beliefs(), torch.tensor([[1.0, 0], [0, 1]] * 3)
    with torch.no_grad():
        rule.log_relevance.weight.copy_(torch.tensor([[1.0, -2], [0.5, 3]]))  # [sense, context]
        fused, _ = rule(own, context)
    for row in range(6):
        asked = row % 2
        relevance = [torch.tensor([1.0, 0.5]).exp(), torch.tensor([-2.0, 3]).exp()][asked]
        for d in range(3):
            share = [float(relevance[m] * own.log_precision[row, m, d].exp()) for m in range(2)]
            mean = sum(w * float(own.mean[row, m, d]) for m, w in enumerate(share)) / sum(share)
            assert float(fused[row, d]) == pytest.approx(mean, rel=1e-5, abs=1e-6)


def test_laws_in_one_context() -> None:
    """But those of a rule to which all senses are alike."""
    rule = ContextualRelevance(2, 2)
    with torch.no_grad():
        rule.log_relevance.weight.copy_(torch.tensor([[1.0, 0], [-0.5, 0]]))
    breaks = ("order_of_senses", "flat_case", "number_of_senses")
    assert_fusion_laws(rule.within(torch.tensor([1.0, 0.0])), num_senses=2, breaks=breaks)


def test_the_sense_that_is_asked_for_becomes_relevant() -> None:
    relevance = fitted_relevance(asked_things(20, 2000, generator()), generator(), steps=100)
    with torch.no_grad():
        log_relevance = relevance.log_relevance(torch.eye(2))
    assert float(log_relevance[0, 0] - log_relevance[0, 1]) > 1
    assert float(log_relevance[1, 1] - log_relevance[1, 0]) > 1
    found = answered(relevance, asked_things(20, 4000, generator(1)), 20)
    assert float((found["contextual"] - found["precision"]).mean()) > 0.1


def test_without_a_question_nothing_is_gained() -> None:
    """Control: the question is drawn anew, so the context says nothing of what is relevant."""
    data = asked_things(20, 2000, generator())
    shuffled = data.context[torch.randperm(2000, generator=generator())]
    rule = ContextualRelevance(2, 2)
    settings = FitSettings(lr=2e-2, steps=100, batch=256)
    fit_relevance(rule, data.beliefs, shuffled, data.answer, settings, generator=generator())
    found = answered(rule, asked_things(20, 4000, generator(1)), 20)
    assert abs(float((found["contextual"] - found["precision"]).mean())) < 0.05


def test_contexts_that_do_not_fit_are_refused() -> None:
    data = asked_things(4, 10, generator())
    with pytest.raises(ValueError, match=r"10 beliefs, 9 contexts, 10 labels; give one"):
        fit_relevance(
            ContextualRelevance(2, 2), data.beliefs, data.context[1:], data.answer, FitSettings(), generator=generator()
        )
