"""The record that says, to the bit, what a store holds: `Simulation`."""

import json
import zlib
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from smcrep.data.schema import Schema, world_schema
from smcrep.data.shard import states_per_shard
from smcrep.senses import DEFAULT_SENSES, SENSES, Resolution
from smcrep.worlds.dynamics.stepping import Stepping
from smcrep.worlds.objects.source import MeshObjects, ObjectSet, ProceduralObjects, object_set
from smcrep.worlds.policy import Policy
from smcrep.worlds.rendering.environments import ENVIRONMENTS, TRAIN_ENVIRONMENTS

STATES_PER_SHARD = 64
"""At most: fewer where so many are more than `data.shard.SHARD_BYTES`."""
ENVIRONMENT_IDS = {name: i for i, name in enumerate(sorted(ENVIRONMENTS))}
"""environment_id of a row: the place of its name among all environments, the same in every store."""


@dataclass(frozen=True)
class Simulation:
    """What is simulated. Two equal records give the same store, byte for byte, with the same libraries.

    objects            state s acts on object s // states_per_object; clutter is drawn from its `ObjectSet.block`
    environments       names; one is drawn for each observation (camera and clutter are those of the first of a state)
    senses             that are stored: any whose record says how it is simulated (`smcrep.senses`)
    corrupted          probability that a sense of an observation is as a faulty sensor gives it, by a kind of training
                       of `smcrep.corruptions`; one sense of an observation stays as it is
    clean_depth        also store the depth free of noise (for the oracle of the collapse audit)
    stepping           how finely physics is simulated
    split              name of the split: it goes into the seed, so that splits of one seed share no draw
    """

    objects: ProceduralObjects | MeshObjects
    environments: tuple[str, ...] = TRAIN_ENVIRONMENTS
    policy: Policy = field(default_factory=Policy)
    states_per_object: int = 6
    image_size: int = 64
    num_points: int = 256
    senses: tuple[str, ...] = DEFAULT_SENSES
    corrupted: float = 0.0
    clean_depth: bool = False
    stepping: Stepping = field(default_factory=Stepping)
    seed: int = 0
    split: str = "train"

    def __post_init__(self) -> None:
        unknown = sorted(set(self.environments) - set(ENVIRONMENTS))
        if unknown or not self.environments:
            what = f"no environments {unknown}" if unknown else "environments is empty"
            raise ValueError(f"Simulation: {what}; choose from {', '.join(ENVIRONMENTS)}")
        for name in ("states_per_object", "image_size", "num_points"):
            if getattr(self, name) < 1:
                raise ValueError(f"Simulation: {name} is {getattr(self, name)}; give at least 1")
        for name in self.senses:
            if SENSES[name].simulate is None:
                raise ValueError(f"Simulation: the sense {name!r} does not say how it is simulated; give it `simulate`")
        if not 0 <= self.corrupted <= 1:
            raise ValueError(f"Simulation: corrupted is {self.corrupted}; give a probability from 0 to 1")
        if self.seed < 0:
            raise ValueError(f"Simulation: seed is {self.seed}; give a whole number of at least 0")

    @property
    def object_set(self) -> ObjectSet:
        return object_set(self.objects)

    @property
    def schema(self) -> Schema:
        resolution = Resolution(self.image_size, self.num_points)
        return world_schema(self.senses, resolution, clean_depth=self.clean_depth)

    @property
    def num_states(self) -> int:
        return len(self.object_set) * self.states_per_object

    @property
    def num_shards(self) -> int:
        return -(-self.num_states // self.states_per_shard)

    @property
    def states_per_shard(self) -> int:
        return min(STATES_PER_SHARD, states_per_shard(self.schema, self.policy.num_branches))

    def state_ids(self, shard_id: int) -> range:
        """The states of one shard."""
        if not 0 <= shard_id < self.num_shards:
            raise ValueError(f"Simulation: there is no shard {shard_id}; it has shards 0 to {self.num_shards - 1}")
        first = shard_id * self.states_per_shard
        return range(first, min(first + self.states_per_shard, self.num_states))

    def rng(self, state_id: int, attempt: int) -> np.random.Generator:
        """All that is drawn for one state: independent of shards, of other states and of earlier attempts."""
        return np.random.default_rng([self.seed, zlib.crc32(self.split.encode()), state_id, attempt])

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json.dumps` takes; ``objects`` under the name of its source."""
        record = asdict(self)
        source = "meshes" if isinstance(self.objects, MeshObjects) else "procedural"
        return json.loads(json.dumps({**record, "objects": {source: record["objects"]}}))

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Simulation":
        """The inverse of `to_json`; ValueError where a field is unknown or missing."""
        try:
            (source, objects), *more = record["objects"].items()
            kind = {"procedural": ProceduralObjects, "meshes": MeshObjects}[source]
            if more:
                raise KeyError(more[0][0])
            values = {f.name: record[f.name] for f in fields(cls)}
            if len(values) != len(record):
                raise KeyError(sorted(set(record) - set(values))[0])
            values |= {
                "objects": kind(**_tuples(objects)),
                "policy": Policy(**_tuples(record["policy"])),
                "stepping": Stepping(**record["stepping"]),
                "environments": tuple(record["environments"]),
                "senses": tuple(record["senses"]),
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"Simulation: not the record of one ({error}); take it from a store's manifest") from None
        return cls(**values)


def _tuples(record: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}
