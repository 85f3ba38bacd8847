"""A `SensorimotorModel` on a store, as the collapse audit takes models: exact branches of each state are its
counterfactuals."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from smcrep.data.schema import pack_action, unpack_action
from smcrep.data.store import Store
from smcrep.evaluation.encoded import STATES_AT_ONCE, Encoded, encode, predict
from smcrep.geometry.action import Action
from smcrep.models.model import SensorimotorModel
from smcrep.probes.collapse import AuditData, Orbit
from smcrep.probes.collapse.adapter import Batch, margin, with_replaced
from smcrep.probes.inputs import scaled
from smcrep.transition import FUSED, Beliefs, concatenate

ACTION, PHYSICS, CANDIDATES = "action", "physics", "candidates"


@dataclass(frozen=True)
class AuditedModel:
    """Rows are pairs (state, branch). A batch holds

    SENSE       [b, 2 d + 1]: belief of the sense before, mean and log-precision, and 1 where it was present. Encoders
                see one sense of one observation each, so to exchange beliefs is to exchange what was sensed, and zeros
                are an absent sense.
    action      [b, 24] (`data.schema.pack_action`)
    physics     [b, p], where the store knows it
    candidates  [b, k, de]: what was observed after each branch of the state, the row's own first

    source      a sense, which then is the only one that is a signal, or "fused".

    Score: `margin` of the predicted outcome among the candidates; 0 for chance.
    """

    model: SensorimotorModel
    signals: tuple[str, ...]
    source: str = FUSED

    @property
    def senses(self) -> tuple[str, ...]:
        return tuple(name for name in self.signals if name not in (ACTION, PHYSICS))

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        return margin(self.predicted(with_replaced(batch, replaced, self.signals)), batch[CANDIDATES])

    @torch.no_grad()
    def predicted(self, given: Batch) -> Tensor:
        """[b, de]: the outcome that the model expects of each row."""
        beliefs = torch.stack([given[name] if name in given else self._absent(given) for name in self._all], 1)
        mean, log_precision = beliefs[..., :-1].chunk(2, -1)
        embedding = self.model.embedding(Beliefs(mean, log_precision, beliefs[..., -1] > 0.5, self._all))
        condition = self.model.condition(unpack_action(given[ACTION]), given.get(PHYSICS))
        return self.model.predict(self.source, embedding.equivariant(self.source), condition)

    @property
    def _all(self) -> tuple[str, ...]:
        return self.model.config.names

    def _absent(self, given: Batch) -> Tensor:
        return torch.zeros_like(given[self.senses[0]])


def audited_model(
    model: SensorimotorModel, store: Store, states: np.ndarray | None = None, *, source: str = FUSED
) -> tuple[AuditedModel, AuditData]:
    """The adapter and the rows of ``states`` (None: all) of ``store``, for `probes.collapse.audit`. Intervals are over
    objects, the test of use over states; counterfactuals are the other branches' values of what varies among them."""
    states = np.arange(store.num_states) if states is None else np.asarray(states)
    encoded = encode(model, store, states)
    if not isinstance(encoded.action, Action):
        raise ValueError(
            f"{store.path}: its branches are augmentations of pictures, no actions; give a store of a world"
        )
    s, k = encoded.action.kind.shape
    if k < 2:
        raise ValueError(f"{store.path}: 1 branch a state, so there is no counterfactual; give a store with 2 or more")
    conditions = {ACTION: torch.from_numpy(pack_action(encoded.action))}
    conditions |= {} if encoded.physics is None else {PHYSICS: encoded.physics}
    senses = model.config.names if source == FUSED else (source,)
    before = _beliefs(model, store, states)
    outcomes, own = encoded.equivariant(source)[:, 1:], torch.arange(k)
    turned = (own[:, None] + own) % k  # row j: its own branch, then the others
    batch = {name: before[name][:, None].expand(-1, k, -1) for name in senses} | conditions
    batch[CANDIDATES] = outcomes[:, turned]
    batch = {name: values.reshape(s * k, *values.shape[2:]) for name, values in batch.items()}
    varying = {name: v for name, v in conditions.items() if not torch.equal(v, v[:, :1].expand_as(v))}
    data = AuditData(
        batch,
        units=np.repeat(encoded.object_ids, k),
        test_units=np.repeat(np.arange(s), k),
        counterfactuals={
            name: [{name: values.roll(-step, 1).flatten(0, 1)} for step in range(1, k)]
            for name, values in varying.items()
        },
        floor=0.0,
        embeddings={name: z.flatten(0, 1).numpy() for name, z in encoded.latent.items() if name in (*senses, FUSED)},
        embedding_units=np.repeat(encoded.object_ids, k + 1),
        groups=np.repeat(encoded.object_ids, k + 1),
        orbits={name: _orbit(model, encoded, values, source) for name, values in varying.items()},
        # A motion that is commanded whole ends where it says, whatever the object weighs.
        facts={PHYSICS: {"needed": False}} if PHYSICS in conditions and bool(encoded.action.is_rigid.all()) else {},
    )
    return AuditedModel(model, (*senses, *conditions), source), data


def _beliefs(model: SensorimotorModel, store: Store, states: np.ndarray) -> dict[str, Tensor]:
    """Sense -> [s, 2 d + 1] before."""
    pieces = []
    for i in range(0, len(states), STATES_AT_ONCE):
        seen = store.transitions(states[i : i + STATES_AT_ONCE], model.config.names).before
        held = model.embed(seen.data).beliefs
        precision = held.log_precision.expand_as(held.mean)
        pieces.append(torch.cat([held.mean, precision, held.present[..., None].to(held.mean)], -1))
    return dict(zip(model.config.names, concatenate(pieces).unbind(1), strict=True))


def _orbit(model: SensorimotorModel, encoded: Encoded, values: Tensor, source: str) -> Orbit:
    signal = scaled(values.flatten(0, 1).numpy())[0].reshape(values.shape)
    return Orbit(signal, predict(model, encoded, source).numpy(), encoded.object_ids)
