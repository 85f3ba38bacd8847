"""The model as a whole: shapes, absent senses, sources of prediction, the border of `embed`."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from smcrep.geometry.action import Action
from smcrep.hub import build_model
from smcrep.models import ModelConfig, SensorimotorModel
from smcrep.training.recipes import with_settings
from smcrep.transition import Embedding, Senses

SMALL = ModelConfig(
    trunk_dim=16, invariant_dim=8, num_vectors=1, num_tensors=1, projector_dim=6, predictor_hidden=16, condition_dim=5
)


def build(seed: int = 0, config: ModelConfig = SMALL) -> SensorimotorModel:
    torch.manual_seed(seed)
    model = build_model(config)
    with torch.no_grad():
        for head in model.heads.values():
            head.invariant_precision.weight.normal_()  # type: ignore[union-attr,operator]
            head.equivariant_precision.weight.normal_()  # type: ignore[union-attr,operator]
    return model


def images(b: int, h: int = 64, w: int = 64, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (b, h, w, 3), dtype=torch.uint8, generator=g)


def clouds(b: int, n: int = 100, seed: int = 0) -> Tensor:
    return 0.05 * torch.randn(b, n, 3, generator=torch.Generator().manual_seed(seed)) + torch.tensor([0.0, 0.0, 0.5])


def assert_same(a: Embedding, b: Embedding, atol: float = 1e-5) -> None:
    for name in ("fused", "log_precision", "weight"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), atol=atol, rtol=0)
    assert torch.equal(a.present, b.present)
    for sense in a.names:
        torch.testing.assert_close(a.senses[sense], b.senses[sense], atol=atol, rtol=0)


def test_forward_gives_unit_parts_and_weights_that_sum_to_1() -> None:
    e = build()(Senses.all_present({"rgb": images(3), "points": clouds(3)}))
    assert e.fused.shape == (3, 20)
    assert e.weight.shape == e.present.shape == (3, 2)
    assert e.names == ("rgb", "points")
    assert e.invariant().shape == (3, 8)
    assert e.equivariant("rgb").shape == (3, 12)
    torch.testing.assert_close(e.weight.sum(-1), torch.ones(3))
    for part in (e.invariant("points"), e.equivariant("points")):
        torch.testing.assert_close(part.norm(dim=-1), torch.ones(3))


def test_absent_sense_reaches_neither_the_embedding_nor_a_gradient() -> None:
    """Items 0 and 2 lack the cloud, which there holds NaN; item 1 lacks the image."""
    model = build()
    points = clouds(3)
    points[[0, 2]] = math.nan
    points.requires_grad_()
    present = {"rgb": torch.tensor([True, False, True]), "points": torch.tensor([False, True, False])}
    e = model(Senses({"rgb": images(3), "points": points}, present))
    alone_rgb = model(Senses.all_present({"rgb": images(3)}))
    alone_points = model(Senses.all_present({"points": clouds(3)}))
    torch.testing.assert_close(e.fused[[0, 2]], alone_rgb.fused[[0, 2]])
    torch.testing.assert_close(e.fused[1], alone_points.fused[1])
    assert e.weight.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert torch.equal(e.senses["points"][[0, 2]], torch.zeros(2, 20))
    e.fused.square().sum().backward()
    assert points.grad is not None
    assert torch.equal(points.grad[[0, 2]], torch.zeros(2, 100, 3))
    assert points.grad[1].abs().sum() > 0
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_encoder_of_an_absent_sense_gets_no_gradient() -> None:
    model = build()
    senses = Senses(
        {"rgb": images(2), "points": clouds(2)}, {"rgb": torch.ones(2).bool(), "points": torch.zeros(2).bool()}
    )
    model(senses).fused.square().sum().backward()
    assert all(p.grad is None or (p.grad == 0).all() for p in model.encoders["points"].parameters())
    assert any((p.grad != 0).any() for p in model.encoders["rgb"].parameters() if p.grad is not None)


def test_order_of_senses_in_the_configuration_changes_names_only() -> None:
    model = build()
    other = build_model(replace(SMALL, senses=("points", "rgb")))  # type: ignore[arg-type]
    other.load_state_dict(model.state_dict())
    a, b = (m.embed(rgb=images(2), points=clouds(2)) for m in (model, other))
    assert b.names == ("points", "rgb")
    torch.testing.assert_close(a.fused, b.fused)
    torch.testing.assert_close(a.weight, b.weight.flip(-1))


def test_each_source_has_its_own_predictor_and_all_share_the_condition() -> None:
    model = build()
    z, condition = torch.randn(2, 3, 12), model.condition(Action.identity(2, 3), torch.randn(2, 3, 6))
    outs = [model.predict(source, z, condition) for source in ("rgb", "points", "fused")]
    assert all(out.shape == (2, 3, 12) for out in outs)
    assert not torch.allclose(outs[0], outs[1])
    assert not torch.allclose(outs[0], outs[2])
    with pytest.raises(ValueError, match="no source 'depth'; this model has rgb, points, fused"):
        model.predict("depth", z, condition)
    assert model.project(torch.randn(2, 3, 8)).shape == (2, 3, 6)


class TestEmbed:
    def test_batch_equals_its_items_for_any_chunk(self) -> None:
        model, rgb, points = build(), images(5), clouds(5)
        batch = model.embed(rgb=rgb, points=points)
        assert_same(batch, model.embed(rgb=rgb, points=points, chunk=2))
        for i in range(5):
            assert_same(batch[i : i + 1], model.embed(rgb=rgb[i : i + 1], points=points[i : i + 1]))

    @pytest.mark.parametrize("config", [SMALL, with_settings(SMALL, points={"encoder": "dgcnn"})])
    @pytest.mark.parametrize(("pixels", "n"), [((64, 64), 100), ((224, 224), 5000), ((8, 300), 1)])
    def test_senses_of_any_size_alone_and_fused(self, config: ModelConfig, pixels: tuple[int, int], n: int) -> None:
        model, rgb, points = build(config=config), images(1, *pixels), clouds(1, n)
        both, image, cloud = model.embed(rgb=rgb, points=points), model.embed(rgb=rgb), model.embed(points=points)
        assert image.weight.tolist() == [[1, 0]]
        assert cloud.weight.tolist() == [[0, 1]]
        torch.testing.assert_close(image.fused, both.senses["rgb"])
        torch.testing.assert_close(cloud.fused, both.senses["points"])
        assert both.present.tolist() == [[True, True]]
        assert both.fused.isfinite().all()

    def test_numpy_and_torch_agree_and_nothing_is_changed(self) -> None:
        model, rgb, points = build().train(), images(2), clouds(2)
        rgb_array, points_array = rgb.numpy().copy(), points.double().numpy()
        rgb_array.setflags(write=False)
        a, b = model.embed(rgb=rgb, points=points), model.embed({"rgb": rgb_array, "points": points_array})
        assert_same(a, b)
        assert not a.fused.requires_grad
        assert model.training
        assert torch.equal(rgb, images(2))

    def test_strided_and_flipped_arrays(self) -> None:
        model, rgb = build(), images(2).numpy()
        assert_same(model.embed(rgb=rgb[:, ::-1]), model.embed(rgb=rgb[:, ::-1].copy()))
        assert_same(model.embed(points=clouds(2).numpy().astype(">f4")), model.embed(points=clouds(2)))

    def test_empty_batch_gives_empty_embeddings(self) -> None:
        e = build().embed(rgb=images(0), points=clouds(0))
        assert e.fused.shape == (0, 20)
        assert e.weight.shape == (0, 2)

    def test_order_of_points_changes_nothing(self) -> None:
        model, points = build(), clouds(2)
        assert_same(model.embed(points=points), model.embed(points=points.flip(1)))

    def test_one_dictionary_is_the_same_as_keywords(self) -> None:
        model, rgb, points = build(), images(2), clouds(2)
        expected = model.embed(rgb=rgb, points=points)
        for given in (model.embed({"rgb": rgb, "points": points}), model.embed({"rgb": rgb}, points=points)):
            assert_same(given, expected)
        assert_same(model.embed({"rgb": rgb, "points": None}), model.embed(rgb=rgb, points=None))

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({}, "no sense was given; pass at least one of rgb, points"),
            ({"rgb": None, "points": None}, "no sense was given"),
            ({"depth": torch.ones(2, 16, 16)}, "this model has no sense 'depth', it was trained on rgb, points"),
            ({"smell": None}, "this model has no sense 'smell'"),
            (
                {"rgb": images(2), "points": clouds(1)},
                r"senses hold different numbers .*\(rgb 2, points 1\)",
            ),
            ({"rgb": images(2).float()}, "rgb is float32, expected uint8"),
            ({"rgb": images(2), "chunk": 0}, "chunk is 0; give the number of observations to run at once, at least 1"),
            ({"rgb": images(2), "chunk": -1}, "chunk is -1; give"),
        ],
    )
    def test_wrong_senses_are_refused_in_one_line(self, given: dict, words: str) -> None:
        with pytest.raises(ValueError, match=f"^embed: {words}") as caught:
            build().embed(**given)
        assert "\n" not in str(caught.value)
