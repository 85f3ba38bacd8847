"""Fine-tuning few numbers of a frozen model: LoRA, adapters, prefixes, biases; what each counts."""

from smcrep.vla.finetuning.adapters import Bottleneck, add_adapters
from smcrep.vla.finetuning.biases import only_biases
from smcrep.vla.finetuning.chosen import Trainable, chosen, trainable
from smcrep.vla.finetuning.lora import add_lora, load_lora, merged
from smcrep.vla.finetuning.prefix import PrefixAttention, add_prefixes

__all__ = [
    "Bottleneck",
    "PrefixAttention",
    "Trainable",
    "add_adapters",
    "add_lora",
    "add_prefixes",
    "chosen",
    "load_lora",
    "merged",
    "only_biases",
    "trainable",
]
