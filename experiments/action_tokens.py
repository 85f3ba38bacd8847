"""What do action tokens cost and save on actions that people recorded?

    python experiments/action_tokens.py                       # seconds; sets of $SMCREP_DATA that are there
    python experiments/action_tokens.py --data-root FOLDER    # holds lerobot_* folders and pusht_replay_zarr
    python experiments/action_tokens.py --tiny                # planted actions alone

Actions are cut into chunks of 16 steps within an episode. FAST-type tokens and RT-2's 256 bins are fitted on every
other episode, and judged on the rest. Leaves claims/tokens.json in --out:

    tokens.fast.compression.SET   numbers of a chunk for each token; beside it the tokens of a chunk
    tokens.fast.error.SET         mean absolute error, where -1 to 1 is the range between the 1 % and 99 % quantiles
    tokens.bins.error.SET         the same of 256 bins, a token a number; half a bin is 1 / 256
    tokens.lora.numbers           numbers that rank 8 adds to a layer of 1,024 x 1,024; beside it their share

Expected: some six numbers a token at an error of .01 to .02; bins err by a quarter of a bin, and compress nothing.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from smcrep import script
from smcrep.data.readers.lerobot_files import LeRobotFiles
from smcrep.evaluation.sentence import plain
from smcrep.pretraining.recipes import data_folder
from smcrep.probes.intervals import over_units
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims
from smcrep.vla.bins import NUM_BINS, ActionBins
from smcrep.vla.chunks import chunked
from smcrep.vla.fast import fit_fast
from smcrep.vla.finetuning import add_lora, trainable

HORIZON = 16
Episodes = tuple[Tensor, Tensor]
"""Actions float32 [n, a], and the episode of each, int64 [n]."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/action_tokens"), help="folder of the claims")
    parser.add_argument("--data-root", type=Path, default=data_folder(""), help="folder of the sets")
    parser.add_argument("--tiny", action="store_true", help="planted actions alone")
    arguments = parser.parse_args()
    begun = time.monotonic()
    sets = {"planted": planted()} if arguments.tiny else recorded(arguments.data_root)
    if not sets:
        raise ValueError(f"{arguments.data_root}: no lerobot_* folder and no pusht_replay_zarr; give --data-root")
    records: dict[str, Record] = {"tokens.lora.numbers": lora()}
    for name, (actions, episode) in sets.items():
        records |= {f"tokens.{key}.{name}": record for key, record in judged(actions, episode).items()}
    command = "python experiments/action_tokens.py"
    records = stamped(records, command, begun)
    write_claims(arguments.out / "claims/tokens.json", records)
    for name, record in records.items():
        print(plain(name, record, "tokens", "episodes", "share"))


def planted() -> Episodes:
    """Smooth ways from place to place."""
    rng = np.random.default_rng(0)
    ways = np.cumsum(np.cumsum(rng.normal(size=(20, 64, 3)), 1), 1)
    return torch.from_numpy(ways.reshape(-1, 3)).float(), torch.arange(20).repeat_interleave(64)


def recorded(folder: Path) -> dict[str, Episodes]:
    """Every set in ``folder`` that has actions; one without is named and left out."""
    found: dict[str, Episodes] = {}
    for path in sorted(folder.glob("lerobot_*")):
        try:
            found[path.name] = lerobot_actions(path)
        except ValueError as error:
            print(f"left out: {error}", flush=True)
    if (path := folder / "pusht_replay_zarr").is_dir():
        import zarr

        group = zarr.open_group(str(path), mode="r")
        ends = np.asarray(group["meta/episode_ends"][:])  # type: ignore[index]
        actions = torch.from_numpy(np.asarray(group["data/action"][:], np.float32))  # type: ignore[index]
        lengths = torch.from_numpy(np.diff(ends, prepend=0))
        found["pusht"] = actions, torch.arange(len(ends)).repeat_interleave(lengths)
    return found


def lerobot_actions(root: Path) -> Episodes:
    """Of the files that are there; ``actions`` is read where no ``action`` is."""
    files = LeRobotFiles(root)
    if not files.tables.paths:
        raise ValueError(f"{root}: no data files in it")
    actions, episodes = [], []
    for path in files.tables.paths:
        names = pq.read_schema(path).names
        name = next((each for each in ("action", "actions") if each in names), None)
        if name is None:
            raise ValueError(f"{path}: no column action or actions; it has {', '.join(names)}")
        table = pq.read_table(path, columns=[name, "episode_index"])
        actions.append(np.array(table[name].to_pylist(), np.float32))
        episodes.append(table["episode_index"].to_numpy())
    return torch.from_numpy(np.concatenate(actions)), torch.from_numpy(np.concatenate(episodes)).long()


def judged(actions: Tensor, episode: Tensor) -> dict[str, Record]:
    """Fitted on every other episode, or on the first half of a single one; numbers that hardly vary are left out."""
    order = {int(e): i for i, e in enumerate(episode.unique())}
    index = torch.tensor([order[int(e)] for e in episode])
    if len(order) < 2:
        index = (torch.arange(len(index)) >= len(index) // 2).long()
    cuts = actions[index % 2 == 0].double().quantile(torch.tensor([0.01, 0.99], dtype=torch.float64), 0)
    varies = cuts[1] - cuts[0] > 1e-6
    chunks, is_pad = chunked(actions[:, varies], index, HORIZON)
    starts = torch.cat([torch.arange(int((index == e).sum())) for e in index.unique()]) % HORIZON == 0
    whole = starts & ~is_pad.any(1)
    fit, test = whole & (index % 2 == 0), whole & (index % 2 == 1)
    fast, bins = fit_fast(chunks[fit]), ActionBins.fit(chunks[fit].flatten(0, 1))
    width = (cuts[1] - cuts[0])[varies] / 2  # a unit of the range from -1 to 1
    tokens = fast.encode(chunks[test])
    inside = chunks[test].clamp(*(torch.tensor(ends) for ends in (bins.low, bins.high)))
    errors = {
        "fast.error": (fast.decode(tokens) - chunks[test]).abs() / width,
        "bins.error": (bins.decode(bins.encode(inside)) - inside).abs() / width,
    }
    units = index[test].numpy()
    numbers = HORIZON * int(varies.sum())
    saved = numbers / np.array([len(row) for row in tokens])
    controls = {"chunks": len(units), "episodes": len(np.unique(units)), "numbers": numbers}
    found = {"fast.compression": (saved, {"tokens": numbers / float(saved.mean())})}
    found |= {name: (each.mean((1, 2)).double().numpy(), {}) for name, each in errors.items()}
    found["bins.error"][1]["half a bin"] = 1 / NUM_BINS
    records = {}
    for name, (values, beside) in found.items():
        interval = over_units(values, units).ci95 if len(np.unique(units)) > 1 else None  # none from one episode
        unit = "numbers a token" if name == "fast.compression" else "mean absolute error of -1 to 1"
        records[name] = Record(float(values.mean()), interval, n=len(values), unit=unit, controls=controls | beside)
    return records


def lora() -> Record:
    layer = nn.Sequential(nn.Linear(1024, 1024, bias=False))
    found = trainable(add_lora(layer, "0", rank=8))
    share = found.num / 1024**2
    return Record(found.num, unit="numbers", controls={"share": share, "published": 16384})


if __name__ == "__main__":
    script.run("action_tokens", main)
