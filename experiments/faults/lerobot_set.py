"""A small LeRobotDataset v3.0 with real video, for commands that read one: no script."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LENGTHS, SIDE, FPS = (10, 14), 32, 10
CAMERA = "observation.images.front"


def written(root: Path) -> Path:
    """Two episodes, each in a table and a video of its own; each frame one grey, of the row's number."""
    starts = np.cumsum([0, *LENGTHS])
    episodes = []
    for i, length in enumerate(LENGTHS):
        rows = np.arange(starts[i], starts[i + 1])
        frame = np.arange(length)
        table = {"action": pa.FixedSizeListArray.from_arrays(pa.array(np.repeat(rows, 2).astype("f4")), 2)}
        table |= {"timestamp": pa.array((frame / FPS).astype("f4")), "frame_index": pa.array(frame)}
        table |= {"episode_index": pa.array(np.full(length, i)), "index": pa.array(rows)}
        table |= {"task_index": pa.array(0 * rows)}
        _to(root / f"data/chunk-000/file-{i:03d}.parquet", pa.table(table))
        _video(root / f"videos/{CAMERA}/chunk-000/file-{i:03d}.mp4", 20 + 9 * rows)
        entry = {"episode_index": i, "tasks": ["push"], "length": length, "dataset_from_index": int(starts[i])}
        entry |= {"dataset_to_index": int(starts[i + 1]), "data/chunk_index": 0, "data/file_index": i}
        entry |= {f"videos/{CAMERA}/chunk_index": 0, f"videos/{CAMERA}/file_index": i}
        entry |= {f"videos/{CAMERA}/from_timestamp": 0.0, f"videos/{CAMERA}/to_timestamp": length / FPS}
        episodes.append(entry)
    _to(root / "meta/episodes/chunk-000/file-000.parquet", pa.Table.from_pylist(episodes))
    _to(root / "meta/tasks.parquet", pa.table({"task_index": [0], "task": ["push"]}))
    number = {"shape": [1], "names": None}
    features = {"action": {"dtype": "float32", "shape": [2], "names": None}, "timestamp": number | {"dtype": "float32"}}
    features |= {n: number | {"dtype": "int64"} for n in ("frame_index", "episode_index", "index", "task_index")}
    features |= {CAMERA: {"dtype": "video", "shape": [SIDE, SIDE, 3], "names": ["height", "width", "channels"]}}
    info = {
        "codebase_version": "v3.0", "fps": FPS, "features": features, "total_episodes": len(LENGTHS),
        "total_frames": int(starts[-1]), "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    }  # fmt: skip
    (root / "meta/info.json").write_text(json.dumps(info))
    return root


def _to(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def _video(path: Path, greys: np.ndarray) -> None:
    """H.264 of one grey a frame."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "10", "g": "4"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for number, grey in enumerate(greys.tolist()):
            frame = av.VideoFrame.from_ndarray(np.full((SIDE, SIDE, 3), grey, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
