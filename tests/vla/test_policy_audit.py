"""Policies whose use of each signal is written down are named for what they ignore, and for nothing else."""

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.vla.policy_audit import Logged, as_numbers, audit_policy, blind_to, matched, others_of

EPISODES, FRAMES = 40, 6
RAMP = torch.linspace(0.5, 1, 3)[:, None]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def demonstrations() -> Logged:
    """The action is hand + turn of the way; ``idle`` is logged and nobody looks at it."""
    g, rows = generator(), EPISODES * FRAMES
    hand, idle = torch.randn(2, rows, 2, generator=g)
    way = torch.randint(2, (rows,), generator=g)
    signals = {"hand": hand, "way": way, "idle": idle}
    return Logged(signals, acted(signals), np.repeat(np.arange(EPISODES), FRAMES))


def acted(given: dict[str, Tensor]) -> Tensor:
    return (given["hand"] + torch.tensor([[-1.0, 0.0], [1.0, 0.5]])[given["way"]])[:, None] * RAMP


def test_policy_that_reads_all_is_cleared_and_one_that_skips_a_signal_is_named() -> None:
    logged = demonstrations()
    for blind in ("", "hand", "way"):

        def act(batch: dict[str, Tensor], blind: str = blind) -> Tensor:
            return acted({n: torch.zeros_like(x) if n == blind else x for n, x in batch.items()})

        report = audit_policy(act, logged, generator=generator())  # type: ignore[arg-type]
        assert blind_to(report) == {name: name == blind for name in logged.signals}, blind
        used = next(name for name in ("hand", "way") if name != blind)
        assert report.signals[used].readings["utilisation"].value == pytest.approx(1, abs=0.3)


def test_matched_drop_is_that_of_the_row_of_another_episode_nearest_in_the_other_signals() -> None:
    logged = demonstrations()
    others = others_of(logged.signals)["hand"]
    for row in (0, 100, 239):
        apart = [float((others[row] - others[i]).norm()) for i in range(len(others))]
        allowed = [i for i in range(len(others)) if logged.episode[i] != logged.episode[row]]
        assert int(matched(logged)["hand"][row]) == min(allowed, key=lambda i: apart[i])


def test_others_hold_neither_the_signal_nor_more_of_a_wide_signal() -> None:
    wide = {"a": torch.randn(50, 30, generator=generator()), "b": torch.randn(50, 2, generator=generator())}
    found = others_of(wide)
    np.testing.assert_allclose(found["b"].var(0).sum(), 1.0)
    np.testing.assert_allclose(found["a"].var(0).sum(), 1.0)
    assert found["a"].shape[1] == 3


def test_signal_that_another_repeats_is_no_fault_of_the_policy() -> None:
    logged = demonstrations()
    doubled = Logged({**logged.signals, "copy": logged.signals["hand"].clone()}, logged.actions, logged.episode)
    report = audit_policy(lambda batch: acted(dict(batch)), doubled, generator=generator())
    assert blind_to(report)["hand"] is False
    assert report.signals["copy"].readings["drop.derangement"].value == 0


def test_signals_become_numbers() -> None:
    pictures = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)
    pictures[1, :2, :2, 0] = 255
    found = as_numbers(pictures, 0)
    assert found.shape == (2, 192)
    assert float(found[1].sum()) == 1  # one of 8 x 8 places, of one colour
    assert as_numbers(torch.tensor([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_too_few_episodes_and_numbers_that_are_not_finite_are_refused() -> None:
    logged = demonstrations()
    with pytest.raises(ValueError, match="7 episodes; give at least 8"):
        audit_policy(lambda batch: acted(dict(batch)), logged.rows(logged.episode < 7), generator=generator())
    logged.signals["hand"][3] = torch.nan
    with pytest.raises(ValueError, match="hand holds numbers that are not finite"):
        audit_policy(lambda batch: acted(dict(batch)), logged, generator=generator())
