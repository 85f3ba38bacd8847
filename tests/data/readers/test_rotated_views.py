"""3DIEBench and COIL: the turn between two pictures is that of the files, and what is wrong in a folder is named."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from smcrep.data.loader import TransitionLoader
from smcrep.data.readers.coil import open_coil20, open_coil100, turntable_deg
from smcrep.data.readers.rotated_views import RotatedViews
from smcrep.data.readers.three_d_ie_bench import (
    VIEWS,
    open_3diebench,
    read_latent,
    relative_quaternion,
    true_colours,
)
from smcrep.geometry.action import KINDS
from tests.data.hostile import answers

SIZES = {"image_size": 8, "num_branches": 3, "seed": 0}


def bench(root: Path, num_objects: int = 2) -> dict[str, np.ndarray]:
    """OBJECT -> latents [50, 7]; the red of a picture says which object and view it is."""
    rng, found = np.random.default_rng(0), {}
    for number in range(num_objects):
        folder = root / f"synset{number}" / f"object{number}"
        folder.mkdir(parents=True)
        angles = rng.uniform(-math.pi / 2, math.pi / 2, (VIEWS, 3))
        latents = np.concatenate([angles, rng.uniform(0, 1, (VIEWS, 4))], 1)
        for view in range(VIEWS):
            np.save(folder / f"latent_{view}.npy", latents[view])
            colour = (4 * view, 100 * number, 7)
            Image.new("RGB", (8, 8), colour).save(folder / f"image_{view}.jpg", quality=95)
        found[f"synset{number}/object{number}"] = latents
    return found


def view_of(row: int) -> tuple[int, int]:
    return divmod(row, VIEWS)


def test_turn_of_3diebench_leads_from_one_orientation_to_the_other(tmp_path: Path) -> None:
    """R_after = turn R_before with scipy's rotations of the planted Euler angles: its "xyz" are fixed axes."""
    latents = np.stack(list(bench(tmp_path).values()))
    source = open_3diebench(tmp_path, **SIZES)
    assert source.pictures.report == (f"{tmp_path}: 100 views of 2 objects, 2 classes",)
    states = np.array([3, 77])
    transition, targets = source.load(states, epoch=1)
    outcomes = source.outcomes(states, epoch=1)
    for i, state in enumerate(states):
        number, view = view_of(int(state))
        assert targets.class_id[i] == number
        before = Rotation.from_euler("xyz", latents[number, view, :3]).as_matrix()
        for j, outcome in enumerate(outcomes[i]):
            other, after_view = view_of(int(outcome))
            assert other == number
            after = Rotation.from_euler("xyz", latents[number, after_view, :3]).as_matrix()
            turn = transition.action.motion[i, j, :3, :3].double().numpy()
            np.testing.assert_allclose(turn @ before, after, atol=1e-6)
            np.testing.assert_allclose(targets.pose_after[i, j, :3, :3], after, atol=1e-6)
            shown = float(transition.after["rgb"][i, j, ..., 0].float().mean())
            assert shown == pytest.approx(4 * after_view, abs=4)  # and JPEG's own error
    assert (transition.action.kind == KINDS.index("turn")).all()
    assert transition.action.motion[..., :3, 3].abs().max() == 0


def test_outcomes_are_drawn_by_seed_epoch_and_state_alone(tmp_path: Path) -> None:
    bench(tmp_path, 1)
    source = open_3diebench(tmp_path, **SIZES)
    whole = source.outcomes(np.arange(VIEWS), epoch=0)
    assert all(len({*row, state}) == 4 for state, row in enumerate(whole.tolist()))
    np.testing.assert_array_equal(source.outcomes(np.array([9, 4]), epoch=0), whole[[9, 4]])
    assert (source.outcomes(np.arange(VIEWS), epoch=1) != whole).any()
    batch, _ = next(TransitionLoader(source, batch_states=1, seed=0, prefetch=0))
    assert batch.after["rgb"].shape == (1, 3, 8, 8, 3)


def test_published_quaternion_is_about_the_axes_of_the_object(tmp_path: Path) -> None:
    """R1^-1 R2, and not the turn about fixed axes R2 R1^-1: the two have one angle and other axes."""
    latents = next(iter(bench(tmp_path, 1).values()))
    q = relative_quaternion(latents[:5], latents[5:10])
    for i in range(5):
        first, second = (Rotation.from_euler("xyz", latents[j, :3]).as_matrix() for j in (i, 5 + i))
        np.testing.assert_allclose(Rotation.from_quat(q[i]).as_matrix(), first.T @ second, atol=1e-9)
        assert np.abs(Rotation.from_quat(q[i]).as_matrix() - second @ first.T).max() > 0.05


def test_colours_are_exchanged_as_the_authors_saved_them() -> None:
    assert true_colours(np.array([[1, 2, 3]])).tolist() == [[3, 2, 1]]


def test_wrong_views_are_named_and_left_out(tmp_path: Path) -> None:
    bench(tmp_path)
    folder = tmp_path / "synset0/object0"
    np.save(folder / "latent_3.npy", np.zeros(9))
    np.save(folder / "latent_4.npy", np.array([1.0, np.nan, 0, 0, 0, 0, 0]))
    (folder / "latent_5.npy").write_bytes((folder / "latent_5.npy").read_bytes()[:-9])
    (folder / "latent_6.npy").unlink()
    (folder / "image_7.jpg").write_bytes(b"")
    (folder / "image_8.jpg").unlink()
    (folder / "image_10.jpg").write_bytes((folder / "image_9.jpg").read_bytes())
    source = open_3diebench(tmp_path, **SIZES)
    assert len(source.object_ids) == 94
    report = source.pictures.report
    assert len(report) == 8
    said = "\n".join(report)
    assert sum(line.startswith("left out: ") for line in report) == 6
    for words in (
        "latent_3.npy: a latent of float64 [9], not 7 numbers; unpack it again",
        "latent_4.npy: a latent that is not finite",
        "latent_5.npy: not a latent",
        "latent_6.npy: no latent",
        "image_7.jpg: no picture, or an empty one",
        "image_8.jpg: no picture",
        "are copies: synset0/object0/image_10.jpg of synset0/object0/image_9.jpg",
    ):
        assert words in said
    rows = [name for name in source.pictures.names if "object0/image_2.jpg" in name or "object0/image_9" in name]
    assert rows == ["synset0/object0/image_2.jpg", "synset0/object0/image_9.jpg"]


