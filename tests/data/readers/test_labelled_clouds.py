"""ModelNet and ScanObjectNN as HDF5 and as folders: planted clouds come out; copies, leaks and empty ones are named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smcrep.data.readers import hdf5_clouds
from smcrep.data.readers.cloud_folders import open_cloud_folder
from smcrep.data.readers.hdf5_clouds import open_modelnet_hdf5, open_scanobjectnn, read_hdf5_clouds
from tests.data.hostile import answers

h5py = pytest.importorskip("h5py")


def clouds(num: int, seed: int = 0, points: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(num, points, 3)).astype(np.float32)


def write(path: Path, **datasets: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            file.create_dataset(name, data=value, compression="gzip" if np.size(value) else None)
    return path


def modelnet(root: Path) -> np.ndarray:
    """Three files as PointNet's authors list them; training cloud 2 is a copy of 0, 1 one of test cloud 0."""
    points = clouds(6)
    points[2], points[1] = points[0], points[4]
    write(root / "ply_data_train0.h5", data=points[:3], label=np.array([[0], [1], [0]], np.uint8))
    write(root / "ply_data_train1.h5", data=points[3:4], label=np.array([[2]], np.uint8))
    write(root / "ply_data_test0.h5", data=points[4:], label=np.array([[1], [2]], np.uint8))
    prefix = "data/modelnet40_ply_hdf5_2048"
    (root / "train_files.txt").write_text(f"{prefix}/ply_data_train0.h5\n{prefix}/ply_data_train1.h5\n")
    (root / "test_files.txt").write_text(f"{prefix}/ply_data_test0.h5\n")
    (root / "shape_names.txt").write_text("bed\nchair\nsofa\n")
    (root / "ply_data_train_0_id2file.json").write_text(json.dumps([f"bed/bed_{i}.ply" for i in range(3)]))
    return points


def test_modelnet_hdf5_is_read_as_written(tmp_path: Path) -> None:
    points = modelnet(tmp_path)
    found = open_modelnet_hdf5(tmp_path)
    np.testing.assert_array_equal(found.points, points)
    assert found.labels.tolist() == [0, 1, 0, 2, 1, 2]
    assert found.is_test.tolist() == [False] * 4 + [True] * 2
    assert found.classes == ("bed", "chair", "sofa")
    assert found.ids.tolist()[1:4] == [
        "ply_data_train0/bed/bed_1.ply",
        "ply_data_train0/bed/bed_2.ply",
        "ply_data_train1/0",
    ]
    said = "\n".join(found.report)
    assert "6 clouds of 3 classes, 2 of them for tests" in said
    assert "1 of 4 training items are copies: ply_data_train0/bed/bed_2.ply of ply_data_train0/bed/bed_0.ply" in said
    assert "1 training items are copies of test items: ply_data_train0/bed/bed_1.ply of ply_data_test0/0" in said


def test_scanobjectnn_by_side_and_variant(tmp_path: Path) -> None:
    points = clouds(3)
    write(tmp_path / "training_objectdataset.h5", data=points[:2], label=np.array([0, 14]), mask=np.zeros((2, 16)))
    write(tmp_path / "test_objectdataset.h5", data=points[2:], label=np.array([4]), mask=np.zeros((1, 16)))
    found = open_scanobjectnn(tmp_path)
    np.testing.assert_array_equal(found.points, points)
    assert [found.classes[i] for i in found.labels] == ["bag", "toilet", "chair"]
    assert found.is_test.tolist() == [False, False, True]
    assert "no such file" in answers(lambda: open_scanobjectnn(tmp_path, "objectdataset_augmentedrot_scale75"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"data": np.zeros((2, 16, 2), np.float32)}, r"data is float32 \[2, 16, 2\]"),
        ({"data": np.zeros((0, 16, 3), np.float32), "label": np.zeros(0, int)}, r"not float \[n, p, 3\]"),
        ({"data": np.ones((2, 16, 3), int)}, "data is int64"),
        ({"label": np.array([0, 1, 1])}, r"label is int64 \[3\] for 2 clouds"),
        ({"label": np.array([0.0, 1.0])}, "label is float64"),
        ({"label": np.array([0, 15])}, "labels run from 0 to 15 with 15 classes"),
        ({"label": np.array([-1, 1])}, "labels run from -1"),
        ({"data": np.full((2, 16, 3), np.nan, np.float32)}, "cloud 0 is not finite, 2 in all"),
        ({"data": np.concatenate([clouds(1), np.ones((1, 16, 3), np.float32)])}, "cloud 1 is empty"),
        ({"other": np.zeros(1), "data": None}, "data"),
    ],
)
def test_wrong_hdf5_is_one_line(tmp_path: Path, wrong: dict[str, Any], words: str) -> None:
    given = {"data": clouds(2), "label": np.array([0, 1])} | wrong
    path = write(tmp_path / "a.h5", **{name: value for name, value in given.items() if value is not None})
    with pytest.raises(ValueError, match=words):
        read_hdf5_clouds(path, 15)
    answers(lambda: read_hdf5_clouds(path, 15), "a.h5")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated_hdf5_is_one_line(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "a.h5", data=clouds(20), label=np.zeros(20, int))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert "not point clouds in HDF5" in answers(lambda: read_hdf5_clouds(path, 15), "a.h5")


