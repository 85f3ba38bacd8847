"""The contrastive alignment by its sum in plain loops; its directions, temperatures, absent rows and pairs."""

import math

import pytest
import torch
from torch.nn import functional as F

from smcrep.vla.alignment import FIRST_LOG_SCALE, MAX_LOG_SCALE, Aligner, alignment_loss

NAMES = ("vision", "text", "action")
PAIRS = (("vision", "text"), ("vision", "action"), ("text", "action"))


def drawn(n: int = 5, d: int = 4, seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {name: torch.randn(n, d, generator=g) for name in NAMES}


def scales(*values: float) -> dict[tuple[str, str], torch.Tensor]:
    return {pair: torch.tensor(v) for pair, v in zip(PAIRS, values, strict=False)}


def by_hand(query: torch.Tensor, candidates: torch.Tensor, meaning: list[int], log_scale: float) -> float:
    total = 0.0
    for i, q in enumerate(query):
        logits = [math.exp(log_scale) * float(F.cosine_similarity(q, c, dim=0)) for c in candidates]
        norm = math.log(sum(math.exp(x) for x in logits))
        true = [logits[j] - norm for j in range(len(candidates)) if meaning[j] == meaning[i]]
        total -= sum(true) / len(true)
    return total / len(query)


@pytest.mark.parametrize("meaning", [[0, 1, 2, 3, 4], [0, 1, 0, 2, 1]])
def test_six_directed_terms_written_out(meaning: list[int]) -> None:
    z, s = drawn(), (0.5, 1.5, 2.5)
    loss = alignment_loss(z, scales(*s), torch.tensor(meaning))
    wanted = {}
    for (a, b), scale in zip(PAIRS, s, strict=True):
        wanted[f"{a}->{b}"] = by_hand(z[a], z[b], meaning, scale)
        wanted[f"{b}->{a}"] = by_hand(z[b], z[a], meaning, scale)
    assert {k: v.item() for k, v in loss.parts.items()} == pytest.approx(wanted, rel=1e-4)
    assert loss.total.item() == pytest.approx(sum(wanted.values()) / 6, rel=1e-4)


def test_meaning_none_is_each_row_its_own() -> None:
    assert torch.equal(
        alignment_loss(drawn(), scales(1, 1, 1)).total, alignment_loss(drawn(), scales(1, 1, 1), torch.arange(5)).total
    )


def test_constant_embeddings_give_log_n() -> None:
    ones = {name: torch.ones(7, 3) for name in NAMES}
    assert alignment_loss(ones, scales(2, 2, 2)).total.item() == pytest.approx(math.log(7), rel=1e-5)


def test_a_subset_of_pairs_is_their_terms_alone() -> None:
    loss = alignment_loss(drawn(), scales(1.0, 2.0))
    assert list(loss.parts) == ["vision->text", "text->vision", "vision->action", "action->vision"]
    assert loss.total.item() == pytest.approx(sum(v.item() for v in loss.parts.values()) / 4)


def test_absent_rows_take_no_part_in_their_pairs() -> None:
    z, there = drawn(), torch.tensor([True, False, True, True, False])
    loss = alignment_loss(z, scales(1, 1, 1), present={"text": there})
    kept = {name: x[there] for name, x in z.items()}
    few, all_rows = alignment_loss(kept, scales(1, 1, 1)), alignment_loss(z, scales(1, 1, 1))
    for name in loss.parts:
        assert torch.equal(loss.parts[name], (few if "text" in name else all_rows).parts[name])


def test_nothing_in_absent_rows_reaches_weights_or_loss() -> None:
    aligner, z, there = Aligner(dict.fromkeys(NAMES, 4), dim=8), drawn(), torch.tensor([True, False, True, True, False])
    wild = z | {"text": torch.where(there[:, None], z["text"], torch.nan)}
    losses = [aligner.loss(given, present={"text": there}).total for given in (z, wild)]
    assert torch.equal(*losses)
    losses[1].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in aligner.parameters())


def test_temperatures_start_as_clips_are_learned_and_bounded() -> None:
    aligner = Aligner(dict.fromkeys(NAMES, 4), dim=8)
    assert aligner.log_scale.tolist() == pytest.approx([2.6592] * 3, abs=1e-4)
    aligner.loss(drawn()).total.backward()
    assert (aligner.log_scale.grad != 0).all()
    z = drawn()
    most, beyond = alignment_loss(z, scales(*[MAX_LOG_SCALE] * 3)), alignment_loss(z, scales(9, 9, 9))
    assert torch.allclose(most.total, beyond.total)
    assert math.exp(FIRST_LOG_SCALE) == pytest.approx(1 / 0.07)


def test_it_learns_to_align_what_belongs_together() -> None:
    """Three linear pictures of one thing: 30 steps bring the loss well under chance."""
    torch.manual_seed(0)
    thing = torch.randn(40, 6)
    given = {name: thing @ torch.randn(6, 4 + i) for i, name in enumerate(NAMES)}
    aligner = Aligner({name: x.shape[1] for name, x in given.items()}, dim=16)
    optimiser = torch.optim.Adam(aligner.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        aligner.loss(given).total.backward()
        optimiser.step()
    assert aligner.loss(given).total < 0.4 * math.log(40)


def test_any_senses_may_be_given_or_left_out() -> None:
    aligner = Aligner({"touch": 3, "fused": 5, "text": 4}, dim=8, pairs=[("touch", "text"), ("fused", "text")])
    loss = aligner.loss({"touch": torch.randn(4, 3), "text": torch.randn(4, 4)})
    assert set(loss.parts) == {"touch->text", "text->touch"}


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="no pair has two rows"):
        alignment_loss(drawn(1), scales(1, 1, 1))
    with pytest.raises(ValueError, match="no embeddings of 'action'"):
        alignment_loss({"vision": torch.ones(2, 2), "text": torch.ones(2, 2)}, scales(1, 1, 1))
    with pytest.raises(ValueError, match="is no pair"):
        Aligner({"a": 1, "b": 1}, pairs=[("a", "a")])
    with pytest.raises(ValueError, match="no source 'sound'"):
        Aligner({"a": 1, "b": 1})({"sound": torch.ones(1, 1)})
    with pytest.raises(ValueError, match="at least two sources"):
        Aligner({"a": 1})
