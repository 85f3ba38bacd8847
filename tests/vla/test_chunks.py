"""Chunks end with their episode; the ensemble is ACT's weighted mean, written out."""

import numpy as np
import pytest
import torch

from smcrep.vla.chunks import TemporalEnsemble, chunked


def test_a_chunk_never_leaves_its_episode() -> None:
    actions, episode = torch.arange(7.0)[:, None], torch.tensor([4, 4, 4, 2, 2, 9, 9])
    chunks, is_pad = chunked(actions, episode, 3)
    assert chunks[..., 0].tolist() == [
        [0, 1, 2], [1, 2, 2], [2, 2, 2], [3, 4, 4], [4, 4, 4], [5, 6, 6], [6, 6, 6],
    ]  # fmt: skip
    assert is_pad.sum(1).tolist() == [0, 1, 2, 1, 2, 1, 2]
    assert is_pad[1].tolist() == [False, False, True]


def test_an_episode_in_two_pieces_is_refused() -> None:
    with pytest.raises(ValueError, match="sort the steps"):
        chunked(torch.zeros(3, 1), torch.tensor([0, 1, 0]), 2)


def test_the_ensemble_weights_the_oldest_most() -> None:
    ensemble = TemporalEnsemble(decay=0.5)
    a, b, c = np.array([[1.0], [10.0], [100.0]]), np.array([[2.0], [20.0], [200.0]]), np.array([[3.0], [30.0], [300.0]])
    assert ensemble.step(a) == pytest.approx([1.0])
    w = np.exp(-0.5)
    assert ensemble.step(b) == pytest.approx([(10 + w * 2) / (1 + w)])
    assert ensemble.step(c) == pytest.approx([(100 + w * 20 + w**2 * 3) / (1 + w + w**2)])
    assert ensemble.step(c) == pytest.approx([(200 + w * 30 + w**2 * 3) / (1 + w + w**2)])  # a has run out
    ensemble.reset()
    assert ensemble.step(c) == pytest.approx([3.0])
