"""Are real robot sets read whole, and is an injected embedding standard once LeRobot has normalised it?

    python experiments/vla.py                            # some 10 minutes on one core; goes on where it was interrupted
    python experiments/vla.py --tiny                     # seconds: planted pictures
    python experiments/vla.py --data-root FOLDER         # holds lerobot_*, pusht_replay_zarr, folders of pictures

Leaves claims/vla.json in --out:

    sources.NAME                share of a source's rows, counted without our readers, that are embedded or named as
                                failed with a reason; beside it how many are which, lines on what gives no rows, and
                                the reason where the whole source is refused, which names all its rows at once
    lerobot.inject.mean         largest mean of an injected number after LeRobot's normalisation (0 is standard); over
                                rows that have an embedding; beside it that without the written statistics, rows that
                                stand at the mean for lack of one, and videos that were copied instead of linked
    lerobot.inject.deviation    largest distance of its deviation from 1, likewise

An untrained encoder of pictures embeds the sources: what is read is measured, not what is learned. Injected is the
first set of v3.0 of which rows were embedded (a million rows: vla_inject.py).
Expected: all rows embedded or named; a mean of 0 and a deviation of 1.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from smcrep import script
from smcrep.data.readers.lerobot_files import LeRobotFiles
from smcrep.evaluation.sentence import plain
from smcrep.extraction.extract import extract
from smcrep.extraction.index import failures
from smcrep.extraction.lerobot_copy import ENVIRONMENT_STATE, NORMALISATION_EPS, OURS, inject
from smcrep.extraction.output import Output
from smcrep.extraction.sources import SourceSpec
from smcrep.hub import build_model, save_pretrained
from smcrep.models.config import ModelConfig
from smcrep.pretraining.recipes import data_folder
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims
from smcrep.senses import RGB

SIDE, NUM_TINY = 32, 6
PICTURES = (".jpg", ".jpeg", ".png")
VIDEOS = (".mp4", ".mkv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/vla"), help="folder of embeddings, the copy and claims")
    parser.add_argument("--data-root", type=Path, default=data_folder(""), help="folder of the sets")
    parser.add_argument("--tiny", action="store_true", help="planted pictures")
    arguments = parser.parse_args()
    begun = time.monotonic()
    root = planted(arguments.out / "planted") if arguments.tiny else arguments.data_root
    records = of_sources(root, arguments.out) | injected(root, arguments.out)
    records = stamped(records, "python experiments/vla.py", begun)
    write_claims(arguments.out / "claims/vla.json", records)
    for name, record in records.items():
        print(
            plain(name, record, "rows", "embedded", "failed", "without_statistics", "rows_at_the_mean", "videos_copied")
        )


def planted(folder: Path) -> Path:
    """Pictures, one of them cut short."""
    from PIL import Image

    pictures = folder / "pictures" / "grey"
    pictures.mkdir(parents=True, exist_ok=True)
    for i in range(NUM_TINY):
        Image.new("RGB", (SIDE, SIDE), (40 * i,) * 3).save(pictures / f"{i}.png")
    cut = pictures / "0.png"
    cut.write_bytes(cut.read_bytes()[:40])
    return folder


def found(root: Path) -> dict[str, SourceSpec]:
    """Sources in ``root`` by name."""
    specs = {path.name: SourceSpec("lerobot", str(path)) for path in sorted(root.glob("lerobot_*"))}
    if (path := root / "pusht_replay_zarr").is_dir():
        specs["pusht"] = SourceSpec("zarr", str(path))
    for path in (root / "cifar10_jpeg" / "imagefolder", root / "pictures"):
        if path.is_dir():
            specs["pictures"] = SourceSpec("images", str(path))
    if not specs:
        raise ValueError(f"{root}: no lerobot_* folder, pusht_replay_zarr or pictures in it; give --data-root")
    return specs


def of_sources(root: Path, out: Path) -> dict[str, Record]:
    """Each source embedded by an untrained encoder; one that is refused is named with the reason."""
    run = encoder(out / "encoder")
    records = {}
    for name, spec in found(root).items():
        rows, controls = rows_of(spec), dict[str, Any]()
        try:
            parts = Output(("fused.invariant",))
            manifest = extract(run, spec, out / "sources" / name, senses=[RGB.name], output=parts)
            failed, lines = failures(out / "sources" / name)
            accounted = manifest.num_rows
            controls = {"embedded": accounted - failed, "failed": failed, "lines": len(lines)}
            controls |= {"first_lines": [within(root, line) for line in lines[:3]]} if lines else {}
        except ValueError as error:
            accounted, controls = rows, {"embedded": 0, "failed": rows, "refused": within(root, str(error))}
        share = min(accounted, rows) / max(accounted, rows, 1)
        records[f"sources.{name}"] = Record(share, n=rows, unit="share of rows", controls={"rows": rows} | controls)
    return records


def within(root: Path, words: str) -> str:
    """Paths from the data's folder on: where that stands is of this machine."""
    return words.replace(f"{root}/", "")


