"""A file is not an object: layouts of data sets and tools, copies, parts, links; every file is kept or named."""

from pathlib import Path

import pytest

from smcrep.data.splits import split_objects
from smcrep.worlds.objects.finding import find, find_meshes
from smcrep.worlds.objects.meshes import load_folder
from tests.worlds.mesh_files import write_obj, write_off

YCB = ["google_16k/textured.obj", "google_16k/nontextured.ply", "google_16k/nontextured.stl", "google_16k/textured.dae"]
YCB += ["google_64k/textured.obj", "google_512k/nontextured.stl", "poisson/textured.obj", "poisson/nontextured.ply"]
YCB += ["tsdf/textured.obj", "tsdf/nontextured.stl", "clouds/merged_cloud.ply"]


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def kept(root: Path) -> dict[str, str]:
    """Name -> file below the root; checks that every file is kept or skipped with a reason."""
    found = find(root)
    everything = {p for p in root.rglob("*") if p.is_file() and p.suffix not in (".mtl", ".png", ".xml", ".json")}
    told = [*found.kept.values(), *(path for path, _ in found.skipped)]
    assert set(told) >= everything
    assert len(told) == len(set(told))
    assert all(reason for _, reason in found.skipped)
    assert len(found.report()) == len(found.skipped)
    assert find_meshes(root) == found.kept
    return {name: path.relative_to(root).as_posix() for name, path in found.kept.items()}


LAYOUTS = {
    "YCB": ([f"{o}/{f}" for o in ("002_can", "025_mug") for f in YCB], ["002_can", "025_mug"]),
    "BOP": (
        [f"{m}/obj_{i:06}.ply" for m in ("models", "models_eval", "models_fine") for i in (1, 2, 3)],
        ["obj_000001", "obj_000002", "obj_000003"],
    ),
    "several BOP": (
        [f"{d}/{m}/obj_000001.ply" for d in ("lm", "ycbv") for m in ("models", "models_eval")],
        ["lm/obj_000001", "ycbv/obj_000001"],
    ),
    "obj2mjcf": (
        [f"{o}/{o}{e}.obj" for o in ("cup", "box") for e in ("", "_0", "_1", "_collision_0", "_collision_1")],
        ["box", "cup"],
    ),
    "obj2mjcf beside": (["cup.obj", "cup/cup.obj", "cup/cup_0.obj", "cup/cup_collision_0.obj"], ["cup"]),
    "scanned objects": (
        [f"{o}/model{e}.obj" for o in ("Red_Cup", "Blue_Box") for e in ("", *(f"_collision_{i}" for i in range(12)))],
        ["Blue_Box", "Red_Cup"],
    ),
    "PyBullet YCB": (
        [f"{o}/{f}.obj" for o in ("YcbCan", "YcbMug") for f in ("textured_simple_reoriented", "collision_vhacd")],
        ["YcbCan", "YcbMug"],
    ),
    "random URDFs": ([f"{i:03}/{i:03}{e}.obj" for i in range(3) for e in ("", "_coll")], ["000", "001", "002"]),
    "visual and collision": (
        [f"robot/{k}/{n}.stl" for k in ("visual", "collision") for n in ("arm", "hand")],
        ["arm", "hand"],
    ),
    "Google scans": (["Shoe/meshes/model.obj", "Hat/meshes/model.obj"], ["Hat", "Shoe"]),
    "ShapeNet": ([f"0269/{h}/models/model_normalized.obj" for h in ("1a04", "2b91")], ["1a04", "2b91"]),
    "ModelNet": ([f"chair/{s}/chair_{i}.off" for i, s in enumerate(("train", "test"))], ["chair_0", "chair_1"]),
    "formats": (["obj/mug.obj", "stl/mug.stl", "ply/mug.ply"], ["mug"]),
    "flat": (["chair_1.obj", "chair_2.obj", "bowl.stl", "boat_hull.obj", "protocol.off"], None),
    "flat with parts": (["mug.obj", "mug_vhacd.obj", "mug.coacd.obj", "mug-convex.stl", "mug_hull_3.obj"], ["mug"]),
}


@pytest.mark.situation("several files of one YCB object")
@pytest.mark.parametrize("name", LAYOUTS)
def test_one_object_for_each_thing_of_a_layout(tmp_path: Path, name: str) -> None:
    names, expected = LAYOUTS[name]
    found = kept(files(tmp_path / "data", *names))
    assert list(found) == (sorted(Path(n).stem for n in names) if expected is None else expected)
    if len(found) > 2:
        parts = split_objects(list(found), {"train": 0.4, "val": 0.3, "test": 0.3}, seed=0)
        assert sorted(name for part in parts.values() for name in part) == sorted(found)


