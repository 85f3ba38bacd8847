"""Does the picture of an object that was never aligned find its caption, and the caption the object?

    python experiments/captions.py --run runs/generalisation/runs/main-0        # some 5 minutes on one core
    python experiments/captions.py --tiny --run runs/demo --out runs/captions   # seconds

The run's model is frozen. New procedural objects, which no run trains on, are seen in three of four cases to align the
invariant part with captions ("the red mug", MiniLM's vector); the others are asked for. Leaves claims/vla.json:

    language.caption_retrieval    share of observations whose caption is the nearest of all captions of objects held
                                  out; beside it the way back, chance, alignment to shuffled captions, and what two
                                  linear readers of the same embedding find: family and colour apart, and the caption
                                  from both, or from one where the other is the truth

Expected: far above 3 times chance; the part that limits it is the one whose truth raises it most.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.sentence import plain
from smcrep.evaluation.world import simulation_of
from smcrep.pretraining import load
from smcrep.probes.intervals import share_over_units
from smcrep.probes.retrieval import rank
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims
from smcrep.vla.alignment import Aligner
from smcrep.vla.alignment_score import alignment_score
from smcrep.vla.described import described
from smcrep.vla.factored import FactoredReader, meaning_scores
from smcrep.vla.text import HashedNGrams, MiniLM
from smcrep.worlds.generate import generate
from smcrep.worlds.objects.source import ProceduralObjects

NUM_OBJECTS, NUM_TINY, NEW_OBJECTS = 600, 24, 7_000
"""The last is the seed of the set: runs take small ones."""
SEEDS, STEPS, BATCH, DIM, LR, HELD_OUT = 3, 300, 256, 64, 1e-3, 0.25
RIDGE = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run")
    parser.add_argument("--out", type=Path, default=Path("runs/captions"), help="folder of the store and the claims")
    parser.add_argument("--tiny", action="store_true", help="few objects, one seed, no weights of a text encoder")
    arguments = parser.parse_args()
    begun = time.monotonic()
    run = load(arguments.run)
    store = objects_store(run.store("val"), arguments.out, NUM_TINY if arguments.tiny else NUM_OBJECTS)
    encoded = encode(run.model, store)
    seen = encoded.invariant().flatten(0, 1)
    object_id = np.repeat(encoded.object_ids, encoded.invariant().shape[1])
    words = described(store)
    phrases = sorted({w.phrase for w in words.values()})
    torch.manual_seed(0)
    text = (HashedNGrams() if arguments.tiny else MiniLM())(phrases).detach()
    found = [asked(seen, object_id, words, phrases, text, seed) for seed in range(1 if arguments.tiny else SEEDS)]
    hits = np.concatenate([each["hits"] for each in found])
    units = np.concatenate([[f"{i} {unit}" for unit in each["units"]] for i, each in enumerate(found)])
    estimate = share_over_units(hits, units)
    controls = {
        name: float(np.mean([each[name] for each in found])) for name in found[0] if name not in ("hits", "units")
    }
    record = Record(estimate.value, estimate.ci95, seeds=len(found), n=len(hits), unit="H@1", controls=controls)
    command = f"python experiments/captions.py --run {arguments.run}"
    records = stamped({"language.caption_retrieval": record}, command, begun)
    write_claims(arguments.out / "claims/vla.json", records)
    print(plain("language.caption_retrieval", records["language.caption_retrieval"], *controls))


def objects_store(like: Store, out: Path, num: int) -> Store:
    """``num`` objects of no run, each in two states, with the cameras, lights and senses of ``like``."""
    simulation = replace(
        simulation_of(like),
        objects=ProceduralObjects(num, NEW_OBJECTS),
        states_per_object=2,
        corrupted=0.0,
        split="captions",
    )
    return Store(generate(simulation, out / f"store-{num}"))


def asked(
    seen: Tensor, object_id: np.ndarray, words: dict[int, Any], phrases: list[str], text: Tensor, seed: int
) -> dict[str, Any]:
    """Hits of the observations of a quarter of the objects, after alignment with the others'."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.unique(object_id))
    held = np.isin(object_id, ids[: round(HELD_OUT * len(ids))])
    caption = np.array([phrases.index(words[i].phrase) for i in object_id.tolist()])
    learn, ask = torch.from_numpy(np.flatnonzero(~held)), torch.from_numpy(np.flatnonzero(held))
    gallery = np.unique(caption[held])
    z, names = F.normalize(seen, dim=-1), np.array(phrases)[gallery]
    true = np.searchsorted(gallery, caption[held])
    picture, said = aligned(z[learn], text[caption[~held]], z[ask], text[gallery], caption[~held], seed)
    wrong = rng.permutation(np.unique(caption[~held]))[np.unique(caption[~held], return_inverse=True)[1]]
    of_wrong = aligned(z[learn], text[wrong], z[ask], text[gallery], wrong, seed)
    back = alignment_score(said.numpy(), picture.numpy(), np.arange(len(gallery)), true)
    family, colour = (np.array([getattr(words[i], part) for i in object_id.tolist()]) for part in ("family", "colour"))
    read = reader_hits(z, {"family": family, "colour": colour}, learn, ask)
    return {
        "hits": rank((picture @ said.T).numpy(), true).hits(1),
        "units": object_id[held],
        "chance": 1 / len(names),
        "object_by_caption": back.hits[1],
        "object_by_caption_chance": back.chance_hits[1],
        "shuffled_captions": float(rank((of_wrong[0] @ of_wrong[1].T).numpy(), true).hits(1).mean()),
        **read,
    }


