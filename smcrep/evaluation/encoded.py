"""A store seen once through a frozen model: what every evaluation starts from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from smcrep.data.store import Store
from smcrep.geometry.action import Action
from smcrep.models.model import SensorimotorModel
from smcrep.transition import FUSED, Senses, concatenate

STATES_AT_ONCE = 64


@dataclass(frozen=True)
class Encoded:
    """s states, observed before (view 0) and after each of their k actions.

    latent         sense, or "fused" -> float32 [s, k + 1, d]
    num_invariant  the first so many of d are the invariant part, the others the equivariant one
    action         [s, k], in the camera's frame of the observation before
    physics        float32 [s, k, p], or None where the store knows none
    pose           float32 [s, k + 1, 4, 4]: T_camera_object, metres
    object_ids     int64 [s]
    objects        names of the objects, the same in every store; none where they are not known
    """

    latent: dict[str, Tensor]
    num_invariant: int
    action: Action
    physics: Tensor | None
    pose: Tensor
    object_ids: np.ndarray
    objects: frozenset[str] = frozenset()

    def some(self, states: np.ndarray) -> "Encoded":
        """Only those of its states [n]."""
        return Encoded(
            {sense: z[states] for sense, z in self.latent.items()},
            self.num_invariant,
            self.action[states],
            None if self.physics is None else self.physics[states],
            self.pose[states],
            self.object_ids[states],
            self.objects,
        )

    def by_object(self, values: np.ndarray) -> np.ndarray:
        """Mean of values [s, ...] for each object, in the order of their ids."""
        return np.array([values[self.object_ids == i].mean() for i in np.unique(self.object_ids)])

    def invariant(self, sense: str = FUSED) -> Tensor:
        """[s, k + 1, di]."""
        return self.latent[sense][..., : self.num_invariant]

    def equivariant(self, sense: str = FUSED) -> Tensor:
        """[s, k + 1, de]."""
        return self.latent[sense][..., self.num_invariant :]


def encode(
    model: SensorimotorModel,
    store: Store,
    states: np.ndarray | None = None,
    *,
    change: Callable[[Senses], Senses] | None = None,
) -> Encoded:
    """``states`` of ``store`` (None: all of them), in batches: the memory is that of the embeddings. ``change`` is done
    to observations [n] before, such as what a faulty sensor does (`smcrep.corruptions`)."""
    states = np.arange(store.num_states) if states is None else np.asarray(states)
    pieces = [
        _piece(model, store, states[i : i + STATES_AT_ONCE], change) for i in range(0, len(states), STATES_AT_ONCE)
    ]
    first = pieces[0]
    return Encoded(
        {sense: torch.cat([p.latent[sense] for p in pieces]) for sense in first.latent},
        first.num_invariant,
        concatenate([p.action for p in pieces]),
        None if first.physics is None else torch.cat([p.physics for p in pieces if p.physics is not None]),
        torch.cat([p.pose for p in pieces]),
        np.concatenate([p.object_ids for p in pieces]),
        frozenset(o.name for o in store.objects if o.object_id in store.object_ids[states]),
    )


def refuse_shared(fitted: frozenset[str], tested: frozenset[str]) -> None:
    """ValueError where objects that something was fitted to or chosen on are among those that it is tested on."""
    if shared := sorted(fitted & tested):
        raise ValueError(
            f"evaluation: {len(shared)} objects, such as {shared[0]!r}, are among those fitted to and those tested on; "
            "fit to training objects"
        )


@torch.no_grad()
def predict(
    model: SensorimotorModel,
    encoded: Encoded,
    sense: str = FUSED,
    *,
    action: Action | None = None,
    physics: Tensor | None = None,
    start: Tensor | None = None,
) -> Tensor:
    """float32 [s, k, de]: the outcome that ``model`` expects, by one sense or fused, of each action from the
    observation before. ``action`` [s, j] and ``physics`` [s, k, p] stand in for the true ones, ``start`` [s, 1, de] for
    what the sense observed before."""
    action = encoded.action if action is None else action
    num_actions = action.kind.shape[1]
    physics = encoded.physics if physics is None else physics
    condition = model.condition(action, None if physics is None else physics[:, :num_actions])
    start = encoded.equivariant(sense)[:, :1] if start is None else start
    return model.predict(sense, start.expand(-1, num_actions, -1), condition)


def _piece(
    model: SensorimotorModel, store: Store, states: np.ndarray, change: Callable[[Senses], Senses] | None
) -> Encoded:
    transition, targets = store.transitions(states, model.config.names), store.targets(states, clean_depth=False)
    senses = transition.observations
    shape, given = senses.batch_shape, senses.flatten()
    embedding = model.embed((change(given) if change else given).data)
    return Encoded(
        {name: z.unflatten(0, shape) for name, z in ({FUSED: embedding.fused} | embedding.senses).items()},
        embedding.num_invariant,
        transition.action,
        transition.physics,
        torch.cat([targets.pose_before[:, None], targets.pose_after], 1),
        targets.object_id.numpy(),
    )
