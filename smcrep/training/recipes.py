"""A training run as a frozen record: `Recipe`. A variant is `dataclasses.replace`; JSON and command line read it back.

A recipe does not say what it is trained on: `fit` takes any source of transitions. Which world draws them is the
matter of `worlds.generate.Simulation` and of the script that joins both.
"""

import json
import math
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, get_type_hints

from smcrep.models.config import ModelConfig
from smcrep.objectives.sensorimotor import SensorimotorWeights

FORMAT_VERSION = 3
METHODS = ("sensorimotor", "equimod", "simclr")


@dataclass(frozen=True)
class Optim:
    """AdamW with warm-up and a cosine.

    warmup        steps of linear warm-up, counted among ``steps``.
    batch_states  states a step and process; each is observed k + 1 times.
    grad_clip     largest L2 norm of the whole gradient.
    rgb_lr_scale  the image backbone learns at this times ``lr``: pretrained weights forget at the rate new heads need.
    rgb_frozen    so many groups of a timm backbone's layers, from the image on, learn nothing (1: the stem, 2: the
                  first stage too, ...); a step then costs less, for no gradient goes through them.
    precision     "auto" is bf16-mixed on CUDA and 32-true elsewhere.
    """

    lr: float = 4e-3
    weight_decay: float = 0.02
    warmup: int = 40
    steps: int = 350
    batch_states: int = 16
    grad_clip: float = 1.0
    rgb_lr_scale: float = 1.0
    rgb_frozen: int = 0
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"

    def __post_init__(self) -> None:
        for name in ("lr", "grad_clip", "rgb_lr_scale"):
            _check(math.isfinite(getattr(self, name)) and getattr(self, name) > 0, self, name, "give a number above 0")
        _check(math.isfinite(self.weight_decay) and self.weight_decay >= 0, self, "weight_decay", "give 0 or more")
        _check(self.steps >= 1, self, "steps", "give at least 1")
        for name in ("warmup", "rgb_frozen"):
            _check(getattr(self, name) >= 0, self, name, "give 0 or more")
        _check(self.batch_states >= 2, self, "batch_states", "a contrast needs at least 2 states")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights of a run, its data aside.

    method            "sensorimotor", or what it is compared with on the same data: "equimod" and "simclr" (see
                      `training.baselines`), which keep nothing of ``objective``.
    sense_dropout     probability that a sense of a state is left out of the *fused* embedding (never all of them), so
                      that each sense alone is at home in the fused space; the terms of single senses see everything.
    num_points        points of each cloud that a step looks at, drawn anew; 0: all.
    rgb_weights       first weights of a timm image encoder: "" drawn by the seed, "timm" fetched from timm's hub, else
                      a file (.safetensors, .pth).
    colour_jitter     spread of the logarithm by which each channel of each image is brightened or darkened; 0: none.
    calibration_steps steps in which the senses' precisions are set right on validation objects, after training, see
                      `calibrate`; 0: as they were trained.
    seed              of the first weights, of the order of the data, of the dropout.
    log_every         steps between records in metrics.jsonl; likewise checkpoint_every and probe_every, 0 being never.
    """

    name: str = "demo"
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: SensorimotorWeights = field(default_factory=SensorimotorWeights)
    method: Literal["sensorimotor", "equimod", "simclr"] = "sensorimotor"
    optim: Optim = field(default_factory=Optim)
    sense_dropout: float = 0.15
    num_points: int = 128
    colour_jitter: float = 0.15
    rgb_weights: str = ""
    calibration_steps: int = 60
    seed: int = 0
    log_every: int = 20
    checkpoint_every: int = 200
    probe_every: int = 200

    def __post_init__(self) -> None:
        _check(self.method in METHODS, self, "method", f"choose one of {', '.join(METHODS)}")
        _check(0 <= self.sense_dropout < 1, self, "sense_dropout", "give a probability in [0, 1)")
        _check(0 <= self.colour_jitter <= 1, self, "colour_jitter", "give 0 (none) to 1")
        _check(self.num_points >= 0, self, "num_points", "give 0 (all) or more")
        started = self.rgb_weights and self.model.rgb_encoder == "small"
        _check(not started, self, "rgb_weights", "set model.rgb_encoder to the timm name that they are of")
        _check(self.seed >= 0, self, "seed", "give 0 or more")
        _check(self.log_every >= 1, self, "log_every", "give at least 1")
        for name in ("checkpoint_every", "probe_every", "calibration_steps"):
            _check(getattr(self, name) >= 0, self, name, "give 0 (never) or more")

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json.dumps` takes, with the version of the format."""
        return {"version": FORMAT_VERSION, **json.loads(json.dumps(asdict(self)))}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Recipe":
        """The inverse of `to_json`. A foreign version or an unknown field raises ValueError in one line."""
        if not isinstance(record, dict):
            raise ValueError(f"recipe: it is {type(record).__name__}, no record of fields; write it anew")
        record = dict(record)
        version = record.pop("version", None)
        if version != FORMAT_VERSION:
            raise ValueError(
                f"recipe: it has version {version!r} and this smcrep reads {FORMAT_VERSION}; "
                "write it anew, or install the smcrep that made it"
            )
        return from_dictionary(cls, record, "recipe")


