"""Every head behind one interface: what all keep, and what each is by its formula."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.vla.heads import HEADS, DiffusionHead, FlowHead, HeadSizes, TokenHead
from smcrep.vla.heads.denoiser import waves
from smcrep.vla.heads.diffusion import signal_shares

SIZES = HeadSizes(width=16, horizon=2, num_actions=2, num_layers=1, heads=2)
EVERY = pytest.mark.parametrize("name", HEADS)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def problem(b: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Context of 3 tokens whose mean decides the actions, linearly; nothing is padding."""
    context = torch.randn(b, 3, SIZES.width, generator=rng(seed))
    actions = torch.tanh(context.mean(1)[:, :4]).view(b, 2, 2)
    return context, torch.ones(b, 3, dtype=torch.bool), actions, torch.zeros(b, 2, dtype=torch.bool)


def fitted(head: nn.Module, batch: tuple[Tensor, ...], steps: int, lr: float = 3e-3) -> None:
    optimiser = torch.optim.Adam(head.parameters(), lr)
    g = rng(5)
    for _ in range(steps):
        optimiser.zero_grad()
        head.loss(*batch, g).backward()
        optimiser.step()


@EVERY
def test_actions_have_the_shape_of_a_chunk_and_noise_is_an_argument(name: str) -> None:
    head, (context, visible, actions, _) = HEADS[name](SIZES), problem(5)
    assert head.act(context, visible, rng()).shape == actions.shape
    assert torch.equal(head.act(context, visible, rng(1)), head.act(context, visible, rng(1)))
    assert torch.equal(head.act(context, visible), head.act(context, visible))


@EVERY
def test_hidden_tokens_change_nothing(name: str) -> None:
    head, (context, visible, actions, is_pad) = HEADS[name](SIZES), problem(5)
    visible[:, 1] = False
    other = context.clone()
    other[:, 1] = 100.0
    assert torch.equal(
        head.loss(context, visible, actions, is_pad, rng()), head.loss(other, visible, actions, is_pad, rng())
    )
    assert torch.equal(head.act(context, visible, rng()), head.act(other, visible, rng()))


@EVERY
def test_the_loss_is_a_mean_over_what_is_no_padding(name: str) -> None:
    """Twice the batch is the same loss; a padded last step is the loss of the first step alone."""
    head, (context, visible, actions, is_pad) = HEADS[name](SIZES), problem(6)
    is_pad[:, 1] = True
    outcome = head.loss(context, visible, actions, is_pad, rng())
    assert outcome > 0
    if name in ("flow", "diffusion"):
        return  # noise of another batch is other noise
    twice = [torch.cat([x, x]) for x in (context, visible, actions, is_pad)]
    assert torch.allclose(head.loss(*twice), outcome)
    moved = actions.clone()
    moved[:, 1] = -moved[:, 1]
    assert torch.allclose(head.loss(context, visible, moved, is_pad), outcome)
    with pytest.raises(ValueError, match="every action is padding"):
        head.loss(context, visible, actions, torch.ones_like(is_pad))


@EVERY
def test_it_learns_what_the_context_says(name: str) -> None:
    """The context's answer comes back; that of another row does not."""
    batch = problem(48)
    head = HEADS[name](SIZES)
    fitted(head, batch, steps=250 if name == "diffusion" else 150, lr=6e-3)  # noise at 100 levels takes longer
    found = head.act(batch[0], batch[1], rng()).detach()
    error, chance = (found - batch[2]).square().mean(), (found.roll(1, 0) - batch[2]).square().mean()
    assert error < 0.25 * chance


@pytest.mark.parametrize("name", ["token", "flow", "diffusion"])
def test_heads_that_draw_keep_both_ways_round_an_obstacle(name: str) -> None:
    """Demonstrators go left or right, never straight on."""
    sizes = HeadSizes(width=16, horizon=1, num_actions=1, num_layers=1, heads=2)
    context = torch.ones(64, 1, 16)
    side = torch.where(torch.arange(64) % 2 == 0, -0.7, 0.7).view(64, 1, 1)
    batch = context, torch.ones(64, 1, dtype=torch.bool), side, torch.zeros(64, 1, dtype=torch.bool)
    head = HEADS[name](sizes)
    fitted(head, batch, steps=140, lr=1e-2)
    found = head.act(batch[0], batch[1], rng()).flatten()
    assert ((found.abs() - 0.7).abs() < 0.3).float().mean() > 0.8
    assert 0.2 < (found > 0).float().mean() < 0.8


