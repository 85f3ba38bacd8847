"""What one would take instead: methods of others, learned on frozen embeddings and tuned alike. One file a method."""

from smcrep.fusion.baselines.few_shot import class_means, draw_decisions, few_shot_logits
from smcrep.fusion.baselines.fitting import fit, fit_decider
from smcrep.fusion.baselines.methods import METHODS, Method, build
from smcrep.fusion.baselines.tuning import SPACE, Tuned, choice, log_uniform, tune

__all__ = [
    "METHODS",
    "SPACE",
    "Method",
    "Tuned",
    "build",
    "choice",
    "class_means",
    "draw_decisions",
    "few_shot_logits",
    "fit",
    "fit_decider",
    "log_uniform",
    "tune",
]
