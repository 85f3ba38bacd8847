"""How much memory does a world of large textures take?

    python experiments/benchmarks/memory.py     # 5 minutes and 4 GiB of memory and disk; --tiny: seconds

Twenty OBJ files, each with a photo-like texture of 4,096 x 4,096 texels (1 GiB of pixels in all), are rendered in turn,
twice over, in a process of its own whose peak of resident memory is read before and after. `memory.large_textures_gib`
is the difference. Expected: at most the two caches (objects as read, objects as prepared for rendering: 1 GiB each) and
what reading one file takes, 3 GiB; twenty objects kept as prepared would take 2.8 GiB beside those as read.
"""

import multiprocessing
import resource
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image
from ratios import Findings, command_line

from smcrep.worlds.objects.source import MeshObjects, object_set
from smcrep.worlds.rendering.camera import Camera, look_at
from smcrep.worlds.rendering.scenery import GRID, Background, Light, Scenery, Table
from smcrep.worlds.rendering.sensors import View, render

GIB = 1 << 30


def written(folder: Path, num_objects: int, size: int) -> None:
    """Spheres of 5,120 faces, each in a folder with a texture of its own."""
    for i in range(num_objects):
        ball = trimesh.creation.icosphere(4, radius=0.05)
        turn = np.arctan2(ball.vertices[:, 1], ball.vertices[:, 0]) / (2 * np.pi) + 0.5
        uv = np.stack([turn, ball.vertices[:, 2] / 0.1 + 0.5], 1)
        small = np.random.default_rng(i).integers(0, 256, (size // 16, size // 16, 3), np.uint8)
        image = Image.fromarray(small).resize((size, size), Image.Resampling.BILINEAR)
        own = folder / f"object_{i:02}"
        own.mkdir()
        image.save(own / "texture.jpg", quality=90)
        (own / "model.mtl").write_text("newmtl m\nmap_Kd texture.jpg\n")
        lines = ["mtllib model.mtl", "usemtl m"]
        lines += ["v {:.6f} {:.6f} {:.6f}".format(*v) for v in ball.vertices]
        lines += ["vt {:.6f} {:.6f}".format(*v) for v in uv]
        lines += ["f " + " ".join(f"{n + 1}/{n + 1}" for n in face) for face in ball.faces]
        (own / "model.obj").write_text("\n".join(lines) + "\n")


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB


def rendered(folder: str, found: Connection) -> None:
    """Sends the peak of this process before the first object and after all of them, twice over."""
    objects, white = object_set(MeshObjects(folder)), np.ones(3, np.float32)
    light = Light(np.array([0, 0, 1], np.float32), 0 * white, white, white)
    scenery = Scenery(light, Background(np.zeros((GRID, GRID, 3), np.float32), (1.0, 1.0)), Table(white))
    camera = Camera(look_at((0.4, 0.0, 0.0), (0.0, 0.0, 0.0)), 30.0, 64, 64)
    before = peak_gib()
    for _ in range(2):
        for i in range(len(objects)):
            assert render([View((objects[i],), np.eye(4)[None], camera, scenery, table=False)]).rgb.max() > 0
    found.send((before, peak_gib()))


if __name__ == "__main__":
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    num_objects, size = (3, 256) if arguments.tiny else (20, 4096)
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), num_objects, size)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=rendered, args=(folder, theirs))
        process.start()
        before, after = ours.recv()
        process.join()
    controls = {"objects": num_objects, "texels_gib": 3 * num_objects * size * size / GIB, "before_gib": before}
    findings.add("memory.large_textures_gib", np.array([after - before]), controls, unit="GiB", bar="<= 3")
    findings.end()