def test_plain_heads_go_straight_on_there() -> None:
    sizes = HeadSizes(width=16, horizon=1, num_actions=1)
    context, visible = torch.ones(64, 1, 16), torch.ones(64, 1, dtype=torch.bool)
    side = torch.where(torch.arange(64) % 2 == 0, -0.7, 0.7).view(64, 1, 1)
    head = HEADS["tanh"](sizes)
    fitted(head, (context, visible, side, ~visible), steps=150, lr=1e-2)
    assert head.act(context, visible).abs().max() < 0.1


class Exact(nn.Module):
    """The velocity, or the noise, where every demonstration is the one chunk ``goal``."""

    def __init__(self, goal: Tensor, of: str) -> None:
        super().__init__()
        self.goal, self.of, self.share = goal, of, signal_shares()

    def forward(self, x: Tensor, time: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        time = time[:, None, None]
        if self.of == "flow":
            return (self.goal - x) / (1 - time)
        share = self.share[(time * 100).round().long()]
        return (x - share.sqrt() * self.goal) / (1 - share).sqrt()


def test_flow_with_the_exact_velocity_ends_at_the_goal_and_has_no_loss() -> None:
    head, (context, visible, actions, is_pad) = FlowHead(SIZES), problem(4)
    head.velocity = Exact(actions, "flow")
    assert torch.allclose(head.act(context, visible, rng()), actions, atol=1e-5)
    assert head.loss(context, visible, actions, is_pad, rng()) < 1e-6


def test_flow_loss_without_velocity_is_the_mean_square_of_the_straight_path() -> None:
    head, (context, visible, actions, is_pad) = FlowHead(SIZES), problem(4000)
    head.velocity = Exact(actions, "flow")
    head.velocity.forward = lambda x, *_: torch.zeros_like(x)  # type: ignore[method-assign]
    expected = 1 + actions.square().mean()  # E (a - e)^2
    assert head.loss(context, visible, actions, is_pad, rng()).item() == pytest.approx(expected.item(), rel=0.05)


def test_diffusion_with_the_exact_noise_ends_at_the_goal_and_has_no_loss() -> None:
    head, (context, visible, actions, is_pad) = DiffusionHead(SIZES), problem(4)
    head.noise = Exact(actions, "diffusion")
    assert torch.allclose(head.act(context, visible, rng()), actions, atol=1e-3)
    assert head.loss(context, visible, actions, is_pad, rng()) < 1e-6


def test_signal_shares_follow_the_cosine() -> None:
    share = signal_shares().double()

    def f(t: float) -> float:
        return math.cos((t / 100 + 0.008) / 1.008 * math.pi / 2) ** 2

    wanted = torch.tensor([f(t + 1) / f(0) for t in range(100)], dtype=torch.float64)
    assert torch.allclose(share[:-1], wanted[:-1], rtol=1e-4)
    assert share[-1] == pytest.approx(float(wanted[-2]) * 1e-3, rel=1e-3)  # the last beta is capped


def test_token_loss_is_the_cross_entropy_of_the_bins_written_out() -> None:
    head, (context, visible, actions, is_pad) = TokenHead(SIZES), problem(3)
    tokens = ((actions + 1) / 2 * 256).floor().long().flatten(1)
    total = 0.0
    for row in range(3):
        for place in range(4):
            before = tokens[row : row + 1, :place]
            logits = head.logits(context[row : row + 1], visible[row : row + 1], before)[0, -1]
            total -= logits.log_softmax(-1)[tokens[row, place]].item()
    assert head.loss(context, visible, actions, is_pad).item() == pytest.approx(total / 12, rel=1e-5)


def test_a_token_never_sees_those_behind_it() -> None:
    head, (context, visible, _, _) = TokenHead(SIZES), problem(2)
    a, b = torch.tensor([[5, 6, 7]] * 2), torch.tensor([[5, 6, 200]] * 2)
    assert torch.allclose(head.logits(context, visible, a)[:, :3], head.logits(context, visible, b)[:, :3], atol=1e-6)
    assert not torch.allclose(head.logits(context, visible, a)[:, 3], head.logits(context, visible, b)[:, 3], atol=1e-4)


def test_waves_tell_times_apart() -> None:
    found = waves(torch.tensor([0.0, 0.5, 1.0]), 8)
    assert torch.allclose(found[0], torch.cat([torch.zeros(8), torch.ones(8)]))
    assert found[1, 7] == pytest.approx(math.sin(2 * math.pi * 0.5 / 4), abs=1e-5)
    assert F.cosine_similarity(found[0], found[2], dim=0) < 0.95
