"""How far are the colours of a rendered mesh from those of its surface?

    python experiments/benchmarks/colours.py --save experiments/claims/real_files.json   # 2 minutes; --tiny: seconds

Each case is a file written here, loaded and rendered under white light at 64 and 224 pixels. The truth is what 16 rays
of each pixel see of the known colours (not of the atlas), averaged as light is (the square of what is displayed), on
the pixels of which every ray meets the object from one side: one ray a pixel is rendered, so that outlines and edges
are not what this measures (``with_edges`` counts edges too). The error of a pixel is that of its worst channel, of 255.
`meshes.colour_error` is the largest mean of all cases; mean and 95th percentile of each stand beside it. Expected:
means below 3, percentiles below 12.

`--picture` draws the cases; docs/data/colours.png shows the truth, what was rendered before charts were kept apart, and
now.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open3d as o3d
import trimesh
from PIL import Image
from ratios import Findings, command_line

from smcrep.worlds.objects.meshes import load_mesh
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera, look_at
from smcrep.worlds.rendering.scenery import GRID, Background, Light, Scenery, Table
from smcrep.worlds.rendering.sensors import View, render

SIZES = (64, 224)
EYES = ((0.7, 0.5, 0.5), (-0.6, 0.7, 0.3), (0.2, -0.8, 0.6), (-0.5, -0.4, 0.8))
RAYS = 4  # along each side of a pixel
ONE_SIDE = 0.9  # length of the mean normal of a pixel from which on its rays meet one side: 50 degrees between two
ORANGE, BLUE, GREEN = (230, 120, 20), (20, 60, 200), (0, 204, 0)
Known = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Colours [n, 3], 0 to 255, known of points [n, 3] of an object whose normals are [n, 3]."""


@dataclass(frozen=True)
class Case:
    """``write`` makes the file in a folder and returns its path; ``known`` are the colours that it declares."""

    name: str
    write: Callable[[Path], Path]
    known: Known


