"""A robot's dataset with our embedding in it: LeRobotDataset v3.0 in, LeRobotDataset v3.0 out.

    python examples/robot_dataset.py           # seconds; the dataset and an untrained model are made here

Needs `smcrep[robot]` (video, Parquet), not LeRobot. With files of your own, the same as one command:

    python experiments/extract.py --run runs/ycb --source lerobot:MY_SET --senses rgb --out runs/mine \\
        --parts fused.invariant weight precision --lerobot-copy MY_SET_EMBEDDED
"""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import smcrep
from smcrep.extraction.extract import extract
from smcrep.extraction.lerobot_copy import ENVIRONMENT_STATE, feature_lines, inject
from smcrep.extraction.output import Output
from smcrep.extraction.sources import SourceSpec

FPS, FRAMES, CAMERA = 10, 12, "observation.images.front"


def record(root: Path) -> None:
    """One episode of a square that moves: what a recorder leaves on disk."""
    video = root / "videos" / CAMERA / "chunk-000" / "file-000.mp4"
    video.parent.mkdir(parents=True)
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(FRAMES):
            picture = np.full((64, 64, 3), 230, np.uint8)
            picture[24:40, 4 * number : 4 * number + 16] = (200, 60, 40)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    number = np.arange(FRAMES)
    state = pa.FixedSizeListArray.from_arrays(pa.array(number.astype(np.float32)), 1)
    columns = {"observation.state": state, "action": state, "timestamp": (number / FPS).astype(np.float32)}
    columns |= {"frame_index": number, "index": number, "episode_index": 0 * number, "task_index": 0 * number}
    write(root / "data/chunk-000/file-000.parquet", columns)
    episode = {"episode_index": [0], "length": [FRAMES], "data/chunk_index": [0], "data/file_index": [0]}
    episode |= {f"videos/{CAMERA}/{name}": [0] for name in ("chunk_index", "file_index", "from_timestamp")}
    write(root / "meta/episodes/chunk-000/file-000.parquet", episode)
    features = {name: {"dtype": "float32", "shape": [1], "names": None} for name in ("observation.state", "action")}
    features[CAMERA] = {"dtype": "video", "shape": [64, 64, 3], "names": ["height", "width", "channels"]}
    info = {"codebase_version": "v3.0", "fps": FPS, "features": features}
    (root / "meta/info.json").write_text(json.dumps(info))


def write(path: Path, columns: dict) -> None:
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), path)


def main(out: Path = Path("runs/robot_dataset")) -> None:
    recorded, copy = out / "recorded", out / "embedded"
    record(recorded)
    smcrep.save_pretrained(smcrep.build_model(smcrep.ModelConfig()), out / "model")
    output = Output(("fused.invariant", "weight", "precision"), "float16")
    source = SourceSpec("lerobot", str(recorded))  # columns={"rgb": CAMERA} where there are several cameras
    manifest = extract(out / "model", source, out / "embeddings", senses=["rgb"], output=output)
    print(f"{manifest.num_rows} frames embedded")
    for line in feature_lines(inject(recorded, out / "embeddings", copy)):
        print(line)
    table = pq.read_table(copy / "data/chunk-000/file-000.parquet")
    stats = json.loads((copy / "meta/stats.json").read_text())[ENVIRONMENT_STATE]
    print(f"{ENVIRONMENT_STATE}: {table[ENVIRONMENT_STATE].type}, statistics {', '.join(stats)}")


if __name__ == "__main__":
    main()
