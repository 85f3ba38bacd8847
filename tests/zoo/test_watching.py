"""A look has one pair a state, model and signal, in that order; all signals are asked in one pass."""

import numpy as np
import pytest
import torch

from smcrep.probes.collapse.indicators import rank_me
from smcrep.zoo import ARCHITECTURES, Knobs, Schedule, Specimen, Stack, make_world, stacked
from smcrep.zoo.network import Parameters, features, start
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


def test_ranks_of_a_look_are_those_of_the_features_that_it_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[torch.Tensor]()

    def kept(p: Parameters, inputs: torch.Tensor, stack: Stack) -> torch.Tensor:
        seen.append(features(p, inputs, stack))
        return seen[-1]

    monkeypatch.setattr("smcrep.zoo.watching.features", kept)
    stack = stacked((Specimen(), *(Specimen(knobs={name: Knobs(rank=1, cut=1.0)}) for name in SIGNALS)))
    looks = Looks(ARCHITECTURES[0], stack, make_world(seeded()), Schedule(), seeded(1), every=5)
    looks(5, start(ARCHITECTURES[0], stack, seeded(2)))
    (rank,), (found,) = looks.rank, seen
    assert (rank == 0).sum() >= 2  # of a sense that is cut
    assert rank.tolist() == [[pytest.approx(rank_me(z.numpy()), rel=1e-4) for z in model] for model in found]


def test_rows_stay_in_order() -> None:
    parts = [branches(3, 2, signal, seeded(signal)) for signal in range(2)]
    found = together(parts)
    assert torch.equal(found.latent, torch.cat([parts[0].latent, parts[1].latent]))
    assert found.noise.shape == (12, len(SIGNALS), 2)
    assert found.group_size == 2
