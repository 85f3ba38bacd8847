"""Colours of rendered meshes against 16 rays a pixel of colours that are known, not looked up."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from smcrep.worlds.objects.meshes import load_mesh
from smcrep.worlds.rendering.sensors import render

BENCHMARKS = Path(__file__).parents[3] / "experiments" / "benchmarks"


@pytest.fixture(scope="module")
def colours() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("colours", BENCHMARKS / "colours.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["colours"] = module
    spec.loader.exec_module(module)
    sys.path.remove(str(BENCHMARKS))
    return module


@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize("case", range(5))
def test_colours_are_within_a_few_levels(colours: ModuleType, tmp_path: Path, case: int, size: int) -> None:
    error, flat = colours.errors(colours.cases(20_000)[case], tmp_path, size)
    assert flat.mean() > 0.8
    error = error[flat]
    assert len(error) > 1000
    assert error.mean() <= 3
    assert np.quantile(error, 0.95) <= 12


@pytest.mark.situation("plain material beside a texture")
def test_a_plain_lid_has_its_colour_at_every_size(colours: ModuleType, tmp_path: Path) -> None:
    lid = load_mesh(colours.lid(tmp_path))
    for size in (16, 32, 64, 224):
        seen = colours.view(lid, (0.3, 0.2, 0.9), size)
        frames = render([seen])
        normal = frames.normals[0] @ seen.camera.T_world_camera[:3, :3].T
        shown = frames.rgb[0][normal[..., 2] > 0.99]
        assert len(shown) > size
        np.testing.assert_array_equal(shown, np.broadcast_to((0, 204, 0), shown.shape))


@pytest.mark.situation("texture of small charts on black")
@pytest.mark.parametrize("size", [512, 1024, 2048])
def test_charts_on_black_never_darken(colours: ModuleType, tmp_path: Path, size: int) -> None:
    """One colour, charts of four texels each: the black between them shows nowhere, from near or far."""
    path = colours.charts_on_black(tmp_path, size)
    picture = np.asarray(Image.open(tmp_path / f"charts{size}.png"))
    Image.fromarray(np.where(picture.any(-1, keepdims=True), (220, 180, 40), (0, 0, 0)).astype(np.uint8)).save(
        tmp_path / f"charts{size}.png"
    )
    body = load_mesh(path)
    for pixels in (16, 64, 224):
        frames = render([colours.view(body, eye, pixels) for eye in colours.EYES])
        shown = frames.rgb[frames.segmentation == 2].astype(int)
        assert np.abs(shown - (220, 180, 40)).max() <= 1


def test_faces_of_many_colours_show_their_mean_from_afar(colours: ModuleType, tmp_path: Path) -> None:
    """Every face red or green at random, faces far smaller than pixels: the mean of their light, in every pixel."""
    import trimesh

    vertices, faces = colours.potato(82_000)
    drawn = np.where(np.random.default_rng(3).random((len(faces), 1)) < 0.5, (200, 0, 0), (0, 200, 0)).astype(np.uint8)
    trimesh.Trimesh(vertices, faces, process=False, face_colors=drawn).export(tmp_path / "a.ply")
    body = load_mesh(tmp_path / "a.ply")
    seen = colours.view(body, colours.EYES[0], 32)
    _, inside, _ = colours.truth(body, seen.camera, colours.two_colours)
    shown = render([seen]).rgb[0][inside].astype(float)
    assert np.abs(shown[:, :2] - 200 / 2**0.5).mean() < 15
    assert np.abs(shown[:, :2].mean(0) - 200 / 2**0.5).max() < 3
