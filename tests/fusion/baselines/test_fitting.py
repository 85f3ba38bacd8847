"""Learning: the loss, what is dropped, which weights are kept, seeds."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from smcrep.fusion.baselines import build, fit, fit_decider
from smcrep.fusion.baselines.fitting import _rate
from smcrep.fusion.method import Decisions, FitSettings, drop_senses, mean_over_present, parameter_count, seen
from smcrep.transition import Beliefs
from tests.fusion.baselines.planted import rows

QUICK = FitSettings(steps=20, batch=32, width=8, heads=2, num_layers=1)


def learned(name: str, seed: int, settings: FitSettings = QUICK, **options):
    generator = torch.Generator().manual_seed(seed)
    beliefs, label, _ = rows(10, 6, 0)
    return fit(build(name, 2, 16, settings, generator), beliefs, label, settings, generator=generator, **options)


def test_seeds_reproduce_and_the_global_generator_is_left_alone() -> None:
    state = torch.get_rng_state()
    first, again, other = (learned("late_fusion_transformer", s).state_dict() for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)


def test_numbers_of_labels_do_not_matter() -> None:
    """Only which rows are alike; numbers in the same order give the same weights."""
    beliefs, label, _ = rows(10, 6, 0)
    found = []
    for ids in (label, 1000 + 7 * label):
        generator = torch.Generator().manual_seed(0)
        found.append(fit(build("gated", 2, 16, QUICK, generator), beliefs, ids, QUICK, generator=generator)(beliefs))
    assert torch.equal(*found)


def test_rows_without_any_sense_are_left_out() -> None:
    """They could only teach nonsense: NaN labels of nothing."""
    beliefs, label, _ = rows(10, 6, 0)
    with_empty = Beliefs(
        torch.cat([beliefs.mean, torch.full((30, 2, 16), torch.nan)]),
        torch.cat([beliefs.log_precision, torch.zeros(30, 2, 1)]),
        torch.cat([beliefs.present, torch.zeros(30, 2, dtype=torch.bool)]),
    )
    empty_label = torch.cat([label, torch.full((30,), 99)])
    results = []
    for data in ((beliefs, label), (with_empty, empty_label)):
        generator = torch.Generator().manual_seed(0)
        method = build("gated", 2, 16, QUICK, generator)
        results.append(fit(method, *data, QUICK, generator=generator)(beliefs))
    assert torch.equal(*results)


class Counting(nn.Module):
    """One number that is learned upwards: the embedding turns towards the first axis as it grows."""

    def __init__(self) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.zeros(()))
        self.present: list[torch.Tensor] = []

    def forward(self, beliefs: Beliefs) -> torch.Tensor:
        self.present.append(beliefs.present)
        return mean_over_present(seen(beliefs), beliefs.present) + self.number


def test_the_best_of_the_validated_weights_are_kept() -> None:
    """Scores 1, 3, 2, 0 at steps 5, 10, 15, 20: those of step 10."""
    beliefs, label, _ = rows(10, 6, 0)
    scores, numbers = iter([1.0, 3.0, 2.0, 0.0]), []

    def validation(method: Counting) -> float:
        assert not method.training
        numbers.append(method.number.item())
        return next(scores)

    method = Counting()
    fit(method, beliefs, label, QUICK, generator=torch.Generator().manual_seed(0), validation=validation)
    assert len(numbers) == 4
    assert len(set(numbers)) == 4
    assert method.number.item() == numbers[1]
    assert not method.training


def test_senses_are_dropped_in_training_with_their_probability() -> None:
    beliefs, label, _ = rows(10, 6, 0)
    method = Counting()
    settings = replace(QUICK, steps=60, batch=256, sense_dropout=0.3)
    fit(method, beliefs, label, settings, generator=torch.Generator().manual_seed(0))
    present = torch.cat(method.present[1:])  # the first call only asks for the width
    assert present.any(1).all()
    assert (~present).float().mean().item() == pytest.approx(0.3 - 0.3**2 / 2, abs=0.01)


def test_dropping_keeps_one_of_those_present_each_as_likely() -> None:
    present = torch.tensor([[True, False, True, True]]).expand(30_000, 4)
    kept = drop_senses(present, 0.999999, torch.Generator().manual_seed(0))
    assert (kept.sum(1) == 1).all()
    assert kept.float().mean(0).tolist() == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3], abs=0.01)
    assert torch.equal(drop_senses(present, 0.0, torch.Generator()), present)
    nobody = torch.zeros(5, 4, dtype=torch.bool)
    assert not drop_senses(nobody, 0.5, torch.Generator()).any()


def test_logits_are_cosines_over_the_temperature_and_a_step_goes_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step, its cosines in loops; Adam's first step is the rate against the sign of the gradient."""
    beliefs, label, _ = rows(4, 2, 0)
    settings = FitSettings(steps=1, batch=8, sense_dropout=0.0, temperature=0.5, weight_decay=0.0, lr=1e-3)
    handed: list[torch.Tensor] = []
    original = F.cross_entropy
    monkeypatch.setattr(F, "cross_entropy", lambda *a, **k: (handed.extend(a), original(*a, **k))[1])
    method = Counting()
    fit(method, beliefs, label, settings, generator=torch.Generator().manual_seed(3))
    monkeypatch.undo()
    again = torch.Generator().manual_seed(3)
    directions = torch.randn(4, 16, generator=again)
    index = torch.randint(8, (8,), generator=again)
    number = torch.zeros((), requires_grad=True)
    total = torch.zeros(())
    for row, i in enumerate(index.tolist()):
        z = beliefs.mean[i].mean(0) + number
        cosine = torch.stack([z @ w / (z.norm() * w.norm()) for w in directions])
        torch.testing.assert_close(handed[0][row], cosine / 0.5)
        assert handed[1][row] == label[i]
        total = total - (cosine / 0.5).log_softmax(0)[label[i]] / 8
    (gradient,) = torch.autograd.grad(total, number)
    assert method.number.item() == pytest.approx(-1e-3 * gradient.sign().item(), rel=1e-3)


