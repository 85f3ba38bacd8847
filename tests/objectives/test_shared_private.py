"""The split's terms are CLIP, NT-Xent and the penalty of the right numbers; the penalty equals its formula in loops."""

import math
from dataclasses import replace

import pytest
import torch

from smcrep.objectives import SharedPrivateWeights, clip, nt_xent, soft_orthogonality
from smcrep.testing import assert_objective_laws
from smcrep.testing.objectives import synthetic_observed
from tests import laws


def test_penalty_equals_its_formula_in_loops() -> None:
    shared, private = laws.embeddings(n=6, d=3)[0], laws.embeddings(n=6, d=4, seed=1)[0]

    def rows(x: torch.Tensor) -> list[list[float]]:
        means = [sum(float(row[j]) for row in x) / len(x) for j in range(x.shape[1])]
        centred = [[float(row[j]) - means[j] for j in range(x.shape[1])] for row in x]
        lengths = [math.sqrt(sum(number**2 for number in row)) for row in centred]
        return [[number / length for number in row] for row, length in zip(centred, lengths, strict=True)]

    s, p = rows(shared), rows(private)
    total = 0.0
    for j in range(3):
        for k in range(4):
            total += sum(s[i][j] * p[i][k] for i in range(6)) ** 2
    assert float(soft_orthogonality(shared, private).total) == pytest.approx(total / 36)
    leaves = (shared.clone().requires_grad_(), private.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: soft_orthogonality(a, b).total, leaves)


def test_penalty_by_hand() -> None:
    """One direction each, of the same signs: 1; of signs that agree as often as not: 0; half of the rows: 1 / 4."""
    signs = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
    x = signs * torch.tensor([[3.0, 0.0]])
    assert float(soft_orthogonality(x, 5 * signs).total) == pytest.approx(1)
    assert float(soft_orthogonality(x, torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])).total) == pytest.approx(0)
    half = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])  # of 4 rows, 2 along the first axis
    single = torch.tensor([[1.0], [0.0], [-1.0], [0.0]])  # rows at the mean have no direction and count as 0
    assert float(soft_orthogonality(half, single).total) == pytest.approx(1 / 4)


@pytest.mark.parametrize("law", [laws.finite_gradient, laws.ignores_batch_order, laws.symmetric, laws.ignores_rotation])
def test_penalty_keeps_the_laws(law) -> None:
    law(soft_orthogonality)


def test_penalty_of_independent_parts_is_one_over_n() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = [
        float(soft_orthogonality(*torch.randn(2, 50, 5, generator=generator, dtype=torch.float64)).total)
        for _ in range(300)
    ]
    assert sum(draws) / 300 == pytest.approx(1 / 50, rel=0.08)


def test_keeps_the_laws_of_objectives_with_the_value_of_a_constant() -> None:
    assert_objective_laws(SharedPrivateWeights(private=0.5), at_constant=math.log(5) + 0.5 * math.log(9))


def test_terms_are_of_the_shared_and_of_the_private_numbers() -> None:
    """3 of 4 invariant numbers shared; zeros stand for the private one where they are aligned."""
    weights = SharedPrivateWeights(
        0.75,
        private=0.3,
        orthogonality=2.0,
        orthogonality_of_shared=0.5,
        shared_temperature=0.2,
        private_temperature=0.4,
    )
    given = synthetic_observed()
    z = {sense: given.latents()[sense].detach()[..., :4] for sense in ("first", "second")}
    shared = {sense: given.project(x * torch.tensor([1, 1, 1, 0])) for sense, x in z.items()}
    private = {sense: given.project(x) for sense, x in z.items()}
    wanted = {
        "shared/first>second": sum(clip(shared["first"][:, i], shared["second"][:, i], 0.2).total for i in range(4)) / 4
    }
    for sense in z:
        pairs = [(private[sense][:, i], private[sense][:, (i + 1) % 4]) for i in range(4)]
        wanted[f"private/{sense}"] = sum(nt_xent(a, b, 0.4).total for a, b in pairs) / 4
        rows = z[sense].flatten(0, 1)
        wanted[f"orthogonality/{sense}"] = soft_orthogonality(rows[:, :3], rows[:, 3:]).total
    found = weights.loss(given)
    assert found.parts.keys() == wanted.keys()
    for name, value in wanted.items():
        assert float(found.parts[name]) == pytest.approx(float(value)), name
    own = {
        group: [float(v) for k, v in wanted.items() if k.startswith(group)] for group in ("shared", "private", "orth")
    }
    total = own["shared"][0] + 0.3 * sum(own["private"]) / 2 + 2.5 * sum(own["orth"]) / 2
    assert float(found.total.detach()) == pytest.approx(total)
    assert weights.fused_only() is None


@pytest.mark.parametrize(
    ("weights", "moves_shared"),
    [
        ({"private": 1e9}, False),
        ({"orthogonality": 1e9}, False),
        ({"orthogonality_of_shared": 1e9}, True),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_each_weight_moves_its_own_part(weights: dict[str, float], moves_shared: bool) -> None:
    given = synthetic_observed()
    none = {"private": 0.0, "orthogonality": 0.0, "orthogonality_of_shared": 0.0}
    total = SharedPrivateWeights(**(none | weights)).loss(given).total / 1e9
    (gradient,) = torch.autograd.grad(total, given.beliefs.mean)
    shared, private = (gradient[..., part].abs().max() for part in (slice(0, 2), slice(2, 4)))
    moved, still = (shared, private) if moves_shared else (private, shared)
    assert moved > 1e-4
    assert still < 1e-7  # what the shared contrast leaves of itself beside a weight of 1e9
    assert not gradient[..., 4:].any()  # the equivariant part


def test_refuses_an_empty_part_and_a_single_sense() -> None:
    given = synthetic_observed()
    with pytest.raises(ValueError, match=r"share is 0.1, so that 0 of 4 numbers are shared; leave at least 1"):
        SharedPrivateWeights(share=0.1).loss(given)
    beliefs = replace(given.beliefs[:, :, :1], names=("first",))
    with pytest.raises(ValueError, match="shared_private: the model has the sense first alone"):
        SharedPrivateWeights().loss(replace(given, beliefs=beliefs))
