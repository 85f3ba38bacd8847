"""From a configuration to a model, to disk, and back; raw observations to what `embed` takes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import smcrep
from smcrep.fusion import RULES
from smcrep.models.config import ModelConfig
from smcrep.models.predictors import PREDICTORS
from smcrep.senses import SENSES
from smcrep.senses.points import ENCODERS
from tests.senses.samples import sample
from tests.senses.strangers import NUM_FORCES, TOUCH, registered

SMALL = ModelConfig(trunk_dim=16, invariant_dim=8, num_vectors=1, num_tensors=1)
RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (3, 40, 30, 3), np.uint8)
POINTS = (0.05 * RNG.normal(size=(3, 50, 3)) + [0.0, 0.0, 0.5]).astype(np.float32)


def with_senses(**settings: dict | None) -> ModelConfig:
    return replace(SMALL, senses=settings)


@pytest.mark.parametrize(
    "config",
    [replace(SMALL, predictor=name) for name in PREDICTORS]
    + [replace(SMALL, fusion=name) for name in RULES]
    + [with_senses(rgb=None, points={"encoder": name}) for name in ENCODERS]
    + [with_senses(rgb={"encoder": "test_resnet"}, points=None), replace(SMALL, senses=tuple(SENSES))]
    + [with_senses(**{name: None}) for name in SENSES],
    ids=lambda c: "+".join((c.predictor, c.fusion, *(f"{n}:{getattr(s, 'encoder', '')}" for n, s in c.senses.items()))),
)
def test_save_and_load_embeds_the_same_to_the_bit(config: ModelConfig, tmp_path: Path) -> None:
    model = smcrep.build_model(config)
    smcrep.save_pretrained(model, tmp_path, {"commit": "abc"})
    loaded, embed_dim, _, meta = smcrep.load_model(tmp_path)
    given = {name: sample(name, 3) for name in config.names}
    before, after = model.embed(**given), loaded.embed(**given)
    assert torch.equal(before.fused, after.fused)
    assert torch.equal(before.weight, after.weight)
    assert embed_dim == before.fused.shape[1] == meta["sizes"]["embed_dim"]
    assert not loaded.training
    assert loaded.config == config
    assert meta["provenance"] == {"commit": "abc"}


def test_meta_is_json_and_says_units_and_frames(tmp_path: Path) -> None:
    smcrep.build_model(SMALL).save_pretrained(tmp_path)
    meta = json.loads(json.dumps(smcrep.load_model(tmp_path)[3]))
    assert set(meta) == {"config", "provenance", "senses", "sizes", "units", "frames"}
    assert ModelConfig.from_json(meta["config"]) == SMALL
    assert meta["senses"] == ["rgb", "points"]
    assert set(meta["units"]) == set(meta["frames"]) | {"physics"} == {"rgb", "points", "action", "physics"}
    assert meta["units"]["points"] == "m"
    assert "y down" in meta["frames"]["points"]
    assert meta["sizes"]["num_invariant"] == 8


def test_a_model_fuses_as_it_did_when_it_was_saved(tmp_path: Path) -> None:
    """Untrained precisions are nearly equal: those of one sense are raised, so that the rules differ."""
    model, given = smcrep.build_model(replace(SMALL, fusion="equal")), {"rgb": RGB, "points": POINTS}
    with torch.no_grad():
        for name, parameter in model.heads["rgb"].named_parameters():
            if name.endswith("_precision.bias"):
                parameter += 3
    smcrep.save_pretrained(model, tmp_path)
    loaded = [smcrep.load_model(tmp_path)[0], smcrep.from_pretrained(tmp_path)]
    for again in loaded:
        embedding = again.embed(given)
        assert torch.equal(embedding.weight, torch.full((3, 2), 0.5))
        assert torch.equal(embedding.fused, model.embed(given).fused)
    by_precision = smcrep.build_model(SMALL)
    by_precision.load_state_dict(model.state_dict())
    assert (by_precision.embed(given).weight[:, 0] > 0.8).all()


def test_run_folder_and_model_folder_load_alike(tmp_path: Path) -> None:
    model = smcrep.build_model(SMALL)
    model.save_pretrained(tmp_path / "model")
    for path in (tmp_path, str(tmp_path), tmp_path / "model"):
        assert torch.equal(smcrep.load_model(path)[0].embed(rgb=RGB).fused, model.embed(rgb=RGB).fused)
    assert smcrep.from_pretrained(tmp_path).config == SMALL


def test_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no folder .*nowhere; give a run folder"):
        smcrep.load_model(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"no config.json in .*; give a folder written by save_pretrained, or a run"):
        smcrep.load_model(tmp_path)


def test_one_seed_one_model() -> None:
    weights = []
    for _ in range(2):
        torch.manual_seed(3)
        weights.append(smcrep.build_model(SMALL).state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_rule_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ValueError, match="fusion: there is no rule 'x'; choose one of precision, equal"):
        smcrep.build_model(replace(SMALL, fusion="x"))


def test_model_of_a_sense_that_nobody_registered_is_one_line(tmp_path: Path) -> None:
    with registered(TOUCH):
        model = smcrep.build_model(with_senses(touch=None))
        model.save_pretrained(tmp_path)
        loaded, _, transform, meta = smcrep.load_model(tmp_path)
        touch = torch.randn(3, NUM_FORCES)
        found = loaded.embed(**transform({"touch": touch[0]})).fused
        assert torch.equal(found, model.embed(touch=touch[:1]).fused)
        assert meta["units"]["touch"] == "N"
    words = r"config\.json: senses: there is no sense 'touch', only .*; import the module that registers it"
    with pytest.raises(ValueError, match=words) as caught:
        smcrep.load_model(tmp_path)
    assert "\n" not in str(caught.value)


class TestTransform:
    @pytest.fixture
    def transform(self, tmp_path: Path):
        smcrep.build_model(SMALL).save_pretrained(tmp_path)
        return smcrep.load_model(tmp_path)[2]

    @pytest.mark.parametrize(
        "image",
        [
            Image.fromarray(RGB[0]),
            Image.fromarray(RGB[0]).convert("RGBA"),
            RGB[0],
            RGB[:1],
            torch.from_numpy(RGB[0]),
            [Image.fromarray(RGB[0])],
            [RGB[0]],
        ],
    )
    def test_any_form_of_one_image_is_a_batch_of_one(self, transform, image) -> None:
        assert torch.equal(transform({"rgb": image})["rgb"], torch.from_numpy(RGB[:1]))

    @pytest.mark.parametrize("name", SENSES)
    def test_one_observation_of_any_sense_is_a_batch_of_one(self, name: str) -> None:
        x = sample(name, 2)
        transform = smcrep.hub.Transform((name,))
        for given, expected in ((x[0].numpy(), x[:1]), (x[0], x[:1]), (x.numpy(), x)):
            assert torch.equal(transform({name: given})[name], expected)

    def test_grey_picture_has_three_equal_channels(self, transform) -> None:
        x = transform({"rgb": Image.fromarray(RGB[0]).convert("L")})["rgb"]
        assert x.shape == (1, 40, 30, 3)
        assert (x[..., :1] == x).all()

    def test_embed_takes_what_transform_gives(self, transform) -> None:
        model = smcrep.build_model(SMALL)
        found = transform({"rgb": RGB, "points": POINTS.astype(np.float64)})
        assert torch.equal(model.embed(**found).fused, model.embed(rgb=RGB, points=POINTS).fused)
        assert transform({"points": POINTS[0]})["points"].shape == (1, 50, 3)
        assert transform({"rgb": RGB, "points": None}).keys() == {"rgb"}

    def test_unknown_senses_and_images_of_mixed_size_are_refused(self, transform) -> None:
        with pytest.raises(ValueError, match="unknown sense 'image'; this model has rgb, points"):
            transform({"image": RGB})
        with pytest.raises(ValueError, match=r"images of sizes .*; give images of one size"):
            transform({"rgb": [RGB[0], RGB[0][:9]]})


def test_import_needs_only_the_core_and_has_no_long_wait() -> None:
    heavy = "mujoco open3d datasets sklearn faiss lightning_fabric trimesh matplotlib timm PIL"
    code = f"import sys, smcrep; print([m for m in '{heavy}'.split() if m in sys.modules], smcrep.__version__)"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == f"[] {smcrep.__version__}"