def aligned(
    z: Tensor, text: Tensor, asked_z: Tensor, asked_text: Tensor, meaning: np.ndarray, seed: int
) -> tuple[Tensor, Tensor]:
    """(pictures, captions) that are asked for, in the space of an aligner trained on the others."""
    torch.manual_seed(seed)
    aligner = Aligner({"vision": z.shape[1], "text": text.shape[1]}, dim=DIM)
    optimiser = torch.optim.AdamW(aligner.parameters(), LR, weight_decay=0.1)
    same = torch.from_numpy(meaning)
    for _ in range(STEPS):
        rows = torch.randint(len(z), (BATCH,))
        optimiser.zero_grad()
        aligner.loss({"vision": z[rows], "text": text[rows]}, same[rows]).total.backward()
        optimiser.step()
    with torch.no_grad():
        found = aligner({"vision": asked_z, "text": asked_text})
    return found["vision"], found["text"]


def reader_hits(z: Tensor, parts: dict[str, np.ndarray], learn: Tensor, ask: Tensor) -> dict[str, float]:
    """Each part by `FactoredReader` of the embedding, both together among the captions that are asked for, and both
    where one is the truth."""
    classes = {name: torch.from_numpy(np.unique(of, return_inverse=True)[1]) for name, of in parts.items()}
    num = {name: int(of.max()) + 1 for name, of in classes.items()}
    learned = {name: of[learn] for name, of in classes.items()}
    scores = FactoredReader.fit(z[learn], learned, RIDGE, num).scores(z[ask])
    true = {name: of[ask] for name, of in classes.items()}
    meanings, index = torch.unique(torch.stack(list(true.values()), 1), dim=0, return_inverse=True)
    gallery = dict(zip(classes, meanings.unbind(1), strict=True))

    def both(given: dict[str, Tensor]) -> float:
        return float(rank(meaning_scores(given, gallery).numpy(), index.numpy()).hits(1).mean())

    found = {f"linear_{name}": float((x.argmax(1) == true[name]).float().mean()) for name, x in scores.items()}
    found["linear_caption"] = both(scores)
    for name, x in scores.items():
        known = 10 * F.one_hot(true[name], x.shape[1]).float()
        found[f"linear_caption_true_{name}"] = both(scores | {name: known})
    return found


if __name__ == "__main__":
    script.run("captions", main)