def two_colours(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Orange where x + y / 2 is positive, else blue."""
    return np.where((points[:, :1] + points[:, 1:2] / 2) > 0, ORANGE, BLUE).astype(float)


def potato(num_faces: int) -> tuple[np.ndarray, np.ndarray]:
    """(vertices, faces) of a closed, uneven body about 0.2 m large whose faces stand in random order."""
    rings = int(np.sqrt(num_faces / 4))
    polar, turn = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.arange(2 * rings) * np.pi / rings, indexing="ij")
    direction = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], -1)
    radius = 0.1 * (1 + 0.1 * np.sin(3 * direction @ [1, 2, 3]))
    index = np.arange(polar.size).reshape(polar.shape)
    a, b, c, d = index[:-1], index[1:], np.roll(index, -1, 1)[1:], np.roll(index, -1, 1)[:-1]
    faces = np.concatenate([np.stack([a, b, c], -1)[:-1], np.stack([a, c, d], -1)[1:]]).reshape(-1, 3)
    vertices = (direction * radius[..., None]).reshape(-1, 3)
    vertices -= (vertices.min(0) + vertices.max(0)) / 2
    return vertices, np.random.default_rng(0).permutation(faces)


def scan(folder: Path, num_faces: int, of: str) -> Path:
    """A PLY with colours of its ``of``: "vertex" or "face"."""
    vertices, faces = potato(num_faces)
    places = vertices if of == "vertex" else vertices[faces].mean(1)
    colours = {f"{of}_colors": two_colours(places, places).astype(np.uint8)}
    trimesh.Trimesh(vertices, faces, process=False, **colours).export(folder / f"{of}.ply")
    return folder / f"{of}.ply"


def charts_on_black(folder: Path, size: int) -> Path:
    """An OBJ each face of which has a chart four texels wide in a black picture, in random order, gutters of four."""
    across = size // 8
    vertices, faces = potato(across**2 // 2)
    slot = np.random.default_rng(1).permutation(across**2)[: len(faces)]
    corner = np.stack([slot % across, slot // across], 1)[:, None] * 8 + 2
    picture = np.zeros((size, size, 3), np.uint8)
    for i in range(4):
        for j in range(4):
            picture[corner[:, 0, 1] + i, corner[:, 0, 0] + j] = two_colours(vertices[faces].mean(1), vertices)
    Image.fromarray(picture).save(folder / f"charts{size}.png")
    uv = (corner + np.array([[0, 0], [4, 0], [0, 4]])) / size * [1, -1] + [0, 1]
    return write_obj(folder, f"charts{size}", vertices, uv.reshape(-1, 2), [(f"map_Kd charts{size}.png", faces)])


def side_picture() -> np.ndarray:
    """uint8 [512, 512, 3]: labels, that is patches of few sizes, on orange."""
    picture, rng = np.full((512, 512, 3), ORANGE, np.uint8), np.random.default_rng(2)
    for side in (128, 64):
        for row, column in rng.integers(0, 512 // side, (4, 2)) * side:
            picture[row : row + side, column : column + side] = rng.integers(0, 256, 3)
    return picture


def lid(folder: Path) -> Path:
    """A box of 0.1 m with a picture on its sides and below, and a plain green lid."""
    Image.fromarray(side_picture()).save(folder / "side.png")
    vertices = np.array([[x, y, z] for z in (0, 1) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]) / 10 - 0.05
    quads = np.array([(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (3, 2, 1, 0), (4, 5, 6, 7)])
    faces = quads[:, [[0, 1, 2], [0, 2, 3]]]
    uv = np.tile(np.array([[0, 0], [1, 0], [1, 1], [0, 0], [1, 1], [0, 1]]), (6, 1))
    parts = [("map_Kd side.png", faces[:5].reshape(-1, 3)), ("Kd 0 0.8 0", faces[5])]
    return write_obj(folder, "lid", vertices, uv, parts)


def on_the_box(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """The colours of `lid`, the nearest texel of its picture."""
    side = np.abs(normals).argmax(1)
    sign = normals[np.arange(len(normals)), side]
    x, y, z = points.T / 0.1 + 0.5
    u = np.select([side == 1, side == 0], [np.where(sign < 0, x, 1 - x), np.where(sign > 0, y, 1 - y)], x)
    v = np.where(side == 2, 1 - y, z)
    row, column = (np.clip((512 * part).astype(int), 0, 511) for part in (1 - v, u))
    return np.where(((side == 2) & (sign > 0))[:, None], GREEN, side_picture()[row, column])


def write_obj(
    folder: Path, name: str, vertices: np.ndarray, uv: np.ndarray, parts: list[tuple[str, np.ndarray]]
) -> Path:
    """Parts are (line of the material, faces [f, 3]); ``uv`` [3 f, 2] of the corners of all faces in order."""
    lines, corner = [f"mtllib {name}.mtl"], 1
    lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in vertices] + [f"vt {u:.9g} {v:.9g}" for u, v in uv]
    for number, (_, faces) in enumerate(parts):
        lines.append(f"usemtl m{number}")
        for face in faces + 1:
            lines.append("f " + " ".join(f"{vertex}/{corner + i}" for i, vertex in enumerate(face)))
            corner += 3
    (folder / f"{name}.mtl").write_text("".join(f"newmtl m{i}\n{line}\n" for i, (line, _) in enumerate(parts)))
    (folder / f"{name}.obj").write_text("\n".join(lines) + "\n")
    return folder / f"{name}.obj"


def cases(num_faces: int) -> list[Case]:
    """``num_faces`` of the scans."""
    return [
        Case("lid", lid, on_the_box),
        Case("scan_vertex", lambda folder: scan(folder, num_faces, "vertex"), two_colours),
        Case("scan_face", lambda folder: scan(folder, num_faces, "face"), two_colours),
        Case("charts_1024", lambda folder: charts_on_black(folder, 1024), two_colours),
        Case("charts_2048", lambda folder: charts_on_black(folder, 2048), two_colours),
    ]


def view(object: ObjectModel, eye: tuple[float, ...], size: int) -> View:
    """In white light from everywhere, before black, without noise."""
    white, distance = np.ones(3, np.float32), 2.2 * object.diameter
    light = Light(np.array([0, 0, 1], np.float32), 0 * white, white, white)
    scenery = Scenery(light, Background(np.zeros((GRID, GRID, 3), np.float32), (1.0, 1.0)), Table(white))
    at = np.array(eye) / np.linalg.norm(eye) * distance
    return View((object,), np.eye(4)[None], Camera(look_at(at, (0, 0, 0)), 30.0, size, size), scenery, table=False)


def truth(object: ObjectModel, camera: Camera, known: Known) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(displayed colours [h, w, 3], bool [h, w] where every ray meets the object, and where from one side) of
    RAYS x RAYS rays a pixel."""
    fine = Camera(camera.T_world_camera, camera.fov_deg, RAYS * camera.width, RAYS * camera.height)
    rays = np.empty((fine.height, fine.width, 6), np.float32)
    rays[..., :3], rays[..., 3:] = camera.T_world_camera[:3, 3], fine.rays() @ camera.T_world_camera[:3, :3].T
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(*map(o3d.core.Tensor.from_numpy, (object.vertices, object.faces.astype(np.uint32))))
    answer = scene.cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=1)
    distance, normals = answer["t_hit"].numpy(), answer["primitive_normals"].numpy()
    hit = np.isfinite(distance)
    light = np.zeros((*hit.shape, 3))
    points = rays[hit, :3] + rays[hit, 3:] * distance[hit][:, None]
    light[hit] = np.square(known(points.astype(float), normals[hit]))
    blocks = (camera.height, RAYS, camera.width, RAYS)
    inside = hit.reshape(blocks).all((1, 3))
    flat = np.linalg.norm(normals.reshape(*blocks, 3).mean((1, 3)), axis=-1) > ONE_SIDE
    return np.sqrt(light.reshape(*blocks, 3).mean((1, 3))), inside, inside & flat


