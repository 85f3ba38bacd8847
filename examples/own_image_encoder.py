"""Start from your own image encoder: any of timm's recognises, with your weights; a small network beside it predicts.

    python examples/own_image_encoder.py                       # half a minute, random weights: the numbers mean nothing
    python examples/own_image_encoder.py resnet18 --weights FILE --frozen-groups 3 --size 128
    python examples/own_image_encoder.py vit_small_patch16_224 --weights timm --frozen-groups 1000 --size 224

The first groups of its layers (timm's: the stem, then stage by stage) stay as they are, those behind learn on at a
tenth of the rate; 1000: all stay. What they give is computed once for each picture of the store. A transformer can stay
whole only.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import save_file

from smcrep.pretraining import Run, pretrain, tiny
from smcrep.pretraining.variants import two_streams


def yours(encoder: str, weights: str, frozen_groups: int, size: int) -> Run:
    """The whole of it; take `demo()` or `ycb()` in place of `tiny()`."""
    return two_streams(tiny(), encoder=encoder, weights=weights, frozen_groups=frozen_groups, backbone_size=size)


def random_weights(encoder: str, path: Path) -> str:
    """In place of yours."""
    torch.manual_seed(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(timm.create_model(encoder).state_dict(), path)
    return str(path)


def main(out: Path = Path("runs/own_image_encoder")) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", nargs="?", default="test_resnet", help="any name of timm.list_models()")
    parser.add_argument("--weights", help="a file, or 'timm' (default: random ones)")
    parser.add_argument("--frozen-groups", type=int, default=2, help="groups of layers that stay as they are")
    parser.add_argument("--size", type=int, default=64, help="pixels to which pictures are resized for it")
    given = parser.parse_args()
    weights = given.weights or random_weights(given.encoder, out / "random.safetensors")
    pretrained = pretrain(replace(yours(given.encoder, weights, given.frozen_groups, given.size), out=out))
    test = pretrained.store("test")
    embedding = pretrained.model.embed(rgb=test.read(np.arange(4), ["rgb"])["rgb"])
    print(f"{given.encoder}: embeddings {list(embedding.fused.shape)}, invariant {list(embedding.invariant().shape)}")


if __name__ == "__main__":
    main()