def encoder(run: Path) -> Path:
    """An untrained encoder of pictures, the same at every start."""
    if not (run / "model").is_dir():
        torch.manual_seed(0)
        config = ModelConfig(senses={RGB.name: {"size": SIDE}}, trunk_dim=32, invariant_dim=16, num_tensors=1,
                             projector_dim=16, predictor_hidden=16)  # fmt: skip
        save_pretrained(build_model(config), run / "model")
    return run


def rows_of(spec: SourceSpec) -> int:
    """Rows of a source by what the files themselves say, without our readers."""
    path = Path(spec.path)
    if spec.kind == "images":
        return sum(each.suffix.lower() in PICTURES for each in path.rglob("*"))
    if spec.kind == "zarr":
        import zarr

        return int(np.asarray(zarr.open_group(spec.path, mode="r")["meta/episode_ends"][:])[-1])  # type: ignore[index]
    return sum(pq.ParquetFile(each).metadata.num_rows for each in (path / "data").rglob("*.parquet"))


def injected(root: Path, out: Path) -> dict[str, Record]:
    """Of the first v3.0 set that was embedded: its copy with the embeddings; none where there is no such set."""
    for name, spec in found(root).items():
        dataset, embeddings, copy = Path(spec.path), out / "sources" / name, out / "copies" / name
        if spec.kind != "lerobot" or not (embeddings / "manifest.json").is_file() or not is_v30(dataset):
            continue
        if not copy.is_dir():
            copy.parent.mkdir(parents=True, exist_ok=True)
            inject(dataset, embeddings, copy)
        seen = column(copy, f"{OURS}present").any(1)
        x, z = column(copy, ENVIRONMENT_STATE)[seen], normalised(copy)[seen]
        videos = [path for path in copy.rglob("*") if path.suffix in VIDEOS]
        own = [not path.samefile(dataset / path.relative_to(copy)) for path in videos]
        beside = {
            "rows": len(x),
            "rows_at_the_mean": int((~seen).sum()),
            "set": name,
            "videos": len(videos),
            "videos_copied": int(sum(own)),
        }
        return {
            f"lerobot.inject.{key}": Record(
                of(z), n=len(x), unit="of a deviation", controls=beside | {"without_statistics": of(x)}
            )
            for key, of in (("mean", largest_mean), ("deviation", farthest_deviation))
        }
    return {}


def is_v30(dataset: Path) -> bool:
    """By its notes, which may be damaged."""
    return LeRobotFiles(dataset).info.get("codebase_version") == "v3.0"


def column(copy: Path, name: str) -> np.ndarray:
    """float64 [n, d]: injected vectors, as they stand in the tables."""
    paths = sorted((copy / "data").rglob("*.parquet"))
    return np.concatenate([np.array(pq.read_table(path)[name].to_pylist()) for path in paths])


def normalised(copy: Path) -> np.ndarray:
    """float64 [n, d]: as a policy of LeRobot gets them, told ``MEAN_STD``."""
    stats = json.loads((copy / "meta/stats.json").read_text(encoding="utf-8"))[ENVIRONMENT_STATE]
    return (column(copy, ENVIRONMENT_STATE) - np.array(stats["mean"])) / (np.array(stats["std"]) + NORMALISATION_EPS)


def largest_mean(x: np.ndarray) -> float:
    return float(np.abs(x.mean(0)).max())


def farthest_deviation(x: np.ndarray) -> float:
    return float(np.abs(x.std(0) - 1).max())


if __name__ == "__main__":
    script.run("vla", main)
