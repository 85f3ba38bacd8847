"""Any kind of image becomes RGB; a broken one is refused; views are a function of seed, epoch and image."""

import io
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from smcrep.data.augment import Augmentation, augment
from smcrep.data.loader import TransitionLoader
from smcrep.data.readers.images import AugmentedImages, Pictures, open_folder, open_parquet
from smcrep.data.store import Store, verify

ROOT = Path(__file__).parents[3]
CIFAR = Path(os.environ.get("SMCREP_DATA", Path.home() / ".cache/smcrep/data")) / "cifar10_jpeg"


def noise(seed: int, size: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def encoded(array: np.ndarray, kind: str = "png") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


def parquet(path: Path, images: list[bytes | None], labels: list[int], names: list[str] | None = None) -> Path:
    items = [{"bytes": b, "path": f"class{c}/{i}.png"} for i, (b, c) in enumerate(zip(images, labels, strict=True))]
    column = pa.array(items, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    table = pa.table({"img": column, "label": pa.array(labels, pa.int64())})
    if names:
        note = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(note)})
    pq.write_table(table, path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(6):
        (tmp_path / "set" / f"class{i % 2}").mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / f"class{i % 2}" / f"{i}.png").write_bytes(encoded(noise(i)))
    (tmp_path / "set" / "class0" / ".hidden.png").write_bytes(b"")
    (tmp_path / "set" / "class0" / "notes.txt").write_text("not an image")
    return tmp_path / "set"


def test_folder_and_parquet_give_the_same_images(folder: Path, tmp_path: Path) -> None:
    loose = open_folder(folder)
    assert (len(loose), loose.classes, loose.labels.tolist()) == (6, ("class0", "class1"), [0, 0, 0, 1, 1, 1])
    order = [0, 2, 4, 1, 3, 5]
    path = parquet(tmp_path / "a.parquet", [encoded(noise(i)) for i in order], [0, 0, 0, 1, 1, 1])
    table = open_parquet(path)
    assert table.classes == loose.classes
    np.testing.assert_array_equal(table.labels, loose.labels)
    for i, seed in enumerate(order):
        np.testing.assert_array_equal(loose.decode(i, 12), noise(seed))
        np.testing.assert_array_equal(table.decode(i, 12), noise(seed))


