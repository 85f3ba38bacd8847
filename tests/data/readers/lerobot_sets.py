"""Small LeRobotDatasets on disk with planted content: the colour of a frame says its row, the state its number."""

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FPS = 10
LENGTHS = (5, 4, 6)
SIDE = 32
CAMERA, DEPTH = "observation.images.front", "observation.images.depth"
DEPTH_NOTE = {"is_depth_map": True, "video.depth_min": 0.1, "video.depth_max": 2.0, "video.shift": 0.5}


def grey_of(row: int) -> int:
    """Grey value of the frame of a row: far apart, so that compression cannot confuse neighbours."""
    return 20 + 14 * row


def row_of(frame: np.ndarray) -> int:
    return round((float(frame.mean()) - 20) / 14)


def codes_of(row: int) -> np.ndarray:
    """uint16 [SIDE, SIDE] of 12 bits: a slope that rises with the row, nothing read in the first line."""
    codes = np.tile(1000 + 40 * row + 10 * np.arange(SIDE), (SIDE, 1)).astype(np.uint16)
    codes[0] = 0
    return codes


def small_set(root: Path, *, version: int = 3, depth: bool = False, lengths: Sequence[int] = LENGTHS) -> Path:
    """v3.0: all episodes in one table and one video for each camera, but the last, which is in files of its own; v2.1:
    a table and a video for each episode."""
    starts = np.cumsum([0, *lengths])
    cameras = (CAMERA, DEPTH) if depth else (CAMERA,)
    episodes = []
    for group in (
        ([*range(len(lengths) - 1)], [len(lengths) - 1]) if version == 3 else [[i] for i in range(len(lengths))]
    ):
        file_index = 0 if version == 3 and group[0] == 0 else group[0] if version == 2 else 1
        name = f"file-{file_index:03d}" if version == 3 else f"episode_{group[0]:06d}"
        rows = [row for i in group for row in range(starts[i], starts[i + 1])]
        table = _table(rows, [i for i in group for _ in range(lengths[i])], starts)
        _write(table, root / "data" / "chunk-000" / f"{name}.parquet")
        for key in cameras:
            folder = (key, "chunk-000") if version == 3 else ("chunk-000", key)
            path = root.joinpath("videos", *folder, f"{name}.mp4")
            write_video(path, [codes_of(r) for r in rows]) if key == DEPTH else write_video(path, _frames(rows))
        begun = 0.0
        for i in group:
            entry = {
                "episode_index": i, "tasks": ["push"], "length": int(lengths[i]), "data/chunk_index": 0,
                "data/file_index": file_index, "dataset_from_index": int(starts[i]),
                "dataset_to_index": int(starts[i + 1]),
            }  # fmt: skip
            for key in cameras:
                entry |= {f"videos/{key}/chunk_index": 0, f"videos/{key}/file_index": file_index}
                entry |= {f"videos/{key}/from_timestamp": begun, f"videos/{key}/to_timestamp": begun + lengths[i] / FPS}
            entry |= {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
            begun += lengths[i] / FPS
            episodes.append(entry)
    _write_meta(root, version, cameras, episodes, int(starts[-1]))
    return root


def _frames(rows: Sequence[int]) -> list[np.ndarray]:
    return [np.full((SIDE, SIDE, 3), grey_of(row), np.uint8) for row in rows]


def _table(rows: Sequence[int], episode: Sequence[int], starts: np.ndarray) -> pa.Table:
    frame = np.array([row - starts[i] for row, i in zip(rows, episode, strict=True)])
    state = np.stack([rows, np.array(rows) * 2.0], 1).astype(np.float32)
    return pa.table(
        {
            "observation.state": pa.FixedSizeListArray.from_arrays(pa.array(state.reshape(-1)), 2),
            "action": pa.FixedSizeListArray.from_arrays(pa.array(-state.reshape(-1)), 2),
            "timestamp": pa.array((frame / FPS).astype(np.float32)),
            "frame_index": pa.array(frame.astype(np.int64)),
            "episode_index": pa.array(episode, pa.int64()),
            "index": pa.array(rows, pa.int64()),
            "task_index": pa.array([0] * len(rows), pa.int64()),
        }
    )


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=4)


def _write_meta(root: Path, version: int, cameras: Sequence[str], episodes: list[dict], num_frames: int) -> None:
    meta = root / "meta"
    meta.mkdir(parents=True, exist_ok=True)
    vector = {"dtype": "float32", "shape": [2], "names": None}
    scalar = {"shape": [1], "names": None}
    features = {"observation.state": vector, "action": vector, "timestamp": {"dtype": "float32", **scalar}}
    features |= {n: {"dtype": "int64", **scalar} for n in ("frame_index", "episode_index", "index", "task_index")}
    for key in cameras:
        shape = [SIDE, SIDE, 1 if key == DEPTH else 3]
        features[key] = {"dtype": "video", "shape": shape, "names": ["height", "width", "channels"]}
        features[key]["info"] = DEPTH_NOTE if key == DEPTH else {"video.fps": FPS, "is_depth_map": False}
    paths = {
        3: ("data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"),
        2: ("data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
            "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"),
    }[version]  # fmt: skip
    info = {
        "codebase_version": "v3.0" if version == 3 else "v2.1", "fps": FPS, "features": features, "robot_type": None,
        "total_episodes": len(episodes), "total_frames": num_frames, "total_tasks": 1, "chunks_size": 1000,
        "data_files_size_in_mb": 100, "video_files_size_in_mb": 200, "data_path": paths[0], "video_path": paths[1],
        "splits": {"train": f"0:{len(episodes)}"},
    }  # fmt: skip
    (meta / "info.json").write_text(json.dumps(info))
    if version == 2:
        lines = [json.dumps({k: e[k] for k in ("episode_index", "tasks", "length")}) for e in episodes]
        (meta / "episodes.jsonl").write_text("\n".join(lines) + "\n")
        (meta / "tasks.jsonl").write_text(json.dumps({"task_index": 0, "task": "push"}) + "\n")
        return
    _write(pa.Table.from_pylist(episodes), meta / "episodes" / "chunk-000" / "file-000.parquet")
    pq.write_table(pa.table({"task_index": [0], "task": ["push"]}), meta / "tasks.parquet")
    row = np.arange(num_frames, dtype=float)
    state = np.stack([row, 2 * row], 1)
    stats = {"observation.state": state, "action": -state}
    value = {
        name: {"min": x.min(0), "max": x.max(0), "mean": x.mean(0), "std": x.std(0), "count": np.array([num_frames])}
        for name, x in stats.items()
    }
    (meta / "stats.json").write_text(json.dumps(value, default=np.ndarray.tolist))


def write_video(path: Path, frames: Sequence[np.ndarray]) -> None:
    """H.264 of uint8 [h, w, 3], or lossless HEVC of 12-bit codes [h, w], ten frames a second, a key frame every 4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deep = frames[0].ndim == 2
    with av.open(str(path), "w") as container:
        options = {"x265-params": "lossless=1:log-level=none"} if deep else {"crf": "10", "g": "4"}
        stream = container.add_stream("libx265" if deep else "libx264", rate=FPS, options=options)
        stream.width, stream.height = frames[0].shape[1], frames[0].shape[0]
        stream.pix_fmt = "gray12le" if deep else "yuv420p"
        for number, array in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(array, format="gray12le" if deep else "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def edit_table(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    _write(change(pq.read_table(path)), path)


def edit_info(root: Path, **fields: object) -> None:
    path = root / "meta" / "info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