@pytest.mark.situation("several files of one YCB object")
def test_textured_scan_of_the_smallest_size_is_taken(tmp_path: Path) -> None:
    assert kept(files(tmp_path / "a", *(f"002_can/{f}" for f in YCB))) == {"002_can": "002_can/google_16k/textured.obj"}
    assert list(kept(files(tmp_path / "b" / "025_mug", *YCB))) == ["025_mug"]
    assert kept(files(tmp_path / "c", *(f"models{m}/obj_000001.ply" for m in ("_eval", "", "_cad")))) == {
        "obj_000001": "models/obj_000001.ply"
    }


@pytest.mark.situation("files of equal stem")
def test_equal_stems_are_one_object_and_the_others_are_named(tmp_path: Path) -> None:
    files(tmp_path, "mug.stl", "mug.obj", "mug.ply", "bowl.stl", "Mug.off")
    assert kept(tmp_path) == {"Mug": "Mug.off", "bowl": "bowl.stl", "mug": "mug.obj"}
    assert [line for line in find(tmp_path).report() if "mug" in line] == [
        f"skipped: {tmp_path / name} is another form of mug.obj, which is read" for name in ("mug.ply", "mug.stl")
    ]


@pytest.mark.situation("hidden files of file managers")
def test_hidden_files_and_other_formats_are_named(tmp_path: Path) -> None:
    files(tmp_path, "mug.obj", "._mug.obj", "__MACOSX/mug.obj", ".git/a.obj", "cup.fbx", "cup.gltf", "notes.txt")
    found = find(tmp_path)
    assert list(found.kept) == ["mug"]
    reasons = {path.relative_to(tmp_path).as_posix(): reason for path, reason in found.skipped}
    assert {name for name, reason in reasons.items() if reason == "is hidden"} == {
        "._mug.obj",
        "__MACOSX/mug.obj",
        ".git/a.obj",
    }
    assert {name for name, reason in reasons.items() if "kind that is not read" in reason} == {"cup.fbx", "cup.gltf"}


@pytest.mark.situation("hidden files of file managers")
def test_copies_of_a_file_manager_are_named_and_namesakes_of_other_bytes_are_kept(tmp_path: Path) -> None:
    files(tmp_path, "mug.obj", "mug copy.obj", "mug (1).obj", "mug (2).obj")
    for name in ("mug copy.obj", "mug (1).obj"):
        (tmp_path / name).write_bytes((tmp_path / "mug.obj").read_bytes())
    assert list(kept(tmp_path)) == ["mug", "mug (2)"]


@pytest.mark.situation("linked folders and files")
def test_linked_folders_and_files_are_found_once_and_loops_end(tmp_path: Path) -> None:
    for name in ("002_can", "025_mug"):
        write_obj(tmp_path / "pool" / name, name="textured.obj")
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    (chosen / "002_can").symlink_to(tmp_path / "pool/002_can")
    (chosen / "mug.obj").symlink_to(tmp_path / "pool/025_mug/textured.obj")
    (chosen / "again").symlink_to(tmp_path / "pool/002_can")
    (chosen / "gone.obj").symlink_to(tmp_path / "nowhere.obj")
    (chosen / "up").symlink_to(chosen)
    objects, problems = load_folder(chosen)
    assert [o.name for o in objects] == ["002_can", "mug"]
    assert [line.removeprefix(f"skipped: {chosen}/") for line in problems] == [
        "again/textured.obj is the same file as 002_can/textured.obj",
        "gone.obj is a link to nothing; mend or remove it",
    ]
    assert len(find(tmp_path).kept) == 2


@pytest.mark.situation("collision parts beside a model")
def test_folder_of_parts_alone_or_of_nothing_usable(tmp_path: Path) -> None:
    assert len(kept(files(tmp_path / "a", "cup_collision_0.obj", "cup_collision_1.obj"))) == 2
    with pytest.raises(ValueError, match=r"no mesh file .* anywhere below it .1 are skipped: .*cup.fbx is of a kind"):
        find(files(tmp_path / "b", "cup.fbx"))
    with pytest.raises(ValueError, match="no such folder"):
        find(tmp_path / "c")


@pytest.mark.situation("collision parts beside a model")
def test_load_folder_names_what_it_does_not_read(tmp_path: Path) -> None:
    write_obj(tmp_path / "can", name="textured.obj")
    write_off(tmp_path / "can" / "nontextured.off")
    write_obj(tmp_path / "bad", texture=False, name="textured.obj")
    (tmp_path / "bad/thing.mtl").write_text("newmtl m\nmap_Kd gone.png\n")
    objects, problems = load_folder(tmp_path)
    assert [o.name for o in objects] == ["can"]
    assert len(problems) == 2
    assert problems[0] == f"skipped: {tmp_path}/can/nontextured.off is another form of can/textured.obj, which is read"
    assert "names the texture gone.png, which is missing" in problems[1]
