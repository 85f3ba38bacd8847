"""Add a sense of your own, from your own file: proprioception, the pose of the gripper that holds the object.

    python examples/own_sense.py          # a minute; the numbers mean nothing, the recipe is too small

One record says all that the package must know. From then on the sense is simulated, stored, trained, fused, probed,
audited and extracted like those that ship: the commands take it too (`--senses rgb points proprioception`) once this
module was imported.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from smcrep.encoders import VectorEncoder
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.outcome import outcome_hits
from smcrep.extraction.extract import extract
from smcrep.pretraining import pretrain, tiny
from smcrep.senses import Array, Rendered, Sense, SenseSettings, register

NUM = 9  # position (3) and the first two columns of the rotation (6)


@dataclass(frozen=True)
class ProprioceptionSettings(SenseSettings):
    """How a model takes the gripper's pose in."""

    mean: tuple[float, ...] = (0.0,) * NUM
    """Of each number, fitted on the training data."""
    std: tuple[float, ...] = (1.0,) * NUM
    """Of each number, fitted on the training data."""
    noise: float = 0.02
    """In training, as a share of the standard deviation of each number."""


def check(vectors: Array) -> Tensor:
    x = torch.as_tensor(np.asarray(vectors)).float()
    if x.ndim != 2 or x.shape[1] != NUM or not x.isfinite().all():
        raise ValueError(f"embed: proprioception is {list(x.shape)}; give finite numbers (B, {NUM})")
    return x


def encoder(settings: ProprioceptionSettings, trunk_dim: int) -> nn.Module:
    return VectorEncoder(settings.mean, settings.std, trunk_dim)


def fit(settings: ProprioceptionSettings, sample: Tensor) -> ProprioceptionSettings:
    std = sample.std(0).clamp(min=1e-6)
    return replace(settings, mean=tuple(sample.mean(0).tolist()), std=tuple(std.tolist()))


def augment(settings: ProprioceptionSettings, vectors: Tensor, generator: torch.Generator | None) -> Tensor:
    noise = torch.randn(vectors.shape, generator=generator).to(vectors.device)
    return vectors + settings.noise * torch.tensor(settings.std, device=vectors.device) * noise


def simulate(views: Rendered) -> np.ndarray:
    """The gripper holds the object where it likes, the same in all views of a state: its pose is not the object's."""
    grasp, _ = np.linalg.qr(views.rng.normal(size=(3, 3)))
    rotation = views.T_camera_object[:, :3, :3] @ grasp
    position = views.T_camera_object[:, :3, 3] + 0.002 * views.rng.normal(size=(len(rotation), 3))
    return np.concatenate([position, rotation[:, :, 0], rotation[:, :, 1]], 1).astype(np.float32)


PROPRIOCEPTION = register(
    Sense(
        "proprioception",
        settings=ProprioceptionSettings,
        check=check,
        encoder=encoder,
        item_shape=lambda resolution: (NUM,),
        dtype="float32",
        unit="m, 1",
        frame="camera: x right, y down, z forward",
        label="proprioception",
        colour="#6a994e",
        convert=lambda value: torch.as_tensor(value).float(),
        fit=fit,
        augment=augment,
        simulate=simulate,
    )
)


def main(out: Path = Path("runs/own_sense")) -> None:
    run = replace(tiny(), out=out)
    model = replace(run.recipe.model, senses=("rgb", "points", PROPRIOCEPTION.name))
    run = replace(run, recipe=replace(run.recipe, model=model))
    pretrained = pretrain(run)  # simulates, trains, calibrates

    test = pretrained.store("test")
    embedding = pretrained.model.embed(proprioception=test.read(np.arange(4), ["proprioception"])["proprioception"])
    print("alone it is the whole of the fused embedding:", embedding.weight.tolist()[0])
    encoded = encode(pretrained.model, test)
    for source in pretrained.model.sources:
        print(f"{source}: H@1 of {test.num_branches} {outcome_hits(pretrained.model, encoded, source).mean():.2f}")
    manifest = extract(pretrained.path, test.path, out / "embeddings")
    print(f"embeddings of {', '.join(manifest.senses)}: {out / 'embeddings'}")


if __name__ == "__main__":
    main()