def test_class_names_come_from_the_metadata_first(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", [encoded(noise(0))], [1], ["cat", "dog"])
    assert open_parquet(path).classes == ("cat", "dog")
    assert open_parquet(parquet(tmp_path / "b.parquet", [encoded(noise(0))], [1])).classes == ("0", "class1")


def one(path: Path) -> Pictures:
    return Pictures([path], np.zeros(1, np.int64), ("a",), str(path.parent))


def test_every_kind_of_image_becomes_rgb(tmp_path: Path) -> None:
    grey = noise(0)[..., 0]
    alpha = np.where(np.arange(12)[:, None] < 6, 255, 0).astype(np.uint8) * np.ones((1, 12), np.uint8)
    kinds = {
        "grey.png": (Image.fromarray(grey), np.repeat(grey[..., None], 3, 2)),
        "deep.png": (Image.fromarray(grey.astype(np.uint16) * 257), np.repeat(grey[..., None], 3, 2)),
        "deep.tiff": (Image.fromarray(grey.astype(np.uint16) * 257), np.repeat(grey[..., None], 3, 2)),
        "int.tiff": (Image.fromarray(grey.astype(np.int32) * 257), np.repeat(grey[..., None], 3, 2)),
        "alpha.png": (
            Image.fromarray(np.dstack([noise(1), alpha])),
            np.where(alpha[..., None] == 255, noise(1), 255),
        ),
        "grey_alpha.png": (
            Image.fromarray(np.dstack([grey, alpha])),
            np.where(alpha == 255, grey, 255)[..., None].repeat(3, 2),
        ),
        "bit.png": (Image.fromarray(grey > 99), np.where(grey > 99, 255, 0)[..., None].repeat(3, 2)),
        "palette.gif": (Image.fromarray((grey // 64) * 60), np.repeat((grey // 64 * 60)[..., None], 3, 2)),
        "cmyk.tiff": (Image.fromarray(noise(2)).convert("CMYK"), noise(2)),
    }
    for name, (image, expected) in kinds.items():
        image.save(tmp_path / name)
        found = one(tmp_path / name).decode(0, 12)
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - expected).max() <= 1, name


def test_images_are_upright_and_keep_their_aspect(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = noise(0, 20)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side: turn 90 degrees clockwise to see it
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(np.rot90(wide).copy()).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(one(tmp_path / "wide.png").decode(0, 20), noise(0, 20))
    np.testing.assert_array_equal(one(tmp_path / "turned.png").decode(0, 20), noise(0, 20))


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some damage before it refuses the file
@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "tiff", "webp"])
def test_damaged_image_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    rng, whole = np.random.default_rng(0), encoded(noise(0), kind)
    refused = 0
    for trial in range(120):
        broken = bytearray(whole[: rng.integers(0, len(whole))] if trial % 2 else whole)
        for at in rng.integers(0, max(len(broken), 1), 3):
            broken[at : at + 1] = bytes([rng.integers(256)])
        (tmp_path / "x.png").write_bytes(broken)
        try:
            assert one(tmp_path / "x.png").decode(0, 8).shape == (8, 8, 3)
        except ValueError as error:
            refused += str(error).startswith(f"{tmp_path / 'x.png'}: not a readable image (")
            complaint = str(error)
            assert_one_line(complaint)
    assert refused > 30


def assert_one_line(text: str) -> None:
    assert "\n" not in text
    assert "replace it or leave it out" in text


def test_unreadable_sources_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere: no such folder of images; check the path"):
        open_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: no images in it; expected empty/<class>/<name>.jpg"):
        open_folder(tmp_path / "empty")
    with pytest.raises(ValueError, match="no such Parquet file"):
        open_parquet(tmp_path / "nowhere.parquet")
    with pytest.raises(ValueError, match=r"a.parquet: no images in it"):
        open_parquet(parquet(tmp_path / "a.parquet", [], []))
    path = parquet(tmp_path / "b.parquet", [encoded(noise(0)), None], [0, 1])
    with pytest.raises(ValueError, match=r"not Parquet with 'picture' .* and 'label'"):
        open_parquet(path, image_column="picture")
    with pytest.raises(ValueError, match=r"not Parquet with 'label'"):
        open_parquet(path, image_column="label", label_column="img")
    with pytest.raises(ValueError, match=r"b.parquet, row 1: not a readable image"):
        open_parquet(path).decode(1, 8)
    with pytest.raises(ValueError, match="labels count from 0"):
        open_parquet(parquet(tmp_path / "c.parquet", [encoded(noise(0))], [-1]))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"b.parquet: not Parquet with"):
        open_parquet(path)
    Image.fromarray(np.ones((4, 4), np.float32)).save(folder / "class0" / "float.tiff")
    with pytest.raises(ValueError, match=r"float.tiff: not a readable image .*unknown range"):
        open_folder(folder).decode(3, 8)


def test_views_are_the_image_under_the_recorded_parameters(folder: Path) -> None:
    source = AugmentedImages(open_folder(folder), 12, 3, seed=1)
    t, y = source.load(np.array([4, 1]), epoch=0)
    action: Any = t.action
    assert isinstance(action, Augmentation)
    assert t.after["rgb"].shape == (2, 3, 12, 12, 3)
    np.testing.assert_array_equal(t.before["rgb"][0], source.pictures.decode(4, 12))
    for i in range(3):
        assert torch.equal(augment(t.before["rgb"], action[:, i]), t.after["rgb"][:, i])
    assert (t.object_id.tolist(), y.class_id.tolist()) == ([4, 1], [1, 0])
    assert (t.physics, bool(y.physics.isnan().all()), y.pose_after.shape) == (None, True, (2, 3, 4, 4))


def test_views_depend_on_seed_epoch_and_image_alone(folder: Path) -> None:
    pictures = open_folder(folder)

    def views(states: list[int], seed: int = 1, epoch: int = 0) -> torch.Tensor:
        return AugmentedImages(pictures, 12, 3, seed).load(np.array(states), epoch)[0].after["rgb"]

    assert torch.equal(views([4, 1, 2])[0], views([4])[0])
    assert not torch.equal(views([4]), views([4], epoch=1))
    assert not torch.equal(views([4]), views([4], seed=2))
    with TransitionLoader(AugmentedImages(pictures, 12, 3, 1), batch_states=6, seed=0) as loader:
        first, second = next(loader)[0], next(loader)[0]
    assert sorted(first.state_id.tolist()) == list(range(6))
    assert torch.equal(first.after["rgb"], views(first.state_id.tolist(), epoch=0))
    assert torch.equal(second.after["rgb"], views(second.state_id.tolist(), epoch=1))


def test_prepared_store_gives_the_transitions_of_the_reader(folder: Path, tmp_path: Path) -> None:
    script, out = ROOT / "datasets" / "prepare_cifar10.py", tmp_path / "store"
    runpy.run_path(str(script))["main"](folder, out, image_size=12, num_branches=2)
    verify(out)
    store, states = Store(out), np.array([5, 0, 3])
    stored, y = store.transitions(states), store.targets(states)
    direct, targets = AugmentedImages(open_folder(folder), 12, 2, seed=0).load(states, 0)
    assert torch.equal(stored.before["rgb"], direct.before["rgb"])
    assert torch.equal(stored.after["rgb"], direct.after["rgb"])
    assert torch.equal(stored.action.vector(), direct.action.vector())
    assert torch.equal(y.class_id, targets.class_id)
    assert (stored.physics, bool(y.pose_before.isnan().all())) == (None, True)

    command = [sys.executable, str(script), str(folder), str(out), "--image-size", "16"]
    refused = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "another configuration" in refused.stderr


@pytest.mark.skipif(not (CIFAR / "test.parquet").is_file(), reason="cifar10_jpeg is not in $SMCREP_DATA")
def test_cifar10_is_read() -> None:
    pictures = open_parquet(CIFAR / "test.parquet")
    assert len(pictures) == 10_000
    assert pictures.classes[0] == "airplane"
    assert pictures.classes[9] == "truck"
    assert np.bincount(pictures.labels).tolist() == [1000] * 10
    loose = open_folder(CIFAR / "imagefolder" / "test")
    assert (len(loose), loose.classes) == (50, pictures.classes)
    np.testing.assert_array_equal(loose.decode(0, 32), pictures.decode(0, 32))  # airplane/0000
    t, _ = AugmentedImages(pictures, 32, 3, seed=0).load(np.arange(64), 0)
    assert t.after["rgb"].float().std() > 20


def test_path_that_is_not_utf8_is_refused_in_one_line(tmp_path: Path) -> None:
    picture = pa.array([encoded(noise(0))], pa.binary())
    path = pa.StringArray.from_buffers(1, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xc8"))
    images = pa.StructArray.from_arrays([picture, path], ["bytes", "path"])
    pq.write_table(pa.table({"img": images, "label": pa.array([0])}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet: not Parquet with 'img'.*; name its columns, or copy it again"):
        open_parquet(tmp_path / "a.parquet")
