"""EMAP keeps what is added and nothing else: XOR has no additive part, a sum is all of it."""

import numpy as np
import pytest
import torch

from smcrep.probes.collapse.additive import crossed_outputs, emap, interaction_gain, interaction_share

A = torch.tensor([0, 0, 1, 1] * 10)
B = torch.tensor([0, 1, 0, 1] * 10)


def crossed(logit, a: torch.Tensor = A, b: torch.Tensor = B) -> np.ndarray:
    """Outputs of a model whose logit of class 1 is logit(a, b), and of class 0 is 0."""

    def predict(batch):
        second = logit(batch["a"].double(), batch["b"].double())
        return torch.stack([torch.zeros_like(second), second], 1)

    return crossed_outputs(predict, {"a": a, "b": b}, "a", num_rows=len(a)).numpy()


def test_the_first_axis_is_the_row_of_the_signal_and_the_second_that_of_the_rest() -> None:
    a, b = torch.arange(3.0), 10 * torch.arange(3.0)
    assert crossed(lambda a, b: a + b, a, b)[2, 1, 1] == 2 + 10


def test_a_sum_is_its_own_additive_part() -> None:
    f = crossed(lambda a, b: 3 * a - b**2 + 1)
    assert emap(f) == pytest.approx(f[range(40), range(40)])
    assert interaction_gain(f, (A.numpy() > 0).astype(int)).value == 0


def test_xor_has_no_additive_part() -> None:
    f = crossed(lambda a, b: (2 * a - 1) * (1 - 2 * b))
    assert emap(f) == pytest.approx(np.zeros((40, 2)), abs=1e-12)
    found = interaction_gain(f, (A ^ B).numpy())
    assert found.value == pytest.approx(0.5)  # right in every row, its additive part at chance: ties count half


def test_it_is_the_nearest_additive_function_in_least_squares() -> None:
    """Fitted with one free number for each row of either signal."""
    f = np.random.default_rng(0).normal(size=(5, 5, 2))
    i, j = (x.ravel() for x in np.indices((5, 5)))
    design = np.concatenate([np.eye(5)[i], np.eye(5)[j]], 1)
    fitted = design @ np.linalg.lstsq(design, f.reshape(25, 2), rcond=None)[0]
    assert emap(f) == pytest.approx(fitted.reshape(5, 5, 2)[range(5), range(5)])


def test_too_many_rows_and_half_a_table_are_refused() -> None:
    with pytest.raises(ValueError, match="2 to 500"):
        crossed_outputs(lambda batch: batch["a"], {"a": A}, "a", num_rows=501)
    with pytest.raises(ValueError, match="every pair"):
        emap(np.zeros((3, 2, 2)))


def test_interaction_share_is_that_of_the_variance() -> None:
    """Of u + w v with u, v of mean 0 and variance 1: w^2 / (1 + w^2); what the rest does alone does not count."""
    rng = np.random.default_rng(0)
    u, v = ((x - x.mean()) / x.std() for x in rng.standard_normal((2, 40)))
    rest = 5 * v[None, :, None]
    for w in (0.0, 0.5, 2.0):
        f = (u[:, None] + w * u[:, None] * v[None])[..., None] + rest
        assert interaction_share(f) == pytest.approx(w**2 / (1 + w**2), abs=1e-9)
    assert interaction_share(np.repeat(rest, 40, 0)) is None
