"""The record of a simulation: it reads back, wrong ones are refused, every state has a generator of its own."""

import json
from dataclasses import replace

import numpy as np
import pytest

from smcrep.senses import SENSES
from smcrep.worlds.objects.families import procedural_set
from smcrep.worlds.objects.source import MeshObjects, ObjectSet, ProceduralObjects
from smcrep.worlds.simulation import Simulation
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
