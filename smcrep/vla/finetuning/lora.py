"""LoRA (arXiv:2106.09685): W x + (alpha / r) B A x, with B = 0 at first; r (d_in + d_out) numbers a matrix. By peft."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from smcrep.vla.finetuning.chosen import chosen

if TYPE_CHECKING:
    from peft import PeftModel


def add_lora(model: nn.Module, pattern: str, *, rank: int = 8, alpha: float | None = None) -> "PeftModel":
    """``model`` with matrices of ``rank`` beside every linear or convolutional layer whose name the regular expression
    matches; they alone learn. alpha: 2 rank where it is not given. The model is changed in place, and its methods are
    the result's too (``.embed``)."""
    from peft import LoraConfig, get_peft_model

    names = chosen(model, pattern, (nn.Linear, nn.Conv1d, nn.Conv2d))
    config = LoraConfig(r=rank, lora_alpha=2 * rank if alpha is None else alpha, target_modules=names)  # type: ignore[arg-type]
    return get_peft_model(model, config)  # type: ignore[arg-type,return-value]


def load_lora(model: nn.Module, folder: str | Path) -> "PeftModel":
    """What ``save_pretrained(folder)`` of `add_lora`'s result wrote, beside the same frozen ``model``."""
    from peft import PeftModel

    folder = Path(folder)
    if not (folder / "adapter_model.safetensors").is_file():
        raise ValueError(f"load_lora: no adapter_model.safetensors in {folder}; give a folder of save_pretrained")
    return PeftModel.from_pretrained(model, str(folder))  # type: ignore[arg-type]


@torch.no_grad()
def merged(model: "PeftModel") -> nn.Module:
    """The model with each product added to its matrix: as fast as before, equal up to rounding. Changed in place."""
    return model.merge_and_unload()  # type: ignore[operator]
