"""Sources that go missing in training, ever more of them, and how much each counts when it is there."""

from collections.abc import Callable

import torch
from torch import Tensor

from smcrep.vla.policy import Sources

LAST_PROBABILITY = 0.5


def dropout_at(step: int, num_steps: int, last: float = LAST_PROBABILITY) -> float:
    """Linear from 0 at the first step to ``last`` at the last (MultiSmolVLA's README; its code fades the harm)."""
    if not 0 <= last <= 1 or num_steps < 1:
        raise ValueError(f"dropout_at: last is {last}, num_steps {num_steps}; give a probability and at least one step")
    return last * min(max(step, 0) / max(num_steps - 1, 1), 1.0)


def drop_sources(sources: Sources, probability: float, generator: torch.Generator) -> Sources:
    """Each source of each row gone with ``probability``, independently; all may go: the tower beside them stays."""
    present = {}
    for name, x in sources.data.items():
        there = sources.present.get(name, torch.ones(len(x), dtype=torch.bool, device=x.device))
        kept = torch.rand(len(x), generator=generator) >= probability
        present[name] = there & kept.to(there.device)
    return Sources(sources.data, present)


@torch.no_grad()
def influence(act: Callable[[Sources], Tensor], sources: Sources) -> dict[str, float]:
    """name -> how far the action moves where that source is masked: root mean square of the change, over the root mean
    square of the actions about their mean, among rows where it was present. 0: it is not used; 1: as much as actions
    differ at all. ``act`` must draw the same noise at every call."""
    full = act(sources)
    spread = (full - full.mean(0)).square().mean().sqrt().clamp(min=1e-12)
    found = {}
    for name, x in sources.data.items():
        there = sources.present.get(name, torch.ones(len(x), dtype=torch.bool, device=x.device))
        if not there.any():
            found[name] = float("nan")
            continue
        masked = act(Sources(sources.data, sources.present | {name: torch.zeros_like(there)}))
        found[name] = float((full - masked)[there].square().mean().sqrt() / spread)
    return found


@torch.no_grad()
def token_norms(
    connector: Callable[[Sources], tuple[Tensor, Tensor]], sources: Sources, own: Tensor, own_visible: Tensor
) -> dict[str, float]:
    """For the log: mean length of the visible tokens beside the tower (NaN where there are none), of its ``own``
    embeddings, and their ratio."""
    tokens, visible = connector(sources)
    ours, its = (x[seen].norm(dim=-1).mean() for x, seen in ((tokens, visible), (own, own_visible)))
    return {"norm.tokens": float(ours), "norm.tower": float(its), "norm.ratio": float(ours / its)}
