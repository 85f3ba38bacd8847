"""Choosing a skill without training one: CLIP says which, CLIPSeg says where.

A skill has phrasings of itself and the phrase of what it acts on. CLIP compares the picture with every phrasing; the
skill that wins by a margin is taken, else none is. CLIPSeg looks for its object's phrase; the largest connected patch
is where to act. Where other things lie beside it, `smcrep.vla.pointing` chooses among them. (A composition of ours;
arXiv:2103.00020 and arXiv:2112.10003 are its parts.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

Choose = Callable[[np.ndarray, Sequence[str]], Tensor]
"""Picture uint8 [h, w, 3] and n texts -> [n], how well each fits: cosine times CLIP's scale."""
Find = Callable[[np.ndarray, str], Tensor]
"""Picture uint8 [h, w, 3] and a phrase -> [h, w], probability that a pixel shows it."""


@dataclass(frozen=True)
class Skill:
    """texts: ways of saying what the skill is for. target: phrase of what it acts on."""

    name: str
    texts: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Selection:
    """skill: name, None where no skill was sure enough. probability: of every skill, summing to 1. region: bool [h, w],
    where to act; None where nothing was found, or no skill was chosen."""

    skill: str | None
    probability: dict[str, float]
    region: np.ndarray | None


def select(
    picture: np.ndarray,
    skills: Sequence[Skill],
    choose: Choose,
    find: Find,
    *,
    margin: float = 0.1,
    threshold: float = 0.5,
) -> Selection:
    """picture uint8 [h, w, 3]. A skill fits as well as its texts do in the mean; softmax over skills.

    margin     by which the likeliest skill's probability must exceed the next one's, else none is chosen.
    threshold  probability above which a pixel shows the target; the largest patch of such pixels (4 neighbours) is it.
    """
    if not skills or any(not s.texts for s in skills) or len({s.name for s in skills}) != len(skills):
        raise ValueError("select: give at least one skill, each with a name of its own and at least one text")
    if picture.ndim != 3 or picture.shape[-1] != 3 or picture.dtype != np.uint8:
        raise ValueError(f"select: picture is {picture.dtype} {list(picture.shape)}; give uint8 [h, w, 3]")
    scores = choose(picture, [text for skill in skills for text in skill.texts])
    each = torch.stack([part.mean() for part in scores.split([len(s.texts) for s in skills])])
    share = each.softmax(0).tolist()
    probability = dict(zip((s.name for s in skills), share, strict=True))
    order = np.argsort(share)[::-1]
    if len(skills) > 1 and share[order[0]] - share[order[1]] < margin:
        return Selection(None, probability, None)
    skill = skills[int(order[0])]
    return Selection(skill.name, probability, largest_patch(find(picture, skill.target).numpy() > threshold))


def largest_patch(found: np.ndarray) -> np.ndarray | None:
    """bool [h, w] -> its largest connected part (4 neighbours); None where nothing is True."""
    parts, num = ndimage.label(found)  # type: ignore[misc]
    return None if not num else parts == 1 + int(np.bincount(parts.ravel())[1:].argmax())


def clip_chooser(folder: str | Path) -> Choose:
    """CLIP of transformers (5.x) from a folder of its weights, tokenizer and image processor; nothing is fetched."""
    from transformers import CLIPModel

    folder = _folder(folder)
    model = CLIPModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    texts_of, pixels_of = _inputs(folder)

    @torch.no_grad()
    def choose(picture: np.ndarray, texts: Sequence[str]) -> Tensor:
        return model(**texts_of(texts), pixel_values=pixels_of(picture)).logits_per_image[0]

    return choose


def clipseg_finder(folder: str | Path) -> Find:
    """CLIPSeg of transformers (5.x) from a folder as above. Its published weights are not under its code's licence."""
    from transformers import CLIPSegForImageSegmentation

    folder = _folder(folder)
    model = CLIPSegForImageSegmentation.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    texts_of, pixels_of = _inputs(folder)

    @torch.no_grad()
    def find(picture: np.ndarray, phrase: str) -> Tensor:
        logits = model(**texts_of([phrase]), pixel_values=pixels_of(picture)).logits
        logits = logits.reshape(1, 1, *logits.shape[-2:])  # transformers drops the batch axis of one
        size = (picture.shape[0], picture.shape[1])
        return torch.nn.functional.interpolate(logits, size=size, mode="bilinear")[0, 0].sigmoid()

    return find


def _inputs(folder: Path) -> tuple[Callable[[Sequence[str]], dict[str, Tensor]], Callable[[np.ndarray], Tensor]]:
    """Texts -> what a model of CLIP's type takes; picture -> pixel_values, squeezed to its square rather than cut: what
    is at the rim of a scene counts too."""
    from transformers import AutoTokenizer, CLIPImageProcessor

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    processor = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
    crop = processor.crop_size
    square = {"height": crop["height"], "width": crop["width"]}

    def texts_of(texts: Sequence[str]) -> dict[str, Tensor]:
        given = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        return {name: given[name] for name in ("input_ids", "attention_mask")}

    def pixels_of(picture: np.ndarray) -> Tensor:
        return processor(picture, size=square, do_center_crop=False, return_tensors="pt")["pixel_values"]

    return texts_of, pixels_of


def _folder(folder: str | Path) -> Path:
    folder = Path(folder)
    needed = ("config.json", "model.safetensors", "tokenizer_config.json", "preprocessor_config.json")
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"skills: {folder} lacks {', '.join(missing)}; give a folder of the weights and processors")
    return folder
