"""Stores of the world: the same bytes however they were made, what is refused, what resumes."""

import hashlib
import importlib.util
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from smcrep.data.store import Store, shard_path
from smcrep.engines import local, on_ray
from smcrep.worlds.generate import generate, run_shard
from smcrep.worlds.objects.meshes import load_folder
from smcrep.worlds.objects.source import MeshObjects, ObjectSet, ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.simulation import Simulation
from tests.worlds.simulations import SMALL, TWO_SHARDS, everything


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.situation
def test_store_that_was_cut_otherwise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept and completed, it would hold some states twice."""
    out = generate(SMALL, tmp_path / "store", progress=False)
    before = digests(out)
    monkeypatch.setattr("smcrep.worlds.simulation.STATES_PER_SHARD", 3)
    with pytest.raises(ValueError, match=r"its states are cut into 1 shards, here into \d+; choose another folder or"):
        generate(SMALL, out, progress=False)
    assert digests(out) == before


def test_only_what_is_missing_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = generate(TWO_SHARDS, tmp_path / "store", progress=False)
    before, kept = digests(out), shard_path(out, 1).stat().st_mtime_ns
    shard_path(out, 0).write_bytes(shard_path(out, 0).read_bytes()[:1000])  # cut short
    generate(TWO_SHARDS, out)
    assert digests(out) == before
    assert shard_path(out, 1).stat().st_mtime_ns == kept
    shown = capsys.readouterr().err
    assert "simulate train: 8/72 states" in shown
    assert "simulate train: 72/72 states" in shown
    generate(TWO_SHARDS, out)
    assert "all 72 states are there already" in capsys.readouterr().err


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    small = replace(SMALL, objects=ProceduralObjects(1), states_per_object=1)
    out = generate(small, tmp_path / "store", progress=False)
    other = replace(small, policy=replace(SMALL.policy, max_angle_deg=30.0))
    with pytest.raises(ValueError, match=r"policy.max_angle_deg 60.0 there, 30.0 here\); choose another folder"):
        generate(other, out)
    (tmp_path / "other" / "shards").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"shards but no manifest.json"):
        generate(SMALL, tmp_path / "other")


def test_a_store_of_more_senses_is_taken_and_one_of_fewer_refused(tmp_path: Path) -> None:
    small = replace(SMALL, objects=ProceduralObjects(1), states_per_object=1, senses=("rgb", "points"))
    out = generate(small, tmp_path / "store", progress=False)
    before = digests(out)
    assert generate(replace(small, senses=("points",)), out, progress=False) == out
    assert digests(out) == before
    with pytest.raises(ValueError, match="senses"):
        generate(replace(small, senses=("rgb", "points", "mask")), out, progress=False)


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    for name, size in (("b_can", 40.0), ("a_box", 80.0)):
        (tmp_path / "meshes" / name).mkdir(parents=True)
        trimesh.creation.box((size, size, 2 * size)).export(tmp_path / "meshes" / name / "model.ply")
    return tmp_path / "meshes"


def test_folders_of_meshes(meshes: Path, tmp_path: Path) -> None:
    source = MeshObjects(str(meshes), unit="mm")
    assert ObjectSet(source).names == [o.name for o in load_folder(meshes, unit="mm")[0]] == ["a_box", "b_can"]
    simulation = replace(SMALL, objects=replace(source, names=("b_can",), families=("can",)))
    store = Store(generate(simulation, tmp_path / "store", progress=False))
    assert [(o.name, o.family) for o in store.objects] == [("b_can", "can")]
    points = everything(store)["points"]
    reach = np.abs(points - points.mean(-2, keepdims=True)).max()  # half its diagonal is 49 mm, seen off centre
    assert 0.03 < reach < 0.07
    with pytest.raises(ValueError, match="no meshes named cup; it has 2, such as a_box"):
        ObjectSet(replace(source, names=("cup",)))
    with pytest.raises(ValueError, match="no such folder"):
        ObjectSet(MeshObjects(str(meshes / "none")))
    with pytest.raises(ValueError, match="one family for each name"):
        replace(source, families=("x",))


def test_ctrl_c_leaves_whole_shards_of_the_bytes_that_one_process_writes(tmp_path: Path) -> None:
    simulation = replace(TWO_SHARDS, objects=ProceduralObjects(40), states_per_object=32)
    script = tmp_path / "script.py"
    script.write_text(
        "import json, sys\n"
        "from smcrep.worlds.generate import Simulation, generate\n"
        "if __name__ == '__main__':\n"
        f"    record = json.loads({json.dumps(simulation.to_json())!r})\n"
        "    generate(Simulation.from_json(record), sys.argv[1], processes=2)\n"
    )
    out, root = tmp_path / "store", Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, script, out], env={"PYTHONPATH": str(root)}, stderr=subprocess.PIPE
    ) as child:
        while not list(out.glob("shards/shard-?????.json")):
            assert child.poll() is None
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        assert child.wait(60) != 0
    done = sorted(out.glob("shards/shard-?????.json"))
    assert 1 <= len(done) < simulation.num_shards
    assert sorted(p.stem for p in out.glob("shards/*.arrow")) == [p.stem for p in done]
    assert not list(out.glob("shards/.*"))
    for note in done:
        run_shard(simulation, int(note.stem[-5:]), tmp_path / "alone.arrow")
        assert (tmp_path / "alone.arrow").read_bytes() == note.with_suffix(".arrow").read_bytes()


def test_every_engine_writes_the_same_store(tmp_path: Path) -> None:
    simulation = Simulation(
        ProceduralObjects(33), policy=Policy(num_branches=1), states_per_object=4, image_size=8, num_points=4
    )
    assert simulation.num_shards == 3
    engines = {"one": (local, 1), "two": (local, 2)}
    if importlib.util.find_spec("ray"):
        engines["ray"] = (on_ray, 2)
    stores = {
        name: generate(simulation, tmp_path / name, processes=processes, progress=False, engine=engine)
        for name, (engine, processes) in engines.items()
    }
    first, *others = ({p.name: p.read_bytes() for p in sorted(s.rglob("*")) if p.is_file()} for s in stores.values())
    assert len(first) == 3 * 3 + 1
    assert all(other == first for other in others)
