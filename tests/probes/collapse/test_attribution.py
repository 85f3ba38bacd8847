"""Attributions of functions whose integrals are known, completeness, and captum's own GradientSHAP."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smcrep.probes.collapse.adapter import Classifier, KeywordModel
from smcrep.probes.collapse.attribution import gradient_shap, integrated_gradients, shares


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def product() -> tuple[KeywordModel, dict[str, Tensor]]:
    model = KeywordModel(lambda a, b, c: a * b + 3 * a + 0 * c, lambda y, batch: -y, signals=("a", "b", "c"))
    return model, {name: normal(i, 40, 1) for i, name in enumerate("abc")}


def test_a_product_is_split_evenly_from_zero_and_a_line_is_its_own() -> None:
    """f = a b + 3 a from 0: integral of b t a dt = a b / 2 each, and 3 a to a."""
    model, batch = product()
    zero = {name: torch.zeros_like(x) for name, x in batch.items()}
    found = integrated_gradients(model, batch, zero)
    a, b = batch["a"][:, 0].numpy(), batch["b"][:, 0].numpy()
    np.testing.assert_allclose(found["a"], a * b / 2 + 3 * a, atol=1e-5)
    np.testing.assert_allclose(found["b"], a * b / 2, atol=1e-5)
    assert not found["c"].any()
    assert shares(found)["c"].value == 0
    assert sum(s.value for s in shares(found).values()) == pytest.approx(1)


def network() -> tuple[Classifier, dict[str, Tensor]]:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 3))
    model = Classifier(lambda camera, action: layers(torch.cat([camera, action], -1)), ("camera", "action"))
    return model, {"camera": normal(0, 30, 3), "action": normal(1, 30, 2), "label": torch.arange(30) % 3}


def test_integrated_gradients_are_complete() -> None:
    model, batch = network()
    baseline = {name: batch[name].roll(1, 0) for name in model.signals}
    found = integrated_gradients(model, batch, baseline)
    with torch.no_grad():
        gained = (model.score(batch, {}) - model.score(batch, baseline)).numpy()
    np.testing.assert_allclose(sum(found.values()), gained, atol=1e-4)


def test_gradient_shap_is_complete_in_the_mean_and_agrees_with_captum() -> None:
    from captum.attr import GradientShap

    model, batch = network()
    rows = {name: batch[name][:8] for name in model.signals}
    found = gradient_shap(model, batch, rows, generator=torch.Generator().manual_seed(0), num_samples=700)
    with torch.no_grad():
        mean = np.mean(
            [model.score(batch, {n: x[i].expand_as(batch[n]) for n, x in rows.items()}) for i in range(8)], 0
        )
        np.testing.assert_allclose(sum(found.values()), model.score(batch, {}).numpy() - mean, atol=0.07)

    def forward(camera: Tensor, action: Tensor, label: Tensor) -> Tensor:
        return model.score({"camera": camera, "action": action, "label": label}, {})

    np.random.seed(0)  # noqa: NPY002
    theirs = GradientShap(forward).attribute(
        (batch["camera"], batch["action"]), baselines=(rows["camera"], rows["action"]), n_samples=700,
        stdevs=0.0, additional_forward_args=batch["label"],
    )  # fmt: skip
    for name, value in zip(model.signals, theirs, strict=True):
        np.testing.assert_allclose(found[name], value.sum(1).numpy(), atol=0.08)


def test_of_a_linear_score_every_method_gives_the_weight_times_the_way() -> None:
    model = KeywordModel(lambda a, b: 2 * a - b, lambda y, batch: -y, signals=("a", "b"))
    batch, rows = {"a": normal(0, 9, 1), "b": normal(1, 9, 1)}, {"a": torch.ones(1, 1), "b": torch.zeros(1, 1)}
    found = gradient_shap(model, batch, rows, generator=torch.Generator().manual_seed(0), num_samples=3)
    np.testing.assert_allclose(found["a"], 2 * (batch["a"][:, 0].numpy() - 1), atol=1e-6)
    np.testing.assert_allclose(found["b"], -batch["b"][:, 0].numpy(), atol=1e-6)


def test_what_has_no_gradient_and_what_moves_nothing_is_refused() -> None:
    model, batch = product()
    with pytest.raises(ValueError, match="'c' needs values and a baseline"):
        integrated_gradients(model, batch, {"a": batch["a"], "b": batch["b"]})
    with pytest.raises(ValueError, match="no signal moves the score"):
        shares({"a": np.zeros(3), "b": np.zeros(3)})
