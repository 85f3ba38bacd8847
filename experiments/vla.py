"""Are real robot sets read whole, is an injected embedding standard, and does language find what it means?

    python experiments/vla.py                            # some 10 minutes on one core; goes on where it was interrupted
    python experiments/vla.py --tiny                     # seconds: planted sets, few sentences
    python experiments/vla.py --data-root FOLDER         # holds lerobot_*, pusht_replay_zarr, folders of pictures

Leaves claims/vla.json in --out:

    sources.NAME                share of a source's rows, counted without our readers, that are embedded or named as
                                failed with a reason; beside it how many are which, lines on what gives no rows, and
                                the reason where the whole source is refused
    lerobot.inject.mean         largest mean of an injected number after LeRobot's normalisation (0 is standard); beside
                                it that without the written statistics, and videos that were copied instead of linked
    lerobot.inject.deviation    largest distance of its deviation from 1, likewise
    language.paraphrase_top1    share of sentences in phrasings never trained on, about objects never trained on, whose
                                meaning (family, colour, act) is found among those of all such objects; seeds hold out
                                other objects. Beside it chance, training on shuffled captions, phrasings that were
                                trained on, the aligner of `smcrep.vla.alignment`, each part replaced by the truth, and
                                phrasings that are found less than half of the time
    language.phrasing_in_turn   the same with each phrasing of an act held out in turn instead of the two last; beside
                                it the same with 3 phrasings of an act to learn from

An untrained encoder of pictures embeds the sources: what is read is measured, not what is learned.
Expected: all rows embedded or named; a mean of 0 and a deviation of 1; the right meaning nearly always.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from smcrep import script
from smcrep.evaluation.sentence import plain
from smcrep.extraction.extract import extract
from smcrep.extraction.index import failures
from smcrep.extraction.lerobot_copy import ENVIRONMENT_STATE, inject
from smcrep.extraction.output import Output
from smcrep.extraction.sources import SourceSpec
from smcrep.files import atomic_write
from smcrep.geometry.action import KINDS
from smcrep.hub import build_model, save_pretrained
from smcrep.models.config import ModelConfig
from smcrep.pretraining.recipes import data_folder
from smcrep.probes.intervals import share_over_units
from smcrep.probes.retrieval import rank
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims
from smcrep.senses import RGB
from smcrep.vla import paraphrase_task as task
from smcrep.vla.alignment import Aligner
from smcrep.vla.factored import FactoredReader, meaning_scores
from smcrep.vla.text import HashedNGrams, MiniLM
from smcrep.worlds.objects.families import FAMILIES

SIDE, NUM_TINY = 32, 6
SEEDS, NUM_TRAIN, NUM_TEST, ALIGNER_STEPS = 3, 800, 400, 150
CONTROLS = {
    "paraphrase_top1": ("chance", "shuffled_captions", "trained_phrasings", "aligner", "true_family", "true_colour",
                        "true_act"),
    "phrasing_in_turn": ("chance", "of_3"),
}  # fmt: skip
PICTURES = (".jpg", ".jpeg", ".png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/vla"), help="folder of embeddings, cells and claims")
    parser.add_argument("--data-root", type=Path, default=data_folder(""), help="folder of the sets")
    parser.add_argument("--tiny", action="store_true", help="planted pictures and few sentences")
    arguments = parser.parse_args()
    begun = time.monotonic()
    root = planted(arguments.out / "planted") if arguments.tiny else arguments.data_root
    records = of_sources(root, arguments.out)
    copy = arguments.out / "copy"
    records |= language(arguments.out, arguments.tiny)
    records |= injected(root, arguments.out, copy)
    records = stamped(records, "python experiments/vla.py", begun)
    write_claims(arguments.out / "claims/vla.json", records)
    for name, record in records.items():
        print(plain(name, record, "rows", "embedded", "failed", "without_statistics", "chance"))


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
            controls |= {"first_lines": lines[:3]} if lines else {}
        except ValueError as error:
            accounted, controls = rows, {"embedded": 0, "failed": rows, "refused": str(error).replace(str(root), "")}
        share = min(accounted, rows) / max(accounted, rows, 1)
        records[f"sources.{name}"] = Record(share, n=rows, unit="share of rows", controls={"rows": rows} | controls)
    return records


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


def injected(root: Path, out: Path, copy: Path) -> dict[str, Record]:
    """Of the first v3.0 set that was embedded: its copy with the embeddings, normalised as LeRobot does."""
    for name, spec in found(root).items():
        embeddings = out / "sources" / name
        if spec.kind != "lerobot" or not (embeddings / "manifest.json").is_file() or "v30" not in name:
            continue
        if not copy.is_dir():
            inject(Path(spec.path), embeddings, copy)
        paths = sorted((copy / "data").rglob("*.parquet"))
        x = np.concatenate([np.array(pq.read_table(path)[ENVIRONMENT_STATE].to_pylist()) for path in paths])
        stats = json.loads((copy / "meta/stats.json").read_text(encoding="utf-8"))[ENVIRONMENT_STATE]
        z = (x - np.array(stats["mean"])) / (np.array(stats["std"]) + 1e-8)  # LeRobot's eps
        videos = [path for path in copy.rglob("*") if path.suffix in (".mp4", ".mkv")]
        own = [not path.samefile(Path(spec.path) / path.relative_to(copy)) for path in videos]
        beside = {"rows": len(x), "set": name, "videos": len(videos), "videos_copied": int(sum(own))}
        values = {"mean": lambda y: np.abs(y.mean(0)).max(), "deviation": lambda y: np.abs(y.std(0) - 1).max()}
        return {
            f"lerobot.inject.{key}": Record(
                float(of(z)), n=len(x), unit="of a deviation", controls=beside | {"without_statistics": float(of(x))}
            )
            for key, of in values.items()
        }
    return {}


def language(out: Path, tiny: bool) -> dict[str, Record]:
    """Sentences of all seeds embedded once (the slow part, kept in ``out``), then read."""
    found = [read_language(seed, out, tiny) for seed in range(1 if tiny else SEEDS)]
    records = {}
    for name in ("paraphrase_top1", "phrasing_in_turn"):
        hits = np.concatenate([each[name] for each in found])
        units = np.concatenate([[f"{i} {unit}" for unit in each[f"{name}.units"]] for i, each in enumerate(found)])
        controls = {key: float(np.mean([each[name + "." + key] for each in found])) for key in CONTROLS[name]}
        estimate = share_over_units(hits, units)
        failing = sorted({words for each in found for words in each[name + ".failing"]})
        controls |= {"failing": ", ".join(failing)}
        records[f"language.{name}"] = Record(
            estimate.value, estimate.ci95, seeds=len(found), n=len(hits), unit="H@1", controls=controls
        )
    return records


def read_language(seed: int, out: Path, tiny: bool) -> dict[str, Any]:
    """Hits [n] of both questions, their units (objects), and controls."""
    rng = np.random.default_rng(seed)
    trained_on, held_out = task.objects(rng)
    num_train, num_test = (200, 80) if tiny else (NUM_TRAIN, NUM_TEST)
    train, test = task.training(trained_on, num_train, rng), task.asked(held_out, num_test, rng)
    vectors, asked = (
        sentence_vectors(out / f"sentences-{seed}-{len(s.texts)}.safetensors", s.texts, tiny) for s in (train, test)
    )
    meanings = task.gallery(held_out)
    true = np.array([np.flatnonzero((meanings == row).all(1))[0] for row in test.meaning])
    units = [f"{f} {c}" for f, c, _ in test.meaning.tolist()]

    def hits(learned: np.ndarray, rows: np.ndarray, given: tuple[str, ...] = (), shuffled: bool = False) -> np.ndarray:
        parts = train.parts if not shuffled else task.parts_of(rng.permutation(train.meaning))
        index = torch.from_numpy(np.flatnonzero(learned))
        reader = FactoredReader.fit(vectors[index], {name: x[index] for name, x in parts.items()})
        scores = reader.scores(asked[torch.from_numpy(np.flatnonzero(rows))])
        for name in given:  # the truth in the reader's place
            scores[name] = 10 * F.one_hot(test.parts[name][torch.from_numpy(rows)], scores[name].shape[1]).float()
        return rank(task_scores(scores, meanings), true[rows]).hits(1)

    old = train.phrasing < task.NUM_TRAINED
    new = test.phrasing >= task.NUM_TRAINED
    found: dict[str, Any] = {"paraphrase_top1": hits(old, new), "paraphrase_top1.units": np.array(units)[new]}
    found["paraphrase_top1.chance"] = 1 / len(meanings)
    found["paraphrase_top1.shuffled_captions"] = hits(old, new, shuffled=True).mean()
    found["paraphrase_top1.trained_phrasings"] = hits(old, ~new).mean()
    for part in task.PARTS:
        found[f"paraphrase_top1.true_{part}"] = hits(old, new, given=(part,)).mean()
    found["paraphrase_top1.aligner"] = aligned(
        vectors[torch.from_numpy(old)], train.meaning[old], asked[torch.from_numpy(new)], meanings, true[new], seed
    )
    found["paraphrase_top1.failing"] = failing(test, new, found["paraphrase_top1"])
    every, few = np.zeros(len(units)), np.zeros(len(units))
    for out_of in range(task.NUM_TRAINED + 2):
        rows = test.phrasing == out_of
        others = [(out_of + i) % (task.NUM_TRAINED + 2) for i in range(1, 4)]
        every[rows] = hits(train.phrasing != out_of, rows)
        few[rows] = hits(np.isin(train.phrasing, others), rows)
    found |= {"phrasing_in_turn": every, "phrasing_in_turn.units": units, "phrasing_in_turn.of_3": few.mean()}
    found["phrasing_in_turn.chance"] = 1 / len(meanings)
    found["phrasing_in_turn.failing"] = failing(test, np.ones(len(units), bool), every)
    return found


def task_scores(scores: dict[str, torch.Tensor], meanings: np.ndarray) -> np.ndarray:
    return meaning_scores(scores, task.parts_of(meanings)).numpy()


def failing(test: task.Sentences, rows: np.ndarray, hit: np.ndarray) -> list[str]:
    """Phrasings that are found less than half of the time."""
    key = np.stack([test.meaning[rows, 2], test.phrasing[rows]], 1)
    kinds = [tuple(each) for each in np.unique(key, axis=0).tolist()]
    bad = [(act, i) for act, i in kinds if hit[(key == (act, i)).all(1)].mean() < 0.5]
    return [task.PHRASINGS[KINDS[act]][i] for act, i in bad]


def aligned(
    vectors: torch.Tensor, meaning: np.ndarray, asked: torch.Tensor, meanings: np.ndarray, true: np.ndarray, seed: int
) -> float:
    """H@1 of an aligner of sentences and of what they mean, parts side by side."""
    sizes = [len(FAMILIES), len(task.COLOURS), len(KINDS)]

    def said(rows: np.ndarray) -> torch.Tensor:
        return torch.cat([F.one_hot(torch.from_numpy(rows[:, i].copy()), n) for i, n in enumerate(sizes)], 1).float()

    torch.manual_seed(seed)
    same = torch.from_numpy((meaning * [1000, 10, 1]).sum(1))
    aligner = Aligner({"text": vectors.shape[1], "meaning": sum(sizes)}, dim=64)
    optimiser = torch.optim.Adam(aligner.parameters(), 3e-3)
    for _ in range(ALIGNER_STEPS):
        rows = torch.randint(len(vectors), (256,))
        optimiser.zero_grad()
        given = {"text": vectors[rows], "meaning": said(meaning)[rows]}
        aligner.loss(given, same[rows]).total.backward()
        optimiser.step()
    with torch.no_grad():
        z = aligner({"text": asked, "meaning": said(meanings)})
    return float(rank((z["text"] @ z["meaning"].T).numpy(), true).hits(1).mean())


def sentence_vectors(path: Path, texts: list[str], tiny: bool) -> torch.Tensor:
    """[n, d], of unit length; kept in ``path``."""
    if not path.is_file():
        torch.manual_seed(0)
        encoder = HashedNGrams() if tiny else MiniLM()
        order = np.argsort([len(text) for text in texts])  # alike in length, so that little is padded
        parts = [encoder([texts[i] for i in order[j : j + 64]]).detach() for j in range(0, len(texts), 64)]
        vectors = torch.zeros(len(texts), parts[0].shape[1])
        vectors[torch.from_numpy(order)] = F.normalize(torch.cat(parts), dim=-1)
        with atomic_write(path) as temporary:
            save_file({"vectors": vectors}, temporary)
    return load_file(path)["vectors"]


if __name__ == "__main__":
    script.run("vla", main)