def test_hdf5_that_declares_more_than_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (1 << 20, 2048, 3), np.float32, chunks=(1, 2048, 3))  # 25 GB, none of it written
        file.create_dataset("label", data=np.zeros(1, int))
    assert "data declares [1048576, 2048, 3]" in answers(lambda: read_hdf5_clouds(tmp_path / "a.h5", 15))
    monkeypatch.setattr(hdf5_clouds, "MAX_BYTES", 100)
    path = write(tmp_path / "b.h5", data=clouds(2), label=np.zeros(2, int))
    assert "limit 100 bytes" in answers(lambda: read_hdf5_clouds(path, 15))


def test_lists_and_mixed_sizes_are_refused_in_one_line(tmp_path: Path) -> None:
    modelnet(tmp_path)
    write(tmp_path / "ply_data_train1.h5", data=clouds(1, points=9), label=np.array([2]))
    assert "clouds of [9, 16] points" in answers(lambda: open_modelnet_hdf5(tmp_path))
    (tmp_path / "ply_data_train_0_id2file.json").write_text('["one"]')
    write(tmp_path / "ply_data_train1.h5", data=clouds(1), label=np.array([2]))
    assert "not a list of 3 names" in answers(lambda: open_modelnet_hdf5(tmp_path))
    (tmp_path / "test_files.txt").write_text("")
    assert "nothing in it" in answers(lambda: open_modelnet_hdf5(tmp_path))
    assert "no such file" in answers(lambda: open_modelnet_hdf5(tmp_path / "nowhere"))


# ---- folders


def folder(root: Path) -> np.ndarray:
    points = clouds(4)
    for name, cloud in zip(("bed/train/a", "bed/test/b", "sofa/train/c", "sofa/test/d"), points, strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(root / f"{name}.npy", cloud)
    return points


def test_folder_of_clouds_is_read_by_class_and_side(tmp_path: Path) -> None:
    points = folder(tmp_path)
    found = open_cloud_folder(tmp_path, 10)
    assert found.ids.tolist() == ["bed/test/b", "bed/train/a", "sofa/test/d", "sofa/train/c"]
    np.testing.assert_array_equal(found.points, points[[1, 0, 3, 2], :10])
    assert found.labels.tolist() == [0, 0, 1, 1]
    assert found.is_test.tolist() == [True, False, True, False]
    assert len(found.report) == 1


def test_small_damaged_and_copied_clouds_are_named(tmp_path: Path) -> None:
    points = folder(tmp_path)
    np.save(tmp_path / "sofa/train/small.npy", points[0, :9])
    np.save(tmp_path / "sofa/train/leak.npy", points[3])
    (tmp_path / "bed/train/cut.npy").write_bytes((tmp_path / "bed/train/a.npy").read_bytes()[:60])
    (tmp_path / "lamp/train").mkdir(parents=True)
    np.save(tmp_path / "lamp/train/nan.npy", np.full((10, 3), np.nan))
    (tmp_path / "notes/train").mkdir(parents=True)
    (tmp_path / "notes/train/read.me").write_text("no cloud")
    found = open_cloud_folder(tmp_path, 10)
    assert len(found) == 5
    said = "\n".join(found.report)
    assert "bed/train/cut.npy is left out" in said
    assert "sofa/train/small.npy is left out (9 points, 10 wanted)" in said
    assert "class 'lamp' has no cloud left" in said
    assert "copies of test items: sofa/train/leak of sofa/test/d" in said


def test_folder_without_clouds_is_one_line(tmp_path: Path) -> None:
    assert "no such folder" in answers(lambda: open_cloud_folder(tmp_path / "nowhere", 10))
    assert "no clouds in it" in answers(lambda: open_cloud_folder(tmp_path, 10))
    folder(tmp_path)
    assert "so are all 4 clouds" in answers(lambda: open_cloud_folder(tmp_path, 99))
