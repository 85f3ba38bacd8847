"""Any invariance with any equivariance: one type of weights that holds one of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from smcrep.geometry.action import Action, ActionLike
from smcrep.objectives.equimod import EquiMod
from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.objectives.heads import HeadSizes
from smcrep.objectives.invariance import Invariance, Views
from smcrep.objectives.nt_xent import NTXent
from smcrep.objectives.objective import ObjectiveWeights, Observed, mean_loss
from smcrep.transition import Loss


@dataclass(frozen=True)
class CombinedWeights(ObjectiveWeights):
    """``invariance`` on the projected invariant part and ``equivariance`` on the equivariant part, on each sense and on
    the fused embedding; the loss is their mean. On a command line ``--objective vicreg+sie`` names both, and
    ``--objective.equivariance.FIELD`` sets what they hold.

    The invariance is put to view i and view i + 1 of each state, for all i in turn. The equivariance is put to the
    observation before and all outcomes. Every process has the loss of all rows: the sum in the backward pass of
    gathering and DDP's mean leave its gradient.
    """

    invariance: Invariance = field(default_factory=NTXent)
    """Views of one state agree."""
    equivariance: Equivariance = field(default_factory=EquiMod)
    """The equivariant part follows the action."""
    weight: float = 1.0
    """Of the equivariance beside the invariance."""

    def __post_init__(self) -> None:
        parts = (self.invariance, self.equivariance)
        wanted = {m for part in parts if (m := part.target_momentum()) is not None}
        if len(wanted) > 1:
            raise ValueError(f"CombinedWeights: momentum is {sorted(wanted)}; there is one target network, give one")

    def loss(self, observed: Observed) -> Loss:
        gather, latents = observed.processes.gather, observed.latents()
        target = observed if observed.target is None else observed.target
        target_latents, losses = target.latents(), {}
        for sense, z in latents.items():
            projected = gather(observed.project(z[..., : observed.num_invariant]))
            target_z = target_latents[sense].detach()
            with torch.no_grad():
                target_projected = gather(target.project(target_z[..., : observed.num_invariant]))
            invariance = self._invariance(projected, target_projected, observed)
            equivariance = self.equivariance.loss(_moved(sense, z, gather(target_z), projected, observed))
            losses[sense] = Loss(
                invariance + self.weight * equivariance.total,
                {"invariance": invariance.detach(), "equivariance": equivariance.total.detach()},
                {"invariance": invariance} | (equivariance.terms or {"equivariance": equivariance.total}),
            )
        return mean_loss(losses)

    def heads(self, sizes: HeadSizes) -> dict[str, nn.Module]:
        own = {"invariance": self.invariance.heads(sizes), "equivariance": self.equivariance.heads(sizes)}
        return {f"{part}_{name}": head for part, heads in own.items() for name, head in heads.items()}

    def target_momentum(self) -> float | None:
        own = self.invariance.target_momentum()
        return self.equivariance.target_momentum() if own is None else own

    def _invariance(self, projected: Tensor, target: Tensor, observed: Observed) -> Tensor:
        """projected, target [b, v, p]."""
        num_views, totals = projected.shape[1], []
        for i in range(1 if num_views == 2 else num_views):  # of two views, the second pairing repeats the first
            j = (i + 1) % num_views
            views = Views(
                projected[:, i],
                projected[:, j],
                target[:, i],
                target[:, j],
                lambda name: observed.head(f"invariance_{name}"),
                observed.generator,
            )
            totals.append(self.invariance.loss(views).total)
        return torch.stack(totals).mean()


def _moved(sense: str, z: Tensor, target: Tensor, projected: Tensor, observed: Observed) -> Moved:
    """z [b, v, d] of this process; target, projected [b, v, ...] of all."""
    gather, num_invariant = observed.processes.gather, observed.num_invariant
    own = z[..., num_invariant:]
    every = gather(own)

    def predict() -> Tensor:
        condition = observed.condition(observed.action, observed.physics)
        start = own[:, :1].expand(-1, own.shape[1] - 1, -1)
        return gather(observed.predict(sense, start, condition))

    def roll_out(steps: int) -> Tensor:
        found, last = [], own[:, :1]
        for i, link in enumerate(_chain(observed.action, steps)):
            physics = None if observed.physics is None else observed.physics[:, i : i + 1]
            last = observed.predict(sense, last, observed.condition(link, physics))
            found.append(last)
        return gather(torch.cat(found, 1))

    return Moved(
        every[:, 0],
        every[:, 1:],
        target[:, 1:, num_invariant:],
        projected,
        gather(observed.scaled_action(observed.action).to(z.dtype)),
        predict,
        roll_out,
        lambda name: observed.head(f"equivariance_{name}"),
    )


def _chain(action: ActionLike, steps: int) -> list[Action]:
    num_outcomes = action.vector().shape[1]
    if steps > num_outcomes:
        raise ValueError(
            f"roll-out: {steps} steps of {num_outcomes} outcomes a state; raise num_branches, or fewer steps"
        )
    if not isinstance(action, Action) or not bool(action.is_rigid.all()):
        raise ValueError("roll-out: actions that are no rigid motions do not compose; take 1 step")
    return action.chain(steps)


def objectives() -> Mapping[str, Callable[[], ObjectiveWeights]]:
    """Name -> objective with its defaults, of all that were imported: every type of weights, and every invariance with
    every equivariance as INVARIANCE+EQUIVARIANCE."""
    pairs = {
        f"{a}+{b}": lambda a=invariance, b=equivariance: CombinedWeights(a(), b())
        for a, invariance in Invariance.kinds().items()
        for b, equivariance in Equivariance.kinds().items()
    }
    return ObjectiveWeights.kinds() | pairs