def test_rate_rises_over_a_tenth_and_falls_to_zero() -> None:
    rates = [_rate(step, 100) for step in range(101)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[10] == 1
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0)


def test_weight_decay_shrinks_matrices_and_not_tokens() -> None:
    strong = replace(QUICK, weight_decay=30.0, lr=1e-2)
    decayed, free = (learned("late_fusion_transformer", 0, s) for s in (strong, replace(strong, weight_decay=0.0)))
    assert decayed.fuser.out.weight.norm() < 0.5 * free.fuser.out.weight.norm()
    assert decayed.fuser.absent.norm() > 0.8 * free.fuser.absent.norm()


def test_a_decider_without_weights_reads_its_statistics() -> None:
    logits = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]).expand(4, 2, 2)
    beliefs = Beliefs(torch.zeros(4, 2, 3), torch.zeros(4, 2, 1), torch.ones(4, 2, dtype=torch.bool))
    data = Decisions(logits, beliefs, torch.zeros(4, dtype=torch.int64), torch.arange(4))
    method = build("best_single", 2, 3, QUICK, torch.Generator())
    fit_decider(method, data, QUICK, generator=torch.Generator())
    assert method.order.tolist() == [1, 0]


def test_parameters_are_counted() -> None:
    settings = FitSettings(width=8, heads=2, skip=False)
    method = build("gated", 2, 5, settings, torch.Generator())
    assert parameter_count(method) == 2 * 5 * 8 + 2 * 8 + (2 * 6) * 16 + 16


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 10, "heads": 4}, "width 10 is no multiple of heads 4"),
        ({"sense_dropout": 1.0}, "sense_dropout is 1.0; give a probability below 1"),
        ({"readout": "max"}, "readout is 'max'; choose mean or cls"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FitSettings(**options)


def test_what_has_no_weights_is_ready_to_use_too() -> None:
    nothing = torch.nn.Identity().train()
    beliefs = Beliefs(torch.zeros(4, 2, 3), torch.zeros(4, 2, 3), torch.ones(4, 2, dtype=torch.bool))
    found = fit(nothing, beliefs, torch.arange(4), QUICK, generator=torch.Generator())  # type: ignore[arg-type]
    assert not found.training
