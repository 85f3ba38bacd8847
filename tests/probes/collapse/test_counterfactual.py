"""CFR@K of models that know all, some or nothing of an action, and the stream of pairs that comes of it."""

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import KeywordModel
from smcrep.probes.collapse.counterfactual import cfr, counterfactual_ranks, pairs
from smcrep.probes.collapse.replacement import derangement, permuted
from smcrep.probes.collapse.sequential import UseStream
from smcrep.probes.retrieval import Ranks


def world(use: float, rows: int = 300, num_counterfactuals: int = 4) -> Ranks:
    """Outcomes state + action + noise of deviation .3; a model that predicts state + use * action."""
    generator = torch.Generator().manual_seed(0)

    def normal() -> Tensor:
        return torch.randn(rows, 3, generator=generator)

    batch = {"state": normal(), "action": normal()}
    batch["outcome"] = batch["state"] + batch["action"] + 0.3 * normal()
    model = KeywordModel(
        lambda state, action: state + use * action,
        lambda predicted, batch: (predicted - batch["outcome"]).square(),
        signals=("state", "action"),
    )
    same = torch.zeros(rows, dtype=torch.long)
    others = [permuted(batch, "action", derangement(same, generator)) for _ in range(num_counterfactuals)]
    return counterfactual_ranks(model, batch, others)


def test_use_reads_near_1_and_a_dead_action_exactly_0() -> None:
    assert cfr(world(1.0)).value > 0.8
    dead = cfr(world(0.0))
    assert (dead.value, *dead.ci95) == pytest.approx((0, 0, 0))
    assert (pairs(world(0.0)) == 0).all()


def test_use_in_the_wrong_direction_reads_below_chance() -> None:
    wrong = cfr(world(-1.0))
    assert wrong.ci95[1] < 0
    assert wrong.value >= -1 / 4  # never right: (0 - 1/5) / (4/5)


def test_rescaling_and_pairs_by_hand() -> None:
    """Of 4 counterfactuals: none above; one above; two tie with none above; all above."""
    ranks = Ranks(np.array([0, 1, 0, 4]), np.array([1, 1, 3, 1]), 5)
    assert cfr(ranks).value == pytest.approx(((1 + 0 + 1 / 3 + 0) / 4 - 1 / 5) / (4 / 5))
    assert pairs(ranks) == pytest.approx([1, (3 - 1) / 4, 2 / 4, -1])


def test_the_interval_is_over_units() -> None:
    assert cfr(world(0.5), np.repeat(np.arange(30), 10)).n == 30


def test_pairs_feed_a_stream_that_tells_use_from_collapse() -> None:
    for use, verdict in ((1.0, "used"), (0.0, "collapsed")):
        stream = UseStream(u_min=0.2, horizon=1000)
        assert stream.update(pairs(world(use))) == verdict
