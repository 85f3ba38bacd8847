"""Give a trained run its fusion head: how far each sense can be trusted, observation by observation.

    python experiments/fuse.py --run runs/ycb                    # about 10 minutes on 2 cores; leaves runs/ycb/fused
    python experiments/fuse.py --run runs/tiny --tiny            # seconds; the head means nothing

The encoders stay as they are. The head is fitted on procedural objects that they never saw and the meshes of the run's
training, clean and with faulty sensors (the kinds of training of `smcrep.corruptions`); what is usual is calibrated on
others of both kinds. `smcrep.load_model`
of the new folder embeds with it: `weight`, `precision` and `p_value` of each sense come beside the embedding. Beside it
lies same_thing.safetensors: decisions from few labels that a sense which holds another object does not mislead
(`smcrep.fusion.same_thing.SameThing`), and same_outcome.safetensors, the same for the outcome of an action
(`smcrep.fusion.same_outcome.SameOutcome`). How good they are: experiments/fusion.py and fusion_outcomes.py.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import torch

from smcrep import script
from smcrep.evaluation.fusion_data import Sizes, faulty_rows, gather, make_stores
from smcrep.evaluation.fusion_outcomes import outcomes_of, predictor
from smcrep.fusion.directions import SHRINKAGE
from smcrep.fusion.fit_variance import VarianceFit
from smcrep.fusion.head import DirectionHead, fit_head
from smcrep.fusion.same_outcome import SameOutcome, fit_same_outcome
from smcrep.fusion.same_thing import SameThing, fit_same_thing
from smcrep.hub import build_model
from smcrep.pretraining import load
from smcrep.results import commit
from smcrep.transition import concatenate

NUM_WAYS, NUM_SHOTS = 15, 5
"""Of the comparisons that decisions are calibrated on."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a pretrained run")
    parser.add_argument("--out", type=Path, help="folder of the model with its head (default: RUN/fused)")
    parser.add_argument("--shrinkage", type=float, default=SHRINKAGE, help="of covariances, 0 to 1")
    parser.add_argument("--copies", type=script.at_least(1), default=2, help="faulty copies of each observation")
    parser.add_argument("--steps", type=script.at_least(1), default=1500, help="of learning the variances")
    parser.add_argument("--seed", type=script.at_least(0), default=0, help="of faults and first weights")
    parser.add_argument("--tiny", action="store_true", help="few objects and steps, to see that it runs")
    arguments = parser.parse_args()
    if not 0 < arguments.shrinkage < 1:
        raise ValueError(f"--shrinkage is {arguments.shrinkage}; give a number between 0 and 1")
    run, out = load(arguments.run), arguments.out or arguments.run / "fused"
    known = run.model
    config = replace(known.config, fusion="directions")
    torch.manual_seed(arguments.seed)
    model = build_model(config)
    assert isinstance(model.fuse, DirectionHead)
    missing, unexpected = model.load_state_dict(known.state_dict(), strict=False)
    assert not unexpected
    assert all(name.startswith("fuse.") for name in missing)

    folder = out / "data"
    sizes = Sizes(12, 8, states=4, branches=2) if arguments.tiny else Sizes()
    stores = make_stores(run.store, folder / "stores", sizes, ("fit", "val"), processes=os.cpu_count() or 1)
    fit, val = (gather(known, stores[split], folder / split) for split in ("fit", "val"))
    broken = concatenate(faulty_rows(known, fit, folder / "fit", copies=arguments.copies))
    faulty = concatenate([fit.gallery, broken])
    settings = VarianceFit(steps=20 if arguments.tiny else arguments.steps)
    fit_head(
        model.fuse, fit.gallery, faulty, torch.from_numpy(fit.objects), val.gallery,
        group=torch.from_numpy(val.store_of), shrinkage=arguments.shrinkage, settings=settings,
        generator=torch.Generator().manual_seed(arguments.seed),
    )  # fmt: skip
    same = SameThing(model.fuse)
    fit_same_thing(
        same, fit.gallery, broken, torch.from_numpy(fit.objects), num_ways=NUM_WAYS if not arguments.tiny else 3,
        num_shots=NUM_SHOTS if not arguments.tiny else 2, generator=torch.Generator().manual_seed(arguments.seed),
    )  # fmt: skip
    same.save(out / "same_thing.safetensors")
    outcome, seen = SameOutcome(model.fuse), outcomes_of(known, val)
    fit_same_outcome(outcome, predictor(known, seen.condition), seen.before, seen.after)
    outcome.save(out / "same_outcome.safetensors")
    model.eval().save_pretrained(out, {"run": str(arguments.run), "commit": commit(), "head": vars(settings)})
    look = model.look(val.gallery)
    weight = ", ".join(f"{name} {w:.2f}" for name, w in zip(config.names, look.weight.mean(0).tolist(), strict=True))
    print(f"{out}: weights on clean observations of new objects: {weight}")


if __name__ == "__main__":
    script.run("fuse", main)
