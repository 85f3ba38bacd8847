"""Senses share some factors and keep others to themselves: is each found in the part where it belongs?

    python experiments/shared_private.py --out runs/shared_private    # about a minute on 1 core
    python experiments/shared_private.py --tiny                       # seconds

A planted world: a state has two common numbers, two that only the first sense shows and two that only the second does;
each view adds nuisances of its own, and a sense is a fixed curved function of what it shows. A small network a sense
learns by `SharedPrivateWeights`, with the penalties on orthogonality and without them; before is the network that has
learned nothing. Linear probes (`smcrep.probes.decodable`) then read every number from every part, on new states.

    shared_private.VARIANT.belongs   mean R2 of the numbers in the parts where they belong: common in both shared parts,
                                     own in the private part of the sense that shows it; beside it leaks, the mean R2 of
                                     common numbers in private parts and of own numbers in shared parts

Leaves claims/shared_private.json and figures/shared_private.png in ``--out``. Expected: both variants hold what
belongs; without the penalty the private parts hold the common numbers as well.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep import script
from smcrep.geometry.action import Action
from smcrep.objectives import Observed, SharedPrivateWeights
from smcrep.probes.decodable import Decoded, decodable
from smcrep.probes.intervals import over_seeds
from smcrep.provenance import stamped
from smcrep.report.style import picture
from smcrep.results import Record, write_claims
from smcrep.transition import Beliefs

SENSES = ("first", "second")
NUM_OF_EACH, NUM_NUISANCES, NUM_SENSED, NUM_EMBEDDED = 2, 3, 24, 16
NUM_VIEWS, BATCH, HIDDEN = 3, 64, 64
VARIANTS = {
    "before": None,
    "without_penalty": SharedPrivateWeights(orthogonality=0.0, orthogonality_of_shared=0.0),
    "with_penalty": SharedPrivateWeights(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/shared_private"), help="folder of claims and figures")
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=[0, 1, 2], help="of worlds and networks")
    parser.add_argument("--steps", type=script.at_least(1), default=600, help="of training")
    parser.add_argument("--tiny", action="store_true", help="few steps and states, to see that it runs")
    arguments = parser.parse_args()
    begun = time.monotonic()
    steps, num_states = (20, 200) if arguments.tiny else (arguments.steps, 2000)
    tables = {
        name: [found(weights, seed, steps=steps, num_states=num_states) for seed in arguments.seeds]
        for name, weights in VARIANTS.items()
    }
    records = {f"shared_private.{name}.belongs": record(each) for name, each in tables.items()}
    command = f"python experiments/shared_private.py --seeds {' '.join(map(str, arguments.seeds))} --steps {steps}"
    write_claims(arguments.out / "claims/shared_private.json", stamped(records, command, begun))
    draw({name: each[0] for name, each in tables.items()}, arguments.out / "figures/shared_private.png")
    for name, made in records.items():
        print(f"{name} {made.value:.2f}, leaks {made.controls['leaks']:.2f}")


@dataclass(frozen=True)
class World:
    """Fixed curved functions of what each sense shows: common, own and nuisance numbers -> ``NUM_SENSED`` numbers."""

    mixed: dict[str, Tensor]  # sense -> float32 [2 NUM_OF_EACH + NUM_NUISANCES, NUM_SENSED]

    @classmethod
    def drawn(cls, generator: torch.Generator) -> "World":
        num = 2 * NUM_OF_EACH + NUM_NUISANCES
        return cls({sense: torch.randn(num, NUM_SENSED, generator=generator) / num**0.5 for sense in SENSES})

    def seen(self, num: int, generator: torch.Generator) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(sense -> [num, v, NUM_SENSED], factor -> [num, NUM_OF_EACH]) of that many states, v views each."""
        factors = {name: torch.randn(num, NUM_OF_EACH, generator=generator) for name in ("common", *SENSES)}
        sensed = {}
        for sense, mixed in self.mixed.items():
            nuisance = torch.randn(num, NUM_VIEWS, NUM_NUISANCES, generator=generator)
            shown = torch.cat([factors["common"], factors[sense]], -1)[:, None].expand(-1, NUM_VIEWS, -1)
            sensed[sense] = torch.tanh(torch.cat([shown, nuisance], -1) @ mixed)
        return sensed, factors


