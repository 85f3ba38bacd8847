"""A training run as a frozen record: `Recipe`. A variant is `dataclasses.replace`; JSON and command line read it back.

A recipe does not say what it is trained on: `fit` takes any source of transitions. Which world draws them is the
matter of `smcrep.pretraining`, which joins both.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from smcrep.models.config import ModelConfig
from smcrep.objectives.objective import ObjectiveWeights
from smcrep.objectives.sensorimotor import SensorimotorWeights
from smcrep.records import from_record, to_record

FORMAT_VERSION = 4


@dataclass(frozen=True)
class Optim:
    """AdamW with warm-up and a cosine."""

    lr: float = 4e-3
    """Learning rate after the warm-up."""
    weight_decay: float = 0.02
    """Of weights; biases and the gains of normalisations are not pulled to 0."""
    warmup: int = 40
    """Steps of linear warm-up, counted among ``steps``; 0: none."""
    steps: int = 350
    """Steps in all."""
    batch_states: int = 16
    """States a step and process; each is observed k + 1 times."""
    grad_clip: float = 1.0
    """Largest L2 norm of the whole gradient."""
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    """Of the numbers; "auto" is bf16-mixed on CUDA and 32-true elsewhere."""

    def __post_init__(self) -> None:
        for name in ("lr", "grad_clip"):
            _check(math.isfinite(getattr(self, name)) and getattr(self, name) > 0, self, name, "give a number above 0")
        _check(math.isfinite(self.weight_decay) and self.weight_decay >= 0, self, "weight_decay", "give 0 or more")
        _check(self.steps >= 1, self, "steps", "give at least 1")
        _check(self.warmup >= 0, self, "warmup", "give 0 or more")
        _check(self.batch_states >= 2, self, "batch_states", "a contrast needs at least 2 states")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights of a run, its data aside."""

    name: str = "demo"
    """Name of the recipe, in logs and provenance."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """The model and its senses."""
    objective: ObjectiveWeights = field(default_factory=SensorimotorWeights)
    """What is minimised: the type of the weights selects the loss."""
    optim: Optim = field(default_factory=Optim)
    """The optimiser and its schedule."""
    sense_dropout: float = 0.15
    """Probability that a sense of a state is left out of the fused embedding (never all of them)."""
    calibration_steps: int = 60
    """Steps in which precisions are calibrated on validation objects, after training; 0: not."""
    seed: int = 0
    """Of the first weights, of the order of the data, of the dropout."""
    log_every: int = 20
    """Steps between records in metrics.jsonl."""
    checkpoint_every: int = 200
    """Steps between checkpoints; 0: at the end only."""
    probe_every: int = 200
    """Steps between probes on validation objects; 0: none."""

    def __post_init__(self) -> None:
        _check(isinstance(self.objective, ObjectiveWeights), self, "objective", "give an instance of ObjectiveWeights")
        _check(0 <= self.sense_dropout < 1, self, "sense_dropout", "give a probability in [0, 1)")
        _check(self.seed >= 0, self, "seed", "give 0 or more")
        _check(self.log_every >= 1, self, "log_every", "give at least 1")
        for name in ("checkpoint_every", "probe_every", "calibration_steps"):
            _check(getattr(self, name) >= 0, self, name, "give 0 (never) or more")

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json.dumps` takes, with the version of the format."""
        return {"version": FORMAT_VERSION, **to_record(self)}

    @classmethod
    def from_json(cls, record: Any) -> "Recipe":
        """The inverse of `to_json`. Another version or an unknown field raises ValueError in one line."""
        if isinstance(record, dict):
            record = dict(record)
            version = record.pop("version", None)
            if version != FORMAT_VERSION:
                raise ValueError(
                    f"recipe: it has version {version!r} and this smcrep reads {FORMAT_VERSION}; "
                    "write it anew, or install the smcrep that made it"
                )
        return from_record(cls, record, "recipe")


def with_settings(model: ModelConfig, **changes: dict[str, Any]) -> ModelConfig:
    """``model`` with fields of its senses' settings changed: with_settings(model, NAME={"field": value}, ...)."""
    changed = {name: replace(model.senses[name], **fields) for name, fields in changes.items()}
    return replace(model, senses=model.senses | changed)


def no_action(recipe: Recipe) -> Recipe:
    """The baseline that is the same in everything, but not conditioned on the action."""
    return replace(recipe, name=f"{recipe.name}_no_action", model=replace(recipe.model, use_action=False))


def no_physics(recipe: Recipe) -> Recipe:
    """The baseline that is not conditioned on mass and friction."""
    return replace(recipe, name=f"{recipe.name}_no_physics", model=replace(recipe.model, use_physics=False))


def _check(fine: bool, record: Any, name: str, remedy: str) -> None:
    if not fine:
        raise ValueError(f"{type(record).__name__}: {name} is {getattr(record, name)!r}; {remedy}")
