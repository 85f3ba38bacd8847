"""What a monitor looks at: pairs of rows that no look has had before, of any model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from smcrep.probes.collapse.adapter import Adapter, Batch
from smcrep.probes.collapse.counterfactual import counterfactual_ranks, pairs
from smcrep.probes.retrieval import rank, rank_same_state, same_state_scores
from smcrep.transition import FUSED, Transition

Pairs = Callable[[Any, int], Mapping[str, np.ndarray]]
"""(model, number of the call, from 0) -> for each signal fresh pairs [t] in [-1, 1], one a state."""
Draw = Callable[[int], tuple[Batch, Mapping[str, Sequence[Batch]]]]
"""Number of the call -> rows that no call has had, one a state; and for each signal K batches that replace a part."""


def branch_pairs(adapt: Callable[[Any], Adapter], draw: Draw) -> Pairs:
    """Pairs of any model, where a simulator or a store has other outcomes of the same states. Each of the K + 1
    branches of a state in turn: told its signal, the share of the other outcomes that score below its own minus the
    share above; the mean over branches is the pair of the state, which varies less than one branch does.

    adapt  model -> `Adapter`; ``lambda model: adapter`` where it is one already.
    draw   makes rows that the monitor has not had, so that the pairs are fresh, and for each signal K batches with
           other values of it and with the targets that these lead to, under their names in the rows.

    Cost of a call: (K + 1)^2 passes of the rows for each signal.
    """

    def found(model: Any, call: int) -> dict[str, np.ndarray]:
        batch, branches = draw(call)
        adapter = adapt(model)
        return {name: _retrieved(adapter, batch, name, own) for name, own in branches.items()}

    return found


def _retrieved(adapter: Adapter, batch: Batch, name: str, branches: Sequence[Batch]) -> np.ndarray:
    if any(name not in branch or len(branch) < 2 for branch in branches):
        raise ValueError(f"monitor: a branch of {name!r} lacks it, or its targets; give both in each of its batches")
    own = [{key: batch[key] for key in branches[0]}, *branches]
    found = []
    for i, told in enumerate(own):
        with torch.no_grad():
            scores = [adapter.score({**batch, **seen, name: batch[name]}, {name: told[name]}) for seen in own]
        columns = torch.stack(scores, -1).double().cpu().numpy()
        found.append(pairs(rank(columns, np.full(len(columns), i))))
    return np.mean(found, 0)


def outcome_pairs(draw: Callable[[int], Transition], signal: str, *, source: str = FUSED) -> Pairs:
    """Pairs of our own model for `training.fit`: as `branch_pairs`, from the k outcomes of each state, which are
    encoded once.

    draw    number of the call -> states whose outcomes differ in ``signal`` alone (a store that branches over it), and
            that neither training nor the monitor has had.
    source  a sense, or "fused": whose prediction is judged.
    """

    @torch.no_grad()
    def found(model: Any, call: int) -> dict[str, np.ndarray]:
        transition = draw(call)
        states, views = transition.observations.batch_shape
        flat = transition.observations.flatten().data
        embedding = model.embed({name: flat.get(name) for name in model.config.senses})
        seen = embedding.equivariant(source).unflatten(0, (states, views))
        physics = transition.physics
        condition = model.condition(
            transition.action.to(model.device), None if physics is None else physics.to(model.device)
        )
        predicted = model.predict(source, seen[:, :1].expand(-1, views - 1, -1), condition)
        ranks = rank_same_state(same_state_scores(predicted.cpu().numpy(), seen[:, 1:].cpu().numpy()))
        return {signal: pairs(ranks).mean(1)}

    return found


def counterfactual_pairs(adapt: Callable[[Any], Adapter], draw: Draw) -> Pairs:
    """The same without a simulator: ``draw`` gives K other values of each signal (`replacement`), and the true signal
    is ranked among them by the score of the one outcome. Weaker for a contrastive model, whose scores are trained to be
    compared between outcomes. Cost of a call: K + 1 passes of its rows for each signal."""

    def found(model: Any, call: int) -> dict[str, np.ndarray]:
        batch, others = draw(call)
        adapter = adapt(model)
        return {name: pairs(counterfactual_ranks(adapter, batch, own)) for name, own in others.items()}

    return found
