"""BitFit (arXiv:2106.10199): the biases alone learn."""

from torch import nn


def only_biases(model: nn.Module) -> list[str]:
    """Every parameter named bias learns (those of norms too, as in the paper), no other; their names. Changed in
    place."""
    names = [name for name, _ in model.named_parameters() if name.rpartition(".")[2] == "bias"]
    if not names:
        raise ValueError("BitFit: the model has no biases; take LoRA or adapters")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in set(names))
    return names
