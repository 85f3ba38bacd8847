"""Scores of the adapters equal those of the models by hand; what is no row-wise score of a known signal is refused."""

import pytest
import torch
from torch import Tensor, nn

from smcrep.probes.collapse.adapter import Batch, Classifier, Contrastive, KeywordModel, LatentPredictor, Policy
from smcrep.probes.collapse.replacement import drop


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Adds(nn.Module):
    def forward(self, a: Tensor, b: Tensor, sign: Tensor) -> Tensor:
        return sign * (a + 0 * b)


def squared(output: Tensor, batch: Batch) -> Tensor:
    return (output - batch["target"]).square()


def test_keyword_model_scores_minus_the_loss_of_each_row() -> None:
    a, b = normal(5, 3), normal(5, 3, seed=1)
    batch = {"a": a, "b": b, "sign": torch.ones(5, 1), "target": a + 1}
    model = KeywordModel(Adds(), squared, signals=("a", "b"), inputs=("a", "b", "sign"))
    assert model.score(batch, {}) == pytest.approx(-torch.ones(5))
    assert model.score(batch, {"a": a + 2}) == pytest.approx(-torch.ones(5))
    assert model.score(batch, {"a": a + 3}) == pytest.approx(-4 * torch.ones(5))
    assert drop(model, batch, {"b": b + 9}) == pytest.approx(torch.zeros(5))
    assert drop(model, batch, {"a": a + 3}) == pytest.approx(3 * torch.ones(5))
    assert batch["a"] is a


def test_latent_predictor_compares_the_predicted_with_the_observed_next_latent() -> None:
    state, action = normal(6, 4), normal(6, 4, seed=1)
    batch = {"camera": state, "action": action, "camera_next": state + action}
    model = LatentPredictor(
        encode=lambda senses: 2 * senses["camera"],
        predict=lambda latent, conditions: latent + 2 * conditions["action"],
        senses=("camera",),
        conditions=("action",),
    )
    assert model.signals == ("camera", "action")
    assert model.score(batch, {}) == pytest.approx(torch.ones(6).double())
    turned = model.score(batch, {"action": action.roll(1, 0)})
    by_hand = torch.cosine_similarity(state + action.roll(1, 0), state + action)
    assert turned == pytest.approx(by_hand.double(), abs=1e-6)
    away = model.score(batch, {"camera": torch.zeros(6, 4)})  # the observation after stays
    assert away == pytest.approx(torch.cosine_similarity(action, state + action).double(), abs=1e-6)


def test_policy_scores_minus_the_mean_error_in_units_of_the_scale() -> None:
    batch = {"camera": normal(4, 2), "text": normal(4, 2, seed=1), "action": torch.zeros(4, 7, 2)}
    policy = Policy(
        act=lambda seen: (1 + seen["text"][:, None]).expand(-1, 7, -1),
        signals=("camera", "text"),
        scale=torch.tensor([1.0, 4.0]),
    )
    silent = policy.score(batch, {"text": torch.zeros(4, 2)})
    assert silent == pytest.approx(torch.full((4,), -(1 + 1 / 4) / 2))
    assert drop(policy, batch, {"camera": batch["camera"] + 1}) == pytest.approx(torch.zeros(4))


def test_classifier_scores_the_log_probability_of_the_true_class() -> None:
    logits, label = normal(5, 3), torch.tensor([0, 2, 1, 1, 0])
    model = Classifier(lambda camera, text: camera + 0 * text, signals=("camera", "text"))
    batch = {"camera": logits, "text": normal(5, 3, seed=1), "label": label}
    by_hand = [float(row[i] - row.double().exp().sum().log()) for row, i in zip(logits, label, strict=True)]
    assert model.score(batch, {}).tolist() == pytest.approx(by_hand, abs=1e-6)
    flat = model.score(batch, {"camera": torch.zeros(5, 3)})
    assert flat == pytest.approx(torch.full((5,), -1.0986123).double())


def test_contrastive_scores_the_own_candidate_over_the_mean_of_the_others() -> None:
    candidates = torch.eye(4).expand(6, 4, 4)
    model = Contrastive(lambda given: given["action"], signals=("action",))
    batch = {"action": 7 * candidates[:, 0], "candidates": candidates}
    assert model.score(batch, {}) == pytest.approx(torch.ones(6).double())
    assert model.score(batch, {"action": candidates[:, 1]}) == pytest.approx(torch.full((6,), -1 / 3).double())
    assert model.score(batch, {"action": torch.ones(6, 4)}) == pytest.approx(torch.zeros(6).double(), abs=1e-7)


def test_names_shapes_and_losses_that_do_not_fit_are_refused() -> None:
    batch = {"a": normal(5, 3), "b": normal(5, 3), "target": normal(5, 3)}
    model = KeywordModel(lambda a, b: a + b, squared, signals=("a", "b"))
    with pytest.raises(ValueError, match="'target' is no signal"):
        model.score(batch, {"target": batch["target"]})
    with pytest.raises(ValueError, match=r"give the shape \[5, 3\]"):
        model.score(batch, {"a": normal(4, 3)})
    averaged = KeywordModel(lambda a, b: a + b, lambda output, batch: output.mean(), signals=("a", "b"))
    with pytest.raises(ValueError, match="one value a row"):
        averaged.score(batch, {})