def found(
    weights: SharedPrivateWeights | None, seed: int, *, steps: int, num_states: int
) -> dict[tuple[str, str], Decoded]:
    """(part, number) -> how well it is read, by the networks that ``weights`` trained for so many steps."""
    generator = torch.Generator().manual_seed(seed)
    world, split = World.drawn(generator), weights or SharedPrivateWeights()
    networks = trained(world, weights, generator, seed, steps)
    parts, targets = [], []
    for _ in ("train", "test"):
        sensed, factors = world.seen(num_states, generator)
        with torch.no_grad():
            z = {sense: embedded(networks[sense], sensed[sense][:, 0]).numpy() for sense in SENSES}
        first = split.num_shared(NUM_EMBEDDED)
        parts.append({f"{sense}, shared": z[sense][:, :first] for sense in SENSES})
        parts[-1] |= {f"{sense}, private": z[sense][:, first:] for sense in SENSES}
        targets.append({f"{name} {i}": x[:, i].numpy() for name, x in factors.items() for i in range(NUM_OF_EACH)})
    return decodable(
        train=parts[0],
        test=parts[1],
        train_targets=targets[0],
        test_targets=targets[1],
    )


def trained(
    world: World, weights: SharedPrivateWeights | None, generator: torch.Generator, seed: int, steps: int
) -> nn.ModuleDict:
    """A network for each sense and a projector."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        networks = nn.ModuleDict({sense: layers(NUM_SENSED, NUM_EMBEDDED) for sense in SENSES})
        networks["project"] = layers(NUM_EMBEDDED, NUM_EMBEDDED)
    optimiser = torch.optim.Adam(networks.parameters(), 2e-3)
    for _ in range(steps if weights else 0):
        sensed, _ = world.seen(BATCH, generator)
        z = torch.stack([embedded(networks[sense], sensed[sense]) for sense in SENSES], 2)
        loss = weights.loss(observed(z, networks["project"]))  # type: ignore[union-attr]
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    return networks


def embedded(network: nn.Module, sensed: Tensor) -> Tensor:
    """Of unit length, as a model's invariant part is."""
    return F.normalize(network(sensed), dim=-1)


def layers(num_in: int, num_out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(num_in, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, num_out))


def observed(z: Tensor, project: nn.Module) -> Observed:
    """Embeddings [b, v, m, d], all of it invariant, as an objective takes them."""
    present = torch.ones(z.shape[:3], dtype=torch.bool)

    def predict(*_: object) -> Tensor:
        raise NotImplementedError("nothing is predicted")

    return Observed(
        Beliefs(z, torch.zeros_like(z), present, SENSES),
        z.mean(2),
        Action.identity(len(z), z.shape[1] - 1),
        None,
        z.shape[-1],
        condition=predict,
        predict=predict,
        project=project,
    )


def belongs(part: str, number: str) -> bool:
    sense, kind = part.split(", ")
    return number.startswith("common" if kind == "shared" else sense)


def record(tables: list[dict[tuple[str, str], Decoded]]) -> Record:
    """Mean over seeds; what a part cannot show (the own numbers of the other sense) is in neither mean."""
    own, leaks = [], []
    for table in tables:
        scores = {key: decoded.score.value for key, decoded in table.items()}
        shown = {key: r2 for key, r2 in scores.items() if key[1].split()[0] in ("common", key[0].split(", ")[0])}
        own.append(np.mean([r2 for key, r2 in shown.items() if belongs(*key)]))
        leaks.append(np.mean([r2 for key, r2 in shown.items() if not belongs(*key)]))
    controls = {"leaks": float(np.mean(leaks)), "chance": 0.0}
    if len(tables) == 1:
        return Record(float(own[0]), seeds=1, unit="R2", controls=controls)
    estimate = over_seeds(np.array(own))
    return Record(estimate.value, estimate.ci95, seeds=len(tables), unit="R2", controls=controls)


def draw(tables: dict[str, dict[tuple[str, str], Decoded]], path: Path) -> None:
    """Parts by numbers, R2 in each field, one panel a variant, of the first seed; frames stand where it belongs."""
    with picture(path, 1, len(tables), size=(4.2, 2.6)) as (_, axes):
        for axis, (name, table) in zip(axes, tables.items(), strict=True):
            parts, numbers = (list(dict.fromkeys(key[i] for key in table)) for i in (0, 1))
            r2 = np.array([[table[part, number].score.value for number in numbers] for part in parts])
            axis.imshow(r2, vmin=0, vmax=1, cmap="Greys", aspect="auto")
            for i, part in enumerate(parts):
                for j, number in enumerate(numbers):
                    axis.text(j, i, f"{r2[i, j]:.2f}", ha="center", va="center", color="w" if r2[i, j] > 0.5 else "k")
                    if belongs(part, number):
                        axis.add_patch(Rectangle((j - 0.47, i - 0.45), 0.94, 0.9, fill=False, ec="#a05195", lw=1.5))
            axis.set_xticks(range(len(numbers)), numbers, rotation=40, ha="right")
            axis.set_yticks(range(len(parts)), parts if axis is axes[0] else [""] * len(parts))
            axis.set_title(name.replace("_", " "))
            axis.grid(False)


if __name__ == "__main__":
    script.run("shared_private", main)
