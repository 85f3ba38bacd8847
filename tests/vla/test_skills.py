"""Skill selection: planted scores decide; the real code of transformers runs on tiny random weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from smcrep.vla.pointing import ANYTHING, crop, point
from smcrep.vla.skills import Skill, clip_chooser, clipseg_finder, largest_patch, select

SKILLS = (
    Skill("push", ("push a mug", "a mug to shove"), "a mug"),
    Skill("turn", ("turn a key",), "a key"),
    Skill("wait", ("an empty table",), "a table"),
)
PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def planted(**scores: float):
    def choose(picture: np.ndarray, texts: Sequence[str]) -> torch.Tensor:
        return torch.tensor([next((s for word, s in scores.items() if word in text), 0.0) for text in texts])

    return choose


def find(picture: np.ndarray, phrase: str) -> torch.Tensor:
    found = torch.zeros(20, 30)
    if phrase == "a key":
        found[2:5, 3:9] = 0.9  # 18 pixels
        found[10:12, 20:24] = 0.8  # 8 pixels
        found[15:] = 0.4
    return found


def test_the_best_skill_is_chosen_and_its_object_found() -> None:
    found = select(PICTURE, SKILLS, planted(key=5.0, mug=1.0), find)
    assert found.skill == "turn"
    assert found.region is not None
    assert found.region.sum() == 18
    assert found.region[2:5, 3:9].all()


def test_probabilities_are_a_softmax_of_the_mean_over_texts() -> None:
    """push has 3 and 1: the mean, so many phrasings are no advantage."""
    found = select(PICTURE, SKILLS, planted(push=3.0, shove=1.0, key=2.5), find)
    wanted = np.exp([2.0, 2.5, 0.0])
    assert list(found.probability.values()) == pytest.approx((wanted / wanted.sum()).tolist())
    assert found.skill == "turn"


def test_none_is_chosen_without_a_margin() -> None:
    found = select(PICTURE, SKILLS, planted(key=2.0, mug=1.9), find)
    assert (found.skill, found.region) == (None, None)
    assert select(PICTURE, SKILLS, planted(key=2.0, mug=1.9), find, margin=0.0).skill == "turn"


def test_an_object_that_is_not_there_has_no_region() -> None:
    assert select(PICTURE, SKILLS, planted(mug=5.0), find).region is None
    assert select(PICTURE, SKILLS, planted(key=5.0), find, threshold=0.95).region is None


def test_the_largest_patch_is_connected_by_sides() -> None:
    found = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]], bool)
    assert np.array_equal(largest_patch(found), np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]], bool))
    assert largest_patch(np.zeros((2, 2), bool)) is None


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="at least one skill"):
        select(PICTURE, (), planted(), find)
    with pytest.raises(ValueError, match="name of its own"):
        select(PICTURE, SKILLS + SKILLS[:1], planted(), find)
    with pytest.raises(ValueError, match="uint8"):
        select(PICTURE / 255, SKILLS, planted(), find)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """CLIP and CLIPSeg as their own code saves them, with tiny random weights and a tokenizer of letters."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    text = {
        "vocab_size": 60, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "max_position_embeddings": 40, "bos_token_id": 58, "eos_token_id": 59, "pad_token_id": 59,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 32,
        "patch_size": 8,
    }  # fmt: skip
    letters = "abcdefghijklmnopqrstuvwxyz,.!"
    vocabulary = {c: i for i, c in enumerate([*letters, *(c + "</w>" for c in letters)])}
    vocabulary |= {"<|startoftext|>": 58, "<|endoftext|>": 59}
    clip = transformers.CLIPModel(
        transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    )  # fmt: skip
    clipseg = transformers.CLIPSegForImageSegmentation(
        transformers.CLIPSegConfig(
            text_config=text, vision_config=vision, projection_dim=16, reduce_dim=8, extract_layers=[0, 1, 2],
            decoder_num_attention_heads=2, decoder_intermediate_size=16,
        )
    )  # fmt: skip
    made = []
    for name, model in (("clip", clip), ("clipseg", clipseg)):
        folder = tmp_path_factory.mktemp(name)
        model.save_pretrained(folder)
        transformers.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=40).save_pretrained(folder)
        size = {"shortest_edge": 32}
        transformers.CLIPImageProcessor(size=size, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
        made.append(folder)
    return made[0], made[1]


def test_clip_scores_texts_by_its_own_forward(folders: tuple[Path, Path]) -> None:
    """Another picture scores otherwise, padding changes nothing, and no score is beyond CLIP's scale."""
    import transformers

    choose, texts = clip_chooser(folders[0]), ["push a mug", "turn the small key around"]
    found = choose(PICTURE, texts)
    assert found.shape == (2,)
    for text, score in zip(texts, found, strict=True):
        assert torch.allclose(choose(PICTURE, [text])[0], score, atol=1e-4)
    assert not torch.allclose(choose(255 - PICTURE, texts), found, atol=1e-4)
    model = transformers.CLIPModel.from_pretrained(folders[0])
    assert found.abs().max() <= model.logit_scale.exp().item()
    assert found[0] != found[1]


def test_clipseg_gives_a_probability_for_each_pixel(folders: tuple[Path, Path]) -> None:
    locate = clipseg_finder(folders[1])
    a, b = locate(PICTURE, "a mug"), locate(PICTURE, "the key")
    assert a.shape == (20, 30)
    assert ((a > 0) & (a < 1)).all()
    assert not torch.allclose(a, b)
    assert a.std() > 0


def test_the_whole_path_runs_on_real_code(folders: tuple[Path, Path]) -> None:
    found = select(PICTURE, SKILLS, clip_chooser(folders[0]), clipseg_finder(folders[1]), margin=0.0, threshold=0.0)
    assert found.skill in {s.name for s in SKILLS}
    assert sum(found.probability.values()) == pytest.approx(1)
    assert found.region is not None
    assert found.region.all()  # every probability is above 0


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"lacks config\.json, model\.safetensors"):
        clip_chooser(tmp_path)


def test_clip_and_clipseg_point_at_a_thing_too(folders: tuple[Path, Path]) -> None:
    """Finding and choosing are the same callables; random weights find what they find."""
    find = clipseg_finder(folders[1])
    middle = float(find(PICTURE, ANYTHING).median())
    pointed = point(PICTURE, ["a mug", "the key"], clip_chooser(folders[0]), find, threshold=middle)
    assert len(pointed.regions) == len(pointed.scores) > 0
    assert pointed.regions.any(0).sum() <= (find(PICTURE, ANYTHING) > middle).sum()
    crops = [crop(PICTURE, region) for region in pointed.regions]
    wanted = torch.stack([clip_chooser(folders[0])(each, ["a mug", "the key"]) for each in crops])
    torch.testing.assert_close(pointed.scores, wanted)