def demo() -> Recipe:
    """Two senses, procedural objects turned in the hand: some 75 s of training on 2 cores."""
    # Chosen on validation objects: 0.05 finds the true outcome more often than 0.1 (.49 / .46), 0.2 hardly learns it.
    # Recognition weighs twice: what moves learns from every pair of views, what stays from every state only.
    return Recipe(objective=SensorimotorWeights(invariant=2.0, equivariant_temperature=0.05))


def tiny() -> Recipe:
    """The demo in seconds, to see that everything runs; its numbers mean nothing."""
    model = ModelConfig(
        trunk_dim=32, invariant_dim=16, num_vectors=1, num_tensors=1, projector_dim=16, predictor_hidden=16
    )
    optim = Optim(steps=6, batch_states=4, warmup=2)
    return Recipe("tiny", replace(model, condition_dim=8), optim=optim, log_every=2, checkpoint_every=3, probe_every=3)


def ycb() -> Recipe:
    """Scanned household objects (any folder of meshes will do) and procedural ones: a wider encoder, for longer."""
    # Chosen on validation objects: at 4e-3 the image encoder learns in 700 steps what it learns in 250 at 1e-3 or 2e-3.
    model = ModelConfig(rgb_width=24, rgb_blocks=1)
    return replace(demo(), name="ycb", model=model, optim=replace(demo().optim, lr=1.5e-3, steps=4000))


def push() -> Recipe:
    """Objects pushed on a table, told mass and friction: the demo, for longer, asked for centimetres."""
    # Chosen on validation objects: .02 uses physics a little more than .05 (.57 / .55 fused, .64 / .63 by cloud).
    objective = replace(demo().objective, invariant=1.0, equivariant_temperature=0.02)
    return replace(demo(), name="push", objective=objective, optim=replace(demo().optim, lr=1.5e-3, steps=1600))


def no_action(recipe: Recipe) -> Recipe:
    """The control variant: the same in everything, but the model is never told what was done."""
    return replace(recipe, name=f"{recipe.name}_no_action", model=replace(recipe.model, use_action=False))


def no_physics(recipe: Recipe) -> Recipe:
    """The control variant that is never told mass and friction."""
    return replace(recipe, name=f"{recipe.name}_no_physics", model=replace(recipe.model, use_physics=False))


def unlike(a: Any, b: Any, *, ignore: tuple[str, ...] = ()) -> list[str]:
    """Fields in which two frozen records of one class differ, as "optim.lr (0.001 / 0.002)". Numbers that differ by
    rounding are alike: scales are sums over data, and another number of threads adds in another order."""
    found = []
    for f in fields(a):
        left, right = getattr(a, f.name), getattr(b, f.name)
        if is_dataclass(left) and type(left) is type(right):
            found += [f"{f.name}.{line}" for line in unlike(left, right)]
        elif not _alike(left, right) and f.name not in ignore:
            found.append(f"{f.name} ({left} / {right})")
    return found


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return a == b


def nearest(name: str, known: list[str]) -> str:
    """The end of a message about an unknown name."""
    near = get_close_matches(name, known, 1, 0.4)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def from_dictionary(cls: Any, record: dict[str, Any], where: str) -> Any:
    """A (nested) frozen dataclass from what `asdict` gave, strictly."""
    if not isinstance(record, dict):
        raise ValueError(f"{where}: it is {type(record).__name__}, no record of fields; write it anew")
    known, types = [f.name for f in fields(cls)], get_type_hints(cls)
    found: dict[str, Any] = {}
    for key, value in record.items():
        if key not in known:
            raise ValueError(f"{where}: unknown field {key!r}; {nearest(key, known)}")
        if is_dataclass(types[key]):
            value = from_dictionary(types[key], value, f"{where}.{key}")
        found[key] = tuple(value) if isinstance(value, list) else value
    try:
        return cls(**found)
    except (TypeError, OverflowError) as error:  # a text or a list where a number is due, or one of a thousand digits
        raise ValueError(f"{where}: a field is of the wrong type ({error}); write it anew") from None


def _check(fine: bool, record: Any, name: str, remedy: str) -> None:
    if not fine:
        raise ValueError(f"{type(record).__name__}: {name} is {getattr(record, name)}; {remedy}")
