"""Do other people's predictors follow turns that they never saw? The laws of the group, on one frozen embedding.

    python experiments/predictors.py --run runs/demo --out runs/predictors       # 5 minutes on one core
    python experiments/predictors.py --tiny --run runs/demo --out runs/p         # seconds

The run's model is frozen; its equivariant part (vectors and tensors) of training objects is what every predictor learns
on, with one budget and its step size chosen on validation objects. Predictors:

    ours          the group acts on vectors and tensors, a network adds the rest (`GroupResidual`)
    group         the group action alone; nothing learned
    lightly       its LatentDynamicsPredictor with its ActionEncoder (LeWorldModel's, a context of one frame)
    dynamics      stable-worldmodel's protocol, encode and rollout of action candidates, around a plain network
    dino_wm       tokens with the action's embedding of 10 numbers at each, a transformer over them (arXiv:2411.04983)
    no_change     the floor

Seen are turns whose axis, times its angle, points to the positive x of the camera; the other half is never trained on.

    predictor.NAME.unseen_over_seen    error on unseen turns over that on seen ones, objects never trained on. Beside
                                       it both errors (over the displacement: 1 is no change), residuals of identity,
                                       inverse and composition, gain. Published: 13.8 for models that are not
                                       equivariant, 1.00 for one that is (arXiv:2606.03003, other data)

Leaves claims/predictors.json and figures/predictors.png in ``--out``; a finished cell is not done again.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightly.models.modules.world_model import ActionEncoder, LatentDynamicsPredictor
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep import script
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.encoded import Encoded, encode
from smcrep.evaluation.sentence import plain
from smcrep.geometry.action import Action
from smcrep.models.predictors import PREDICTORS, Sizes
from smcrep.objectives.pairs import all_pairs, pair_actions
from smcrep.pretraining import load
from smcrep.pretraining.stores import some_states
from smcrep.probes.equivariance import group_laws
from smcrep.probes.intervals import over_seeds_and_objects
from smcrep.provenance import made
from smcrep.report import marks
from smcrep.report.style import COLOURS, picture
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import cell_path, finished

STEPS, BATCH, HIDDEN, TOKEN, ACTION_TOKEN = 600, 256, 128, 9, 10
STEP_SIZES = (1e-3, 3e-4, 3e-3)
Predict = Callable[[Tensor, Action], Tensor]
NUM_TINY = 24  # states
MAX_STD = 5.0  # of the numbers of an action, as in the package's own action encoder


class Conditioned(nn.Module):
    """Numbers of an action, scaled by those of training, before any of the predictors."""

    def __init__(self, actions: Action) -> None:
        super().__init__()
        vector = actions.vector()
        self.mean, self.std = vector.mean(0), vector.std(0).clamp_min(1e-6)
        self.constant = vector.std(0) < 1e-6

    def forward(self, z: Tensor, action: Action) -> Tensor:
        vector = ((action.vector() - self.mean) / self.std).clamp(-MAX_STD, MAX_STD)
        return self.predict(z, action, vector.masked_fill(self.constant, 0.0))

    def predict(self, z: Tensor, action: Action, vector: Tensor) -> Tensor:
        """z [n, d], vector [n, a] -> [n, d]."""
        raise NotImplementedError


class Ours(Conditioned):
    def __init__(self, actions: Action, dim: int, num_tensors: int, name: str) -> None:
        super().__init__(actions)
        self.network = PREDICTORS[name](Sizes(dim, len(self.mean), HIDDEN, num_tensors))

    def predict(self, z: Tensor, action: Action, vector: Tensor) -> Tensor:
        return self.network(z, action.motion[..., :3, :3], vector)


class Lightly(Conditioned):
    def __init__(self, actions: Action, dim: int) -> None:
        super().__init__(actions)
        self.action = ActionEncoder(action_dim=len(self.mean), output_dim=dim, hidden_dim=HIDDEN)
        self.network = LatentDynamicsPredictor(
            num_frames=1, input_dim=dim, hidden_dim=HIDDEN, depth=2, num_heads=4, dropout=0.0
        )

    def predict(self, z: Tensor, action: Action, vector: Tensor) -> Tensor:
        return self.network(z[:, None], self.action(vector[:, None]))[:, 0]


class Dynamics(Conditioned):
    """`stable_worldmodel.protocols.Dynamics`: dictionaries, candidates [b, s, t, a], embeddings [b, s, t, d]."""

    def __init__(self, actions: Action, dim: int) -> None:
        super().__init__(actions)
        widths = (dim + len(self.mean), 2 * HIDDEN, 2 * HIDDEN)
        hidden = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.GELU())]
        self.network = nn.Sequential(*hidden, nn.Linear(widths[-1], dim))

    def encode(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"emb": x["latent"]}

    def rollout(self, info: dict[str, Tensor], candidates: Tensor) -> dict[str, Tensor]:
        z, predicted = info["emb"][:, None].expand(-1, candidates.shape[1], -1), []
        for step in candidates.unbind(2):
            z = self.network(torch.cat([z, step], -1))
            predicted.append(z)
        return info | {"predicted_emb": torch.stack(predicted, 2)}

    def predict(self, z: Tensor, action: Action, vector: Tensor) -> Tensor:
        return self.rollout(self.encode({"latent": z}), vector[:, None, None])["predicted_emb"][:, 0, 0]


class DinoWM(Conditioned):
    """The embedding as tokens of 9 numbers (3 vectors, or a tensor) in the place of patches; the action's embedding
    stands beside each, and is no part of what is predicted."""

    def __init__(self, actions: Action, dim: int) -> None:
        super().__init__(actions)
        self.num_tokens = -(-dim // TOKEN)
        self.action = nn.Linear(len(self.mean), ACTION_TOKEN)
        self.enter, self.leave = nn.Linear(TOKEN + ACTION_TOKEN, HIDDEN // 2), nn.Linear(HIDDEN // 2, TOKEN)
        self.place = nn.Parameter(0.02 * torch.randn(self.num_tokens, HIDDEN // 2))
        layer = nn.TransformerEncoderLayer(HIDDEN // 2, 4, HIDDEN, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def predict(self, z: Tensor, action: Action, vector: Tensor) -> Tensor:
        tokens = F.pad(z, (0, self.num_tokens * TOKEN - z.shape[-1])).unflatten(-1, (-1, TOKEN))
        told = self.action(vector)[:, None].expand(-1, self.num_tokens, -1)
        found = self.leave(self.layers(self.enter(torch.cat([tokens, told], -1)) + self.place))
        return found.flatten(1)[:, : z.shape[-1]]


def builders(num_tensors: int) -> dict[str, Callable[[Action, int], nn.Module]]:
    return {
        "ours": lambda actions, dim: Ours(actions, dim, num_tensors, "group_residual"),
        "group": lambda actions, dim: Ours(actions, dim, num_tensors, "group"),
        "lightly": Lightly,
        "dynamics": Dynamics,
        "dino_wm": DinoWM,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run whose embedding is frozen")
    parser.add_argument("--out", type=Path, default=Path("runs/predictors"), help="folder of cells, claims and figure")
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=[0, 1, 2], help="seeds of predictors")
    parser.add_argument("--tiny", action="store_true", help="five steps, to see that it runs")
    arguments = parser.parse_args()
    run = load(arguments.run)
    names = list(builders(run.model.config.num_tensors))
    cells = [(name, s) for name in names for s in arguments.seeds]
    missing = [cell for cell in cells if not cell_path(arguments.out / "cells", *cell).exists()]
    print(f"predictors: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    if missing:
        there = {split: run.store(split) for split in ("train", "val", "test")}
        number = {split: NUM_TINY if arguments.tiny else store.num_states for split, store in there.items()}
        stores = {split: rigid(encode(run.model, s, some_states(s, number[split]))) for split, s in there.items()}
        for name, seed in missing:
            run_cell(stores, run.model.config.num_tensors, arguments.out, arguments.tiny, name, seed, arguments.run)
            print(f"{name}-{seed} done", flush=True)
    report(arguments.out)


def run_cell(
    stores: dict[str, Encoded], num_tensors: int, out: Path, small: bool, name: str, seed: int, folder: Path
) -> None:
    begun, train = time.monotonic(), turns(stores["train"])
    actions = train[1][train[2]]
    tried = {}
    for lr in STEP_SIZES[: 1 if small or name == "group" else None]:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = builders(num_tensors)[name](actions, train[0].shape[-1])
        fit(model, train, lr, seed, 5 if small else STEPS)
        tried[lr] = model, measured(model, stores["val"])["seen"].mean()
    chosen = min(tried, key=lambda lr: tried[lr][1])
    about = {"variant": name, "seed": seed, "lr": chosen, "run": str(folder)}
    about |= made(f"python experiments/predictors.py --run {folder} --seeds {seed}", begun)
    metrics = measured(tried[chosen][0], stores["test"]) | laws(tried[chosen][0], stores["test"])
    listed = {k: np.round(v, 5).tolist() for k, v in metrics.items()}
    write_json(cell_path(out / "cells", name, seed), about | {"metrics": listed})


def rigid(encoded: Encoded) -> Encoded:
    """Its states whose actions are all rigid motions, which compose."""
    states = np.flatnonzero(encoded.action.is_rigid.all(1).numpy())
    if not len(states):
        raise ValueError("predictors: no state of the run has rigid actions alone; give a run of turns")
    return encoded.some(states)


def turns(encoded: Encoded) -> tuple[Tensor, Action, Tensor, Tensor, np.ndarray]:
    """Every ordered pair of views of each state: z [q, d], action [q], seen bool [q], outcome [q, d], object [q]."""
    z = encoded.equivariant()
    pairs = all_pairs(len(z), z.shape[1])
    action, flat = pair_actions(encoded.action, pairs), z.flatten(0, 1)
    assert isinstance(action, Action)
    return flat[pairs.source], action, is_seen(action), flat[pairs.positive], encoded.object_ids[pairs.source_state]


def is_seen(action: Action) -> Tensor:
    """bool [...]: x of the rotation vector is positive: R_zy - R_yz is twice the sine of the angle times x."""
    return action.motion[..., 2, 1] > action.motion[..., 1, 2]


def fit(model: nn.Module, data: tuple[Any, ...], lr: float, seed: int, steps: int) -> None:
    z, action, seen, outcome, _ = data
    if not list(model.parameters()):
        return
    rows, generator = torch.nonzero(seen)[:, 0], torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        batch = rows[torch.randint(len(rows), (BATCH,), generator=generator)]
        optimiser.zero_grad()
        F.mse_loss(model(z[batch], action[batch]), outcome[batch]).backward()
        optimiser.step()
        schedule.step()
    model.eval()


@torch.no_grad()
def measured(model: nn.Module, encoded: Encoded) -> dict[str, np.ndarray]:
    """Mean error of seen and of unseen turns for each object, and the mean displacement of either."""
    z, action, seen, outcome, objects = turns(encoded)
    predicted = torch.cat([model(z[i : i + 4096], action[i : i + 4096]) for i in range(0, len(z), 4096)])
    error, moved = ((x - outcome).norm(dim=-1).numpy() for x in (predicted, z))
    found = {}
    for name, keep in (("seen", seen.numpy()), ("unseen", ~seen.numpy())):
        for what, values in ((name, error), (f"{name}_moved", moved)):
            found[what] = np.array([values[keep & (objects == i)].mean() for i in np.unique(objects)])
    return found


def laws(model: nn.Module, encoded: Encoded) -> dict[str, np.ndarray]:
    """Residuals of the group laws and the gain for each object that has two states or more."""
    first, second, third = (link[:, 0] for link in encoded.action.chain(3))
    z, found = encoded.equivariant(), dict[str, list[float]]()
    for i in np.unique(encoded.object_ids):
        rows = torch.from_numpy(encoded.object_ids == i)
        if int(rows.sum()) < 2:
            continue
        kept = group_laws(model, z[rows, 0], first[rows], second[rows], third[rows], z[rows, 1])
        for name in ("identity", "inverse", "composition", "gain"):
            found.setdefault(name, []).append(getattr(kept, name).value)
    return {name: np.array(values) for name, values in found.items()}


def report(out: Path) -> None:
    cells = finished(out / "cells")
    records = {f"predictor.{name}.unseen_over_seen": record(own) for name, own in cells.items()}
    write_claims(out / "claims/predictors.json", records)
    draw(records, out / "figures/predictors.png")
    for name, found in records.items():
        print(plain(name, found, "seen", "unseen", "identity", "inverse", "composition", "gain"))


def record(own: dict[int, dict]) -> Record:
    about = next(iter(own.values()))

    def values(*metrics: str) -> np.ndarray:
        """float64 [seeds, objects, metrics]."""
        return np.array([np.stack([own[s]["metrics"][m] for m in metrics], -1) for s in sorted(own)])

    # Of unseen turns over their displacement, over the same of seen ones.
    ratio = over_seeds_and_objects(
        values("unseen", "unseen_moved", "seen", "seen_moved"),
        statistic=lambda x: (x[..., 0] / x[..., 1]) / (x[..., 2] / x[..., 3]),
    )
    controls: dict[str, object] = {"no_change": 1.0, "published_not_equivariant": 13.8}
    for name in ("seen", "unseen"):
        share = over_seeds_and_objects(values(name, f"{name}_moved"), statistic=lambda x: x[..., 0] / x[..., 1])
        controls |= bounds(name, share)
    for name in ("identity", "inverse", "composition", "gain"):
        controls |= bounds(name, over_seeds_and_objects(values(name)[..., 0]))
    seeds: Sequence[int] = sorted(own)
    controls["lr"] = [own[s]["lr"] for s in seeds]
    return Record(
        ratio.value,
        ratio.ci95,
        seeds=len(own),
        n=ratio.n,
        unit="error on unseen turns over that on seen ones, test objects",
        controls=controls,
        command=f"python experiments/predictors.py --run {about['run']} --seeds {' '.join(map(str, seeds))}",
        commit=about["commit"],
        minutes=round(float(np.mean([cell["minutes"] for cell in own.values()])), 2),
        machine=about["machine"],
    )


def draw(records: dict[str, Record], path: Path) -> None:
    """Errors on seen and unseen turns, a line each predictor."""
    with picture(path, size=(4.5, 2.8)) as (_, axes):
        axis, names = axes[0], [name.split(".")[1] for name in records]
        for row, (name, found) in enumerate(zip(names, records.values(), strict=True)):
            seen, unseen = (float(found.controls[key]) for key in ("seen", "unseen"))
            colour = COLOURS["ours" if name == "ours" else "simclr"]
            axis.plot([seen, unseen], [row, row], lw=1.5, color=colour)
            axis.plot(seen, row, "o", color=colour, label="seen turns" if row == 0 else None)
            axis.plot(unseen, row, "o", mfc="white", color=colour, label="unseen turns" if row == 0 else None)
        marks.reference(axis, 1.0, "no change", vertical=True)
        axis.set(yticks=range(len(names)), yticklabels=[n.replace("_", " ") for n in names])
        axis.set(xlabel="error over displacement, unseen objects")
        axis.invert_yaxis()
        axis.legend()


if __name__ == "__main__":
    script.run("predictors", main)
