"""The record of a simulation: it reads back, wrong ones are refused, every state has a generator of its own."""

import json
from dataclasses import replace

import numpy as np
import pytest

from smcrep.data.shard import SHARD_BYTES
from smcrep.senses import SENSES
from smcrep.worlds.objects.families import procedural_set
from smcrep.worlds.objects.source import MeshObjects, ObjectSet, ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.simulation import STATES_PER_SHARD, Simulation
from tests.worlds.simulations import PUSHED, SMALL


def test_record_reads_back() -> None:
    meshes = replace(SMALL, objects=MeshObjects("/meshes", "mm", "y", ("a",), ("b",)), senses=tuple(SENSES))
    for simulation in (SMALL, PUSHED, meshes):
        assert Simulation.from_json(json.loads(json.dumps(simulation.to_json()))) == simulation
    with pytest.raises(ValueError, match="not the record of one"):
        Simulation.from_json(SMALL.to_json() | {"weather": "rain"})


def test_draws_of_a_state_depend_on_seed_split_and_state_alone() -> None:
    more = replace(SMALL, objects=ProceduralObjects(30))
    a, b = (s.object_set for s in (SMALL, more))
    assert a.names == b.names[:4]
    assert SMALL.rng(5, 0).random() == more.rng(5, 0).random() != SMALL.rng(5, 1).random()
    assert SMALL.rng(5, 0).random() != replace(SMALL, split="val").rng(5, 0).random()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"environments": ("moon",)}, r"no environments \['moon'\]; choose from studio"),
        ({"environments": ()}, "environments is empty"),
        ({"image_size": 0}, "image_size is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"senses": ("rgb", "smell")}, "there is no sense 'smell', only rgb, points"),
    ],
)
def test_wrong_simulations_are_refused(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **wrong)
    with pytest.raises(ValueError, match="there is no shard 1"):
        SMALL.state_ids(1)


@pytest.mark.situation
def test_shards_are_cut_by_bytes() -> None:
    """At 64 pixels by number, as ever; at 224 by bytes. Every state is in one shard, in order."""
    usual, large = (replace(SMALL, objects=ProceduralObjects(40), image_size=size) for size in (64, 224))
    large = replace(large, senses=tuple(SENSES), clean_depth=True, policy=Policy(num_branches=16))
    assert usual.states_per_shard == STATES_PER_SHARD
    row = sum(column.num_bytes for column in large.schema.columns.values())
    assert SHARD_BYTES / 2 < large.states_per_shard * 17 * row <= SHARD_BYTES
    for simulation in (usual, large):
        states = [state for i in range(simulation.num_shards) for state in simulation.state_ids(i)]
        assert states == list(range(simulation.num_states))


def test_procedural_sources_are_procedural_sets() -> None:
    source = ObjectSet(ProceduralObjects(7, 3, ("can", "mug")))
    expected = procedural_set(7, 3, ("can", "mug"))
    assert source.names == [o.name for o in expected]
    for mine, theirs in zip(source, expected, strict=True):
        np.testing.assert_array_equal(mine.vertices, theirs.vertices)
    assert source.classes == ["can", "mug"]
    assert source[0] is source[0]
    with pytest.raises(ValueError, match=r"no families \['sofa'\]"):
        ProceduralObjects(2, families=("sofa",))
