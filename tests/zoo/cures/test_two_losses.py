"""How the gradient of an added loss is joined to the task's: on planted gradients, and in the training of a stack."""

from typing import Any

import pytest
import torch

from smcrep.zoo import Knobs, Schedule, Specimen, make_world, stacked
from smcrep.zoo.cures import CURES, Patient, Step, treat
from smcrep.zoo.cures.inverse_min_norm import pareto_shares
from smcrep.zoo.cures.inverse_upgrad import upgrad_shares
from smcrep.zoo.cures.two_losses import TwoGradients
from smcrep.zoo.network import Architecture
from smcrep.zoo.world import draw

WEIGHED = ("inverse_kendall", "inverse_min_norm", "inverse_upgrad")
ANGLES = torch.linspace(0, torch.pi, 9, dtype=torch.float64)[1:-1]


def pairs() -> torch.Tensor:
    """float64 [m, 2, 2]: two gradients of the plane at angles from sharp to blunt, the second three times as long."""
    second = 3 * torch.stack([ANGLES.cos(), ANGLES.sin()], -1)
    return torch.stack([torch.tensor([1.0, 0.0], dtype=torch.float64).expand_as(second), second], 1)


def test_min_norm_lowers_both_losses_alike_where_they_conflict_and_sums_elsewhere() -> None:
    g = pairs()
    shares = pareto_shares(g @ g.mT)
    conflict = (g[:, 0] * g[:, 1]).sum(-1) < -1e-9
    assert 2 < int(conflict.sum()) < 6
    assert torch.equal(shares[~conflict], torch.ones_like(shares[~conflict]))
    for own, h in zip(g[conflict], torch.einsum("mi,mid->md", shares, g)[conflict], strict=True):
        fall = own @ h
        assert float(fall[0]) == pytest.approx(float(fall[1]))
        assert float(fall[0]) > 0
        shortest = 2 * min((a * own[0] + (1 - a) * own[1]).norm() for a in torch.linspace(0, 1, 10001))
        assert float(h.norm()) == pytest.approx(float(max(shortest, own.sum(0).norm())), rel=1e-5)


def test_upgrad_is_the_sum_of_both_gradients_each_without_what_raises_the_other_loss() -> None:
    g = pairs()
    found = torch.einsum("mi,mid->md", upgrad_shares(100 * g @ g.mT), g)
    for (first, second), h in zip(g, found, strict=True):
        c = min(0.0, float(first @ second))
        by_hand = first - c * second / second.square().sum() + second - c * first / first.square().sum()
        assert torch.allclose(h, by_hand, atol=1e-2)
        assert float((g[0, 0] @ h).clamp(max=0)) == pytest.approx(0, abs=1e-2)


def test_a_weight_that_one_loss_alone_enters_keeps_its_gradient() -> None:
    one, two = torch.ones(3, 2), torch.full((3, 2), 5.0)
    task, added = {"both": one, "mine": one, "head": None}, {"both": two, "mine": None, "head": two}
    gradients = TwoGradients(task, added)
    assert gradients.products()[0].tolist() == [[2, 10], [10, 50]]
    mixed = gradients.mixed(torch.tensor([[1.0, 2.0]] * 3), torch.tensor([1.0, 1.0, 0.0]))
    assert mixed["both"][:, 0].tolist() == [11, 11, 1]
    assert mixed["mine"][:, 0].tolist() == [1, 1, 1]
    assert mixed["head"][:, 0].tolist() == [5, 5, 0]


def step_of(strength: list[float]) -> Step:
    drawn = torch.Generator().manual_seed(1)
    specimens = tuple(Specimen() for _ in strength)
    return Step(
        0.5, 0, torch.tensor(strength), draw(2, 2, drawn), make_world(drawn),
        Architecture("concat", "regression"), stacked(specimens), drawn,
    )  # fmt: skip


def planted_losses(learned: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """[m, b] each; the gradients in w are (2, 0) and (-1, 3): they conflict."""
    w = learned["w"]
    task = (2 * w[:, :1]).expand(-1, 4) + 1
    added = (-w[:, :1] + 3 * w[:, 1:]).expand(-1, 4) + 2 * learned["inverse.0.weight"]
    return task, added


@pytest.mark.parametrize("name", WEIGHED)
def test_off_is_the_task_alone_and_on_is_not(name: str) -> None:
    learned: dict[str, Any] = {"w": torch.zeros(2, 2), "inverse.0.weight": torch.zeros(2, 1)}
    learned |= {"log_variance": torch.zeros(2, 2)} if name == "inverse_kendall" else {}
    learned = {n: value.requires_grad_() for n, value in learned.items()}
    task, added = planted_losses(learned)
    slopes = CURES[name].slopes(task, added, learned, step_of([0.0, 1.0]))
    assert slopes["w"][0].tolist() == [2, 0]
    assert slopes["inverse.0.weight"].squeeze().tolist()[0] == 0
    assert slopes["inverse.0.weight"].squeeze().tolist()[1] > 0
    fall = slopes["w"][1] @ torch.tensor([[2.0, -1.0], [0.0, 3.0]])
    assert fall.min() > -1e-2 or name == "inverse_kendall"


def test_kendall_halves_both_losses_at_first_and_pulls_the_variance_to_the_loss() -> None:
    learned = {"w": torch.zeros(1, 2), "inverse.0.weight": torch.zeros(1, 1), "log_variance": torch.zeros(1, 2)}
    learned = {n: value.requires_grad_() for n, value in learned.items()}
    task, added = planted_losses(learned)
    slopes = CURES["inverse_kendall"].slopes(task, added, learned, step_of([1.0]))
    assert slopes["w"][0].tolist() == [0.5, 1.5]  # ((2, 0) + (-1, 3)) / 2
    assert slopes["log_variance"][0].tolist() == [0, 0.5]  # (1 - L) / 2 of L = 1 and L = 0


def test_the_plain_head_weighs_its_loss_by_the_strength() -> None:
    learned = {"w": torch.zeros(2, 2).requires_grad_(), "inverse.0.weight": torch.zeros(2, 1).requires_grad_()}
    task, added = planted_losses(learned)
    slopes = CURES["inverse"].slopes(task, added, learned, step_of([0.1, 0.3]))
    assert torch.allclose(slopes["w"], torch.tensor([[1.9, 0.3], [1.7, 0.9]]))
    assert torch.allclose(slopes["inverse.0.weight"], torch.tensor([[0.2], [0.6]]))


@pytest.mark.parametrize("name", WEIGHED)
def test_one_model_of_a_stack_does_not_feel_the_other(name: str) -> None:
    """The second model of the stack is another one: the first ends in the same weights."""
    architecture, world = Architecture("concat", "regression"), make_world(torch.Generator().manual_seed(5))
    ends = []
    for gain in (1.0, 1e-3):
        specimens = [Specimen(), Specimen(knobs={"action": Knobs(gain=gain)})]
        cases = [(Patient("healthy", specimen, specimen), 1.0) for specimen in specimens]
        drawn = torch.Generator().manual_seed(6)
        ends.append(treat(CURES[name], cases, "action", architecture, world, Schedule(steps=12), drawn).parameters)
    for weight, other in ((a, ends[1][n]) for n, a in ends[0].items()):
        assert torch.allclose(weight[0], other[0], atol=1e-6)
    assert not torch.allclose(ends[0]["trunk.weight"][1], ends[1]["trunk.weight"][1], atol=1e-3)
