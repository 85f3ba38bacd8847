import os
import subprocess
import sys
from pathlib import Path

CODE = """
import sys
import numpy as np
import smcrep.worlds.rendering.sensors
assert not {"numba", "open3d"} & set(sys.modules), "imported before anything is rendered"
from smcrep.worlds.rendering.noise import SensorNoise
from smcrep.worlds.rendering.readings import read
rgb, depth = np.empty((8, 8, 3), np.uint8), np.empty((8, 8), np.float32)
colour = np.linspace(0, 1, 192, dtype=np.float32).reshape(8, 8, 3)
read(colour, colour[..., 0].copy(), SensorNoise(0.01, rgb_shot=0.1, rgb_blur_px=0.5), 7, rgb, depth)
print(rgb.tobytes().hex() + depth.tobytes().hex())
"""


def test_processes_at_once_with_an_empty_cache_or_without_a_folder_for_one_give_the_same_bytes(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    folders = [tmp_path / "cache", tmp_path / "cache", blocked / "cache"]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CODE],
            env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in folders
    ]
    ended = [(*process.communicate(timeout=300), process.returncode) for process in started]
    assert [code for _, _, code in ended] == [0, 0, 0], ended
    assert len({out for out, _, _ in ended}) == 1
    assert len(ended[0][0]) > 800
    assert list((tmp_path / "cache").rglob("*.nbi"))