def test_rotation_stays_with_its_picture_where_views_are_missing(tmp_path: Path) -> None:
    latents = next(iter(bench(tmp_path, 1).values()))
    (tmp_path / "synset0/object0/image_0.jpg").unlink()
    source = open_3diebench(tmp_path, **SIZES)
    np.testing.assert_allclose(source.rotation[0], Rotation.from_euler("xyz", latents[1, :3]).as_matrix())


def test_a_folder_that_is_none_is_one_line(tmp_path: Path) -> None:
    assert "no such folder" in answers(lambda: open_3diebench(tmp_path / "nowhere", **SIZES))
    assert "no such object" in answers(lambda: open_3diebench(tmp_path, **SIZES))
    bench(tmp_path, 1)
    assert "a/b: no such object" in answers(lambda: open_3diebench(tmp_path, ["a/b"], **SIZES))
    assert len(open_3diebench(tmp_path, ["synset0/object0"], **SIZES).object_ids) == VIEWS
    few = {**SIZES, "num_branches": VIEWS}
    assert "has 50 pictures for 50 outcomes" in answers(lambda: open_3diebench(tmp_path, **few))
    (tmp_path / "large.npy").write_bytes(bytes(9999))
    with pytest.raises(ValueError, match="9999 bytes are no latent"):
        read_latent(tmp_path / "large.npy")
    for path in (tmp_path / "synset0/object0").glob("*.npy"):
        path.unlink()
    assert "so were all 50 views" in answers(lambda: open_3diebench(tmp_path, **SIZES))


# ---- COIL


def coil(root: Path, step: int, views: int = 72) -> Path:
    root.mkdir()
    for number in (1, 2, 10):
        for view in range(views):
            Image.new("L", (8, 8), (3 * view + number) % 256).save(root / f"obj{number}__{view * step}.png")
    return root


def degrees(source: RotatedViews, name: str) -> float:
    return float(turntable_deg(source.rotation[source.pictures.names.index(name)]))


def test_coil20_counts_and_coil100_measures(tmp_path: Path) -> None:
    twenty = open_coil20(coil(tmp_path / "20", 1), **SIZES)
    hundred = open_coil100(coil(tmp_path / "100", 5), **SIZES)
    assert degrees(twenty, "obj10__71.png") == pytest.approx(355)
    assert degrees(hundred, "obj10__355.png") == pytest.approx(355)
    assert degrees(twenty, "obj2__3.png") == pytest.approx(degrees(hundred, "obj2__15.png"))
    assert twenty.pictures.classes == ("obj1", "obj2", "obj10")
    assert twenty.pictures.names[:3] == ("obj1__0.png", "obj1__1.png", "obj1__2.png")
    assert twenty.object_ids.tolist() == [0] * 72 + [1] * 72 + [2] * 72


def test_turn_of_coil_is_the_difference_of_angles(tmp_path: Path) -> None:
    source = open_coil20(coil(tmp_path / "20", 1), **SIZES)
    transition, targets = source.load(np.array([70, 100]), epoch=0)
    after = source.outcomes(np.array([70, 100]), epoch=0)
    for i, before in enumerate((70, 100)):
        for j in range(3):
            angle = math.radians(5 * (int(after[i, j]) - before))
            point = transition.action.motion[i, j, :3, :3] @ torch.tensor([1.0, 1.0, 0.0])
            wanted = [math.cos(angle), 1.0, -math.sin(angle)]
            assert point.tolist() == pytest.approx(wanted, abs=1e-5)
    assert targets.class_id.tolist() == [0, 1]


def test_wrong_coil_is_named(tmp_path: Path) -> None:
    root = coil(tmp_path / "100", 5)
    assert "COIL-20 counts to 71" in answers(lambda: open_coil20(root, **SIZES))
    (root / "obj1__7.png").write_bytes((root / "obj1__5.png").read_bytes())
    assert "obj1__7.png: 7 degrees is no view" in answers(lambda: open_coil100(root, **SIZES))
    (root / "obj1__7.png").rename(root / "other.png")
    (root / "obj2__0.png").write_bytes(b"")
    (root / "obj2__10.png").write_bytes((root / "obj2__5.png").read_bytes())
    source = open_coil100(root, **SIZES)
    said = "\n".join(source.pictures.report)
    assert "other.png is not named objO__V.png" in said
    assert "obj2__0.png is empty" in said
    assert "obj2__10.png of obj" in said
    assert len(source.object_ids) == 215
    (tmp_path / "empty").mkdir()
    assert "no pictures objO__V.png" in answers(lambda: open_coil20(tmp_path / "empty", **SIZES))
    assert "no such folder" in answers(lambda: open_coil20(tmp_path / "nowhere", **SIZES))
    (tmp_path / "empty/obj1__0.png").write_bytes(b"")
    assert "so are all its pictures" in answers(lambda: open_coil20(tmp_path / "empty", **SIZES))
