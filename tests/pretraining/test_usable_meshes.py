"""Every mesh is read, moved and seen before anything is simulated; a bad one stops the run, or is left out by name."""

import runpy
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

from smcrep.pretraining import Run, tiny
from smcrep.pretraining.stores import stores, usable
from smcrep.worlds.generate import MeshObjects, Simulation
from smcrep.worlds.objects.finding import find
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.policy import Policy
from smcrep.worlds.rendering.view import Frames

ROOT = Path(__file__).parents[2]
BAD = {
    "needle": "MuJoCo cannot make a body of needle: .*; repair or skip the mesh",
    "untextured": "names the texture gone.png, which is missing",
}


made_of = import_module("smcrep.pretraining.stores")  # the package has a function of this name


def of_no_needle(things: tuple[ObjectModel, ...]) -> None:
    if things[0].name == "needle":
        raise ValueError("physics: MuJoCo cannot make a body of needle: too light; repair or skip the mesh")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six boxes, a needle that physics refuses, an OBJ without its image, a copy and a hidden file."""
    monkeypatch.setattr(made_of, "Bodies", of_no_needle)
    root = tmp_path / "meshes"
    root.mkdir()
    for i in range(6):
        trimesh.creation.box((0.1, 0.05 + 0.01 * i, 0.08)).export(root / f"box_{i}.off")
    trimesh.creation.box((0.0007, 0.0007, 0.04)).export(root / "needle.stl")
    (root / "untextured.obj").write_text("mtllib a.mtl\nusemtl a\nv 0 0 0\nv .1 0 0\nv 0 .1 0\nvt 0 0\nf 1/1 2/1 3/1\n")
    (root / "a.mtl").write_text("newmtl a\nmap_Kd gone.png\n")
    (root / "box_0.stl").write_bytes(b"copy")
    (root / "._box_1.off").write_bytes(b"hidden")
    return root


def run_of(root: Path, out: Path, **data: object) -> Run:
    run, few = tiny(), {"states_per_object": (1, 1, 1), "num_branches": (2, 2, 2), "image_size": 16, "num_points": 16}
    return replace(run, data=replace(run.data, root=root, processes=1, **few, **data), out=out)


def test_bad_meshes_stop_before_anything_is_written(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"({BAD['needle']}|{BAD['untextured']})"):
        stores(run_of(root, tmp_path / "out"), progress=False)
    assert not (tmp_path / "out").exists()


def test_bad_meshes_are_left_out_and_every_file_is_accounted_for(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(root, tmp_path / "out", on_bad="skip")
    made = stores(run)
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("skipped: ")]
    kept = [o.name for store in made.values() for o in store.objects]
    assert sorted(kept) == [f"box_{i}" for i in range(6)]
    assert len(told) + len(kept) == len(find(root).kept) + len(find(root).skipped) == 10
    again = stores(run, progress=False)
    assert {split: store.manifest.config for split, store in again.items()} == {
        split: store.manifest.config for split, store in made.items()
    }


def test_what_cannot_be_moved_or_seen_is_named(root: Path) -> None:
    source = MeshObjects(str(root), names=("box_0", "needle", "untextured"))
    simulation = Simulation(source, states_per_object=2, image_size=16)
    found, problems = usable(simulation, on_bad="skip")
    assert found.objects == replace(source, names=("box_0",), families=("box_0",))
    assert [line.split()[1] for line in problems] == ["needle:", "untextured:"]
    only = replace(simulation, objects=MeshObjects(str(root), names=("needle",)))
    with pytest.raises(ValueError, match="none of the 1 meshes of the split 'train' can be used"):
        usable(only, on_bad="skip")


def test_mesh_that_is_out_of_sight_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least one pixel in 256 of each observation shows it: of 16 x 16 pixels one."""
    simulation = Simulation(MeshObjects(str(root), names=("box_0",)), states_per_object=2, image_size=16)
    monkeypatch.setattr(made_of, "visible_pixels", lambda frames: np.array([1, 9, 1]))
    assert usable(simulation, on_bad="stop") == (simulation, [])
    monkeypatch.setattr(made_of, "visible_pixels", lambda frames: np.array([9, 0, 9]))
    monkeypatch.setattr(made_of, "MAX_ATTEMPTS", 2)
    with pytest.raises(
        ValueError, match="2 draws of box_0 were all unstable or out of sight; ask for a gentler policy"
    ):
        usable(simulation, on_bad="stop")


def test_script_names_what_it_leaves_out(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare_meshes = SimpleNamespace(**runpy.run_path(str(ROOT / "datasets/prepare_meshes.py")))
    few = {"states_per_object": 1, "num_branches": 2, "image_size": 16, "num_points": 16, "processes": 1}
    prepare_meshes.main(root, tmp_path / "store", on_bad="skip", **few)
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("skipped: ")]) == 4
    assert lines[-1] == (
        f"{root}: 10 mesh files, 8 of them objects; 6 are in the store, 0 are not of the split, 2 cannot be used"
    )
    with pytest.raises(ValueError, match=r"cannot make a body|is missing"):
        prepare_meshes.main(root, tmp_path / "other", **few)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("num_branches", "outcomes"), [(1, 1), (2, 2), (5, 2)])
def test_a_mesh_is_tried_with_two_outcomes_at_most(
    root: Path, monkeypatch: pytest.MonkeyPatch, num_branches: int, outcomes: int
) -> None:
    views = list[int]()

    def seen(frames: Frames) -> np.ndarray:
        views.append(len(frames.depth))
        return np.full(len(frames.depth), 9)

    monkeypatch.setattr(made_of, "visible_pixels", seen)
    policy = Policy(num_branches=num_branches)
    simulation = Simulation(MeshObjects(str(root), names=("box_0",)), states_per_object=2, image_size=16, policy=policy)
    assert usable(simulation, on_bad="stop") == (simulation, [])
    assert views == [1 + outcomes]
