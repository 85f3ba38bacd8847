"""What a store was made of is in its record: an edited mesh, material or texture is noticed, another path is not."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smcrep.worlds.objects.cache import ByteCache
from smcrep.worlds.objects.content import content_hash
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.objects.source import MeshObjects, ObjectSet
from smcrep.worlds.simulation import Simulation
from tests.worlds.glb_files import Glb, quarters
from tests.worlds.mesh_files import CORNERS, FACES, write_obj, write_off


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("can", "mug"):
        write_obj(tmp_path / "meshes" / name, material="map_Kd -s 2 2 1 tex.png", name="textured.obj")
    return tmp_path / "meshes"


def edited(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(path.stat().st_mtime_ns + 10**9,) * 2)


@pytest.mark.situation("mesh, material or image edited after the store")
@pytest.mark.parametrize("name", ["textured.obj", "thing.mtl", "tex.png"])
def test_edit_of_any_file_of_an_object_changes_its_entry_alone(root: Path, name: str) -> None:
    before = MeshObjects(str(root))
    edited(root / "can" / name, (root / "can" / name).read_bytes() + b"\n# edited\n")
    after = MeshObjects(str(root))
    assert after != before
    assert after.content[0] != before.content[0]
    assert after.content[1] == before.content[1]
    with pytest.raises(ValueError, match=r"1 meshes .* have changed since they were recorded: can; make a new store"):
        ObjectSet(before)
    assert len(ObjectSet(after)) == 2


def test_images_of_ply_and_glb_and_missing_files_count(tmp_path: Path) -> None:
    quarters().save(tmp_path / "a b.png")
    glb = Glb(image=quarters())
    glb.tree["images"] = [{"uri": "a%20b.png"}]
    paths = [glb.write(tmp_path / "a.glb"), tmp_path / "a.ply"]
    paths[1].write_text("ply\nformat ascii 1.0\ncomment TextureFile a b.png\nend_header\n")
    first = [content_hash(path) for path in paths]
    Image.new("RGB", (3, 3)).save(tmp_path / "a b.png")
    second = [content_hash(path) for path in paths]
    (tmp_path / "a b.png").unlink()
    third = [content_hash(path) for path in paths]
    for hashes in zip(first, second, third, strict=True):
        assert len(set(hashes)) == 3


@pytest.mark.situation("mesh, material or image edited after the store")
def test_same_folder_spelt_differently_is_the_same(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    spellings = [str(root), f"{root}/", "meshes", "./meshes/../meshes", "link", "~/meshes"]
    assert len({MeshObjects(spelling) for spelling in spellings}) == 1


def test_record_survives_json_subsets_and_a_folder_that_is_away(root: Path) -> None:
    source = MeshObjects(str(root))
    simulation = Simulation(source)
    assert Simulation.from_json(simulation.to_json()) == simulation
    part = replace(source, names=("mug",))
    assert part.content == source.content[1:]
    assert replace(part, names=("can", "mug")).content == source.content
    root.rename(root.parent / "away")
    assert Simulation.from_json(simulation.to_json()).to_json() == simulation.to_json()


def test_copied_folder_has_the_same_content(root: Path, tmp_path: Path) -> None:
    for name in ("can", "mug"):
        write_obj(tmp_path / "copy" / name, material="map_Kd -s 2 2 1 tex.png", name="textured.obj")
    assert MeshObjects(str(tmp_path / "copy")).content == MeshObjects(str(root)).content


def test_cache_keeps_bytes_below_its_bound_and_the_last_object_in_any_case() -> None:
    def thing(side: int) -> ObjectModel:
        texture = np.zeros((side, side, 3), np.uint8)
        uv = np.zeros((4, 3, 2), np.float32)
        return ObjectModel("a", "a", CORNERS.astype(np.float32), FACES.astype(np.int32), uv, texture)

    cache, built = ByteCache(40_000, lambda thing: thing.nbytes), []
    for key in (0, 1, 2, 3, 1, 0, 3):
        cache.get(key, lambda key=key: built.append(key) or thing(64))
        assert cache.num_bytes <= 40_000
    assert built == [0, 1, 2, 3, 0]
    large = cache.get("large", lambda: thing(512))
    assert cache.get("large", lambda: thing(1)) is large
    assert cache.num_bytes == 512 * 512 * 3 + 4 * 3 * 4 + 4 * 3 * 4 + 4 * 6 * 4


def test_objects_of_all_sets_share_one_bound(tmp_path: Path) -> None:
    write_off(tmp_path / "a.off")
    first, second = ObjectSet(MeshObjects(str(tmp_path))), ObjectSet(MeshObjects(str(tmp_path)))
    assert first[0] is first[0]
    assert first[0] is not second[0]
