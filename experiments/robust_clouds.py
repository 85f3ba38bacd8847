"""What do zeros, stray points, padding, and few or many points cost a cloud's embedding?

    python experiments/robust_clouds.py --run runs/demo                # test objects; some 3 minutes on 2 cores
    python experiments/robust_clouds.py --run runs/demo --split val    # to choose by
    python experiments/robust_clouds.py --run runs/tiny --tiny         # seconds; the numbers mean nothing

k-NN among 30 unseen objects by the cloud alone: the labelled observations are clean, the others harmed
(`smcrep.evaluation.harmed_clouds.HARMS`). Beside chance and the untrained encoder under the same harm; intervals are
over objects. Expected: at most .02 lost to unseen and stray points, padding and 1,000 points or more; millimetres
refused; few points cost what they do not show.
"""

import argparse
import time
from pathlib import Path

from smcrep import script
from smcrep.evaluation.harmed_clouds import CLEAN, HARMS, harmed_clouds, records
from smcrep.pretraining import load
from smcrep.provenance import stamped
from smcrep.report.figures.harms import accuracy_by_harm
from smcrep.results import write_claims
from smcrep.training.build import build_seeded_model

NAME, ACCURACY = "clouds.robust.", "clouds.robust.accuracy."
WORDS = {"val": "validation", "test": "test"}
TINY = (CLEAN, "one zero", "5 % outliers", "padded by one", "millimetres", "16 points")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a pretrained run")
    parser.add_argument("--split", choices=("val", "test"), default="test", help="its objects (val: to choose by)")
    parser.add_argument("--out", type=Path, help="folder of the records and the picture (default: RUN)")
    parser.add_argument("--tiny", action="store_true", help="a few harms, to see that everything runs")
    arguments = parser.parse_args()
    begun, out = time.monotonic(), arguments.out or arguments.run
    pretrained = load(arguments.run)
    store = pretrained.store(arguments.split)
    harms = {name: HARMS[name] for name in TINY} if arguments.tiny else HARMS
    untrained = build_seeded_model(pretrained.recipe).eval()
    found = records(harmed_clouds(pretrained.model, store, harms=harms), harmed_clouds(untrained, store, harms=harms))
    for name, record in found.items():
        print(f"{name:44} {record.value:6.3f} {record.ci95 or ''} {record.controls.get('refused', '')}")

    left = {name.removeprefix(ACCURACY): record for name, record in found.items() if name.startswith(ACCURACY)}
    clean = left.pop(CLEAN).value
    refused = [name.removeprefix(NAME) for name, record in found.items() if "refused" in record.controls]
    picture = out / "figures" / "robust_clouds.png"
    accuracy_by_harm(left, clean, refused, f"Clouds as cameras give them, {WORDS[arguments.split]} objects", picture)
    command = f"python experiments/robust_clouds.py --run {arguments.run} --split {arguments.split}"
    write_claims(out / "claims" / "real_files.json", stamped(found, command, begun))
    print(picture)


if __name__ == "__main__":
    script.run("robust_clouds", main)
