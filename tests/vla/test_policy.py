"""Policies: three ways to fuse, any head; absent sources, padding and units."""

import pytest
import torch

from smcrep.vla.heads import HEADS
from smcrep.vla.policy import FUSIONS, Policy, Sources

LOW, HIGH = torch.tensor([-2.0, 10.0]), torch.tensor([2.0, 30.0])


def sources(b: int = 6, seed: int = 0) -> Sources:
    g = torch.Generator().manual_seed(seed)
    data = {"cloud": torch.randn(b, 5, generator=g), "words": torch.randn(b, 2, 3, generator=g)}
    return Sources(data, {"cloud": torch.ones(b, dtype=torch.bool)})


def policy(fusion: str = "transformer", head: str = "tanh", horizon: int = 3) -> Policy:
    return Policy(
        {"cloud": 5, "words": 3}, LOW, HIGH, horizon=horizon, fusion=fusion, head=head, width=16, num_tokens=3
    )  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_fusion_feeds_every_head_in_range(fusion: str, head: str) -> None:
    model, generator = policy(fusion, head), torch.Generator().manual_seed(0)
    found = model.act(sources(), generator)
    assert found.shape == (6, 3, 2)
    assert (found >= LOW).all()
    assert (found <= HIGH).all()
    loss = model.loss(sources(), found.detach(), torch.zeros(6, 3, dtype=torch.bool), generator)
    loss.backward()
    assert all(p.grad is not None for p in model.tokens.parameters())


@pytest.mark.parametrize("fusion", FUSIONS)
def test_what_stands_in_an_absent_source_reaches_nothing(fusion: str) -> None:
    model, given = policy(fusion), sources()
    absent = torch.tensor([True, False, True, False, True, False])
    wild = given.data | {"cloud": torch.where(absent[:, None], given.data["cloud"], torch.nan)}
    a, b = (model.act(Sources(data, {"cloud": absent})) for data in (given.data, wild))
    assert torch.equal(a, b)
    assert a.isfinite().all()
    assert not torch.allclose(a[1], model.act(given)[1], atol=1e-4)  # present, it counts
    loss = model.loss(Sources(wild, {"cloud": absent}), torch.zeros(6, 3, 2), torch.zeros(6, 3, dtype=torch.bool))
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("fusion", ["attention", "transformer"])
def test_all_sources_may_be_absent(fusion: str) -> None:
    nowhere = {name: torch.zeros(6, dtype=torch.bool) for name in ("cloud", "words")}
    found = policy(fusion).act(Sources(sources().data, nowhere))
    assert found.isfinite().all()
    assert torch.allclose(found, found[:1].expand_as(found))  # nothing tells them apart


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_loss_uses_each_source(fusion: str) -> None:
    """The answer is a number of the cloud plus one of the second word."""
    torch.manual_seed(0)
    model, given = policy(fusion, horizon=1), sources(64)
    answer = (given.data["cloud"][:, 0] + given.data["words"][:, 1, 2]).clamp(-2, 2)
    actions = torch.stack([answer, torch.full_like(answer, 20.0)], -1)[:, None]
    optimiser, is_pad = torch.optim.Adam(model.parameters(), 1e-2), torch.zeros(64, 1, dtype=torch.bool)
    for _ in range(100):
        optimiser.zero_grad()
        model.loss(given, actions, is_pad).backward()
        optimiser.step()
    error = (model.act(given)[:, 0, 0] - answer).square().mean()
    assert error < 0.15 * answer.var()


@pytest.mark.parametrize("head", HEADS)
def test_padding_of_any_content_changes_no_loss(head: str) -> None:
    model = policy(head=head)
    actions, is_pad = torch.rand(6, 3, 2) * 3 + LOW, torch.zeros(6, 3, dtype=torch.bool)
    is_pad[:, 2] = True
    wild = torch.where(is_pad[..., None], torch.nan, actions)
    losses = [model.loss(sources(), a, is_pad, torch.Generator().manual_seed(3)) for a in (actions, wild)]
    assert torch.equal(*losses)
    losses[1].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_the_loss_of_the_plain_head_is_on_the_scale_of_the_range() -> None:
    """An action at the top of the range is 1, at its middle 0."""
    model = policy()
    torch.nn.init.zeros_(model.head.layers[2].weight)
    torch.nn.init.zeros_(model.head.layers[2].bias)
    actions = torch.stack([LOW, (LOW + HIGH) / 2, HIGH + 5])[None].expand(6, -1, -1)
    loss = model.loss(sources(), actions, torch.zeros(6, 3, dtype=torch.bool))
    assert loss.item() == pytest.approx(2 / 3)
    assert torch.allclose(model.act(sources()), (LOW + HIGH) / 2)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="'words' is missing"):
        policy().act(Sources({"cloud": torch.zeros(2, 5)}, {}))
    with pytest.raises(ValueError, match="choose of early"):
        policy("late")
    with pytest.raises(ValueError, match="low below high"):
        Policy({"cloud": 5}, HIGH, LOW, horizon=1)
    with pytest.raises(ValueError, match="no source"):
        Policy({}, LOW, HIGH, horizon=1)
    with pytest.raises(ValueError, match="built for 2"):
        Policy({"cloud": 5, "words": 3}, LOW, HIGH, horizon=1, fusion="early").act(sources())
