"""A look has one pair a state, model and signal, in that order; all signals are asked in one pass."""

import numpy as np
import pytest
import torch

from smcrep.zoo import ARCHITECTURES, Knobs, Schedule, Specimen, make_world, stacked
from smcrep.zoo.network import start
from smcrep.zoo.watching import Looks
from smcrep.zoo.world import SIGNALS, branches, together


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("cut", range(len(SIGNALS)))
def test_a_cut_signal_has_pairs_of_zero_and_no_other_has(cut: int) -> None:
    stack = stacked((Specimen(), Specimen(knobs={SIGNALS[cut]: Knobs(cut=1.0)})))
    looks = Looks(ARCHITECTURES[0], stack, make_world(seeded()), Schedule(), seeded(1), every=5, rows=60)
    weights = start(ARCHITECTURES[0], stack, seeded(2))
    looks(4, weights)
    assert not looks.pairs
    looks(5, weights)
    (pairs,) = looks.pairs
    assert pairs.shape == (60, 2, len(SIGNALS))
    silent = np.zeros((2, len(SIGNALS)), bool)
    silent[1, cut] = True
    assert np.array_equal((pairs == 0).all(0), silent)
    assert looks.seconds > 0


def test_rows_stay_in_order() -> None:
    parts = [branches(3, 2, signal, seeded(signal)) for signal in range(2)]
    found = together(parts)
    assert torch.equal(found.latent, torch.cat([parts[0].latent, parts[1].latent]))
    assert found.noise.shape == (12, len(SIGNALS), 2)
    assert found.group_size == 2
