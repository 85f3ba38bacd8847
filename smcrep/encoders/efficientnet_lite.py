"""EfficientNet-Lite weights as the package `efficientnet-lite-pytorch` names them, under timm's names.

Both name one network, layer by layer: its blocks are counted through there (``_blocks.7``) and stage by stage in timm
(``blocks.4.1``), and a block without expansion has one convolution fewer. Padding ("same", as TensorFlow pads), ReLU6
and BatchNorm's 1e-3 stand in timm's ``tf_efficientnet_lite*``; pixels are scaled to [-1, 1] in both.
"""

from collections.abc import Iterable, Mapping

from torch import Tensor

OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def is_efficientnet_lite(weights: Mapping[str, Tensor]) -> bool:
    """Are these names those of `efficientnet-lite-pytorch`?"""
    return "_conv_stem.weight" in weights and "_blocks.0._depthwise_conv.weight" in weights


def timm_names(weights: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """``weights`` under timm's names; ``names`` are those of the timm model (its stages cannot be told from
    ``weights`` alone). ValueError for a tensor that has no place there."""
    stages = sorted({(int(stage), int(i)) for _, stage, i, *_ in (n.split(".") for n in names if n[:7] == "blocks.")})
    expanding = {name.split(".")[1] for name in weights if "._expand_conv." in name}
    found = {}
    for name, tensor in weights.items():
        first, *rest = name.split(".")
        if first == "_blocks" and int(rest[0]) < len(stages):
            block, layer, *rest = rest
            stage, i = stages[int(block)]
            layers, where = EXPANDING if block in expanding else PLAIN, f"blocks.{stage}.{i}."
        else:
            layers, layer, where = OUTSIDE, first, ""
        if layer not in layers:
            raise ValueError(f"image weights: {name!r} has no place in this EfficientNet-Lite; is it of another size?")
        found[".".join((where + layers[layer], *rest))] = tensor
    return found
