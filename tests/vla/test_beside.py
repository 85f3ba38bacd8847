"""Tokens beside a frozen tower of transformers: masked they change nothing at all, present they count and learn."""

import pytest
import torch
from torch import nn

from smcrep.vla.beside import Connector, beside, decoder_tower, mean_norm
from smcrep.vla.heads import HeadSizes, TanhHead
from smcrep.vla.policy import Sources
from smcrep.vla.source_dropout import token_norms

transformers = pytest.importorskip("transformers")
WIDTH, ROWS, WORDS = 32, 5, 9


def decoder(attention: str) -> nn.Module:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=40, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, attn_implementation=attention,
    )  # fmt: skip
    return transformers.LlamaModel(config).eval()


def given(seed: int = 0) -> Sources:
    g = torch.Generator().manual_seed(seed)
    data = {"fused": torch.randn(ROWS, 6, generator=g), "patches": torch.randn(ROWS, 3, 4, generator=g)}
    return Sources(data, {})


class Robot(nn.Module):
    """A policy of the SmolVLA type: words through the tower, an action head behind it."""

    def __init__(self, attention: str = "eager") -> None:
        super().__init__()
        model = decoder(attention)
        self.tower = decoder_tower(model)
        self.words = model.embed_tokens
        ids = torch.randint(40, (ROWS, WORDS), generator=torch.Generator().manual_seed(3))
        self.own, self.visible = self.words(ids).detach(), torch.arange(WORDS) < torch.tensor([9, 9, 7, 5, 9])[:, None]
        self.connector = Connector({"fused": 6, "patches": 4}, WIDTH, norm=mean_norm(self.own, self.visible))
        self.head = TanhHead(HeadSizes(WIDTH, 2, 3))

    def loss_and_action(self, sources: Sources | None) -> tuple[torch.Tensor, torch.Tensor]:
        """None: a robot that never had a connector."""
        if sources is None:
            hidden = self.tower(self.own, self.visible, (self.visible.long().cumsum(1) - 1).clamp(min=0))
        else:
            hidden = beside(self.tower, self.own, self.visible, *self.connector(sources))
        target, is_pad = torch.zeros(ROWS, 2, 3), torch.zeros(ROWS, 2, dtype=torch.bool)
        return self.head.loss(hidden, self.visible, target, is_pad), self.head.act(hidden, self.visible)


ABSENT = {name: torch.zeros(ROWS, dtype=torch.bool) for name in ("fused", "patches")}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_masked_tokens_change_loss_and_action_by_exactly_0(attention: str) -> None:
    robot = Robot(attention)
    bare, masked = robot.loss_and_action(None), robot.loss_and_action(Sources(given().data, ABSENT))
    assert (bare[0] - masked[0]).abs().item() == 0
    assert (bare[1] - masked[1]).abs().max().item() == 0


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_in_a_mixed_batch_rows_without_tokens_do_not_read_them(attention: str) -> None:
    """What stands in absent sources is read by nobody, to the bit; beside the bare tower rounding alone may differ."""
    robot, there = Robot(attention), torch.tensor([True, False, False, True, False])
    present = {"fused": there, "patches": there}
    wild = {n: torch.where(there.view(-1, *[1] * (x.ndim - 1)), x, torch.nan) for n, x in given().data.items()}
    action, other = (robot.loss_and_action(Sources(data, present))[1] for data in (given().data, wild))
    assert torch.equal(action, other)
    bare = robot.loss_and_action(None)[1]
    assert (action - bare)[~there].abs().max() <= 1e-6
    assert ((action - bare)[there].abs().amax((1, 2)) > 1e-4).all()


def test_present_tokens_count_and_the_tower_stays_frozen() -> None:
    robot = Robot()
    bare, full = robot.loss_and_action(None), robot.loss_and_action(given())
    assert (bare[1] - full[1]).abs().max() > 1e-3
    full[0].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in robot.connector.parameters())
    assert robot.words.weight.grad is None


def test_one_source_may_be_absent_alone() -> None:
    robot = Robot()
    half = Sources(given().data, {"patches": ABSENT["patches"]})
    alone = Connector({"fused": 6}, WIDTH, norm=robot.connector.norm)
    alone.layers[0].load_state_dict(robot.connector.layers[0].state_dict())
    wanted = beside(robot.tower, robot.own, robot.visible, *alone(given()))
    found = beside(robot.tower, robot.own, robot.visible, *robot.connector(half))
    assert torch.allclose(found, wanted, atol=1e-5)


def test_tokens_start_with_the_length_of_the_towers_own() -> None:
    robot = Robot()
    log = token_norms(robot.connector, given(), robot.own, robot.visible)
    assert log["norm.ratio"] == pytest.approx(1, rel=1e-4)
    lengths = torch.stack([row.norm() for row in robot.own[robot.visible]])
    assert log["norm.tower"] == pytest.approx(lengths.mean().item(), rel=1e-5)
    with torch.no_grad():
        robot.connector.gain.fill_(3)
    assert token_norms(robot.connector, given(), robot.own, robot.visible)["norm.ratio"] == pytest.approx(3, rel=1e-4)


def test_several_tokens_of_a_vector() -> None:
    tokens, visible = Connector({"fused": 6, "patches": 4}, 8, norm=2.0, num_tokens=2)(given())
    assert tokens.shape == (ROWS, 2 + 6, 8)
    assert visible.all()
    assert torch.allclose(tokens.norm(dim=-1), torch.tensor(2.0))


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="'patches' is missing"):
        Connector({"fused": 6, "patches": 4}, 8, norm=1.0)(Sources({"fused": torch.zeros(1, 6)}, {}))
    with pytest.raises(ValueError, match="norm above 0"):
        Connector({"fused": 6}, 8, norm=0.0)