def errors(case: Case, folder: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(float64 [n], bool [n]): the error of each pixel inside the object, over all views, and whether it sees one
    side."""
    object = load_mesh(case.write(folder))
    found = []
    for eye in EYES:
        seen = view(object, eye, size)
        expected, inside, flat = truth(object, seen.camera, case.known)
        found.append((np.abs(render([seen]).rgb[0] - expected).max(-1)[inside], flat[inside]))
    error, one_side = map(np.concatenate, zip(*found, strict=True))
    return error, one_side


def picture(folder: Path, num_faces: int) -> Image.Image:
    """Each case at 64 pixels, four times enlarged: the truth above, what is rendered below."""
    columns = []
    for case in cases(num_faces):
        object = load_mesh(case.write(folder))
        seen = view(object, EYES[0], SIZES[0])
        columns.append([truth(object, seen.camera, case.known)[0], render([seen]).rgb[0]])
    rows = [np.concatenate([column[i] for column in columns], 1) for i in (0, 1)]
    small = Image.fromarray(np.concatenate(rows).astype(np.uint8))
    return small.resize((4 * small.width, 4 * small.height), Image.Resampling.NEAREST)


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw each case into a PNG instead")
    arguments = parser.parse_args()
    if arguments.picture:
        with tempfile.TemporaryDirectory() as folder:
            picture(Path(folder), 2_000 if arguments.tiny else 82_000).save(arguments.picture)
        raise SystemExit
    findings = Findings(arguments)
    controls: dict[str, float] = {}
    means = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(82_000)[: 1 if arguments.tiny else None]:
            for size in SIZES[: 1 if arguments.tiny else None]:
                error, one_side = errors(case, Path(folder), size)
                means.append(error[one_side].mean())
                controls[f"{case.name}.{size}.mean"] = float(means[-1])
                controls[f"{case.name}.{size}.p95"] = float(np.quantile(error[one_side], 0.95))
                controls[f"{case.name}.{size}.mean_with_edges"] = float(error.mean())
    findings.add("meshes.colour_error", np.array([max(means)]), controls, unit="of 255", bar="mean <= 3, p95 <= 12")
    findings.end()
