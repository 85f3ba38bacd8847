"""A backbone is cut where its frozen groups end: both parts together are the whole, and the first never changes."""

from typing import Any

import pytest
import torch
from torch import Tensor

from smcrep.encoders import timm_map
from smcrep.encoders.staged import StagedMap
from smcrep.encoders.timm_map import frozen_names


def images(num: int = 2, size: int = 64) -> Tensor:
    return torch.randn(num, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "groups", "cut"),
    [
        ("test_resnet", 1, 0),
        ("test_resnet", 2, 1),
        ("test_efficientnet", 4, 2),
        ("test_convnext", 3, 1),
        ("test_vit", 1000, 5),
        ("test_resnet", 1000, 3),  # the deepest with 4 x 4 places of 64 pixels; frozen whole
    ],
)
def test_both_parts_together_are_the_whole(name: str, groups: int, cut: int) -> None:
    of, x = StagedMap(name, 64, groups).eval(), images()
    assert of.cut == cut
    (whole,), (found,) = of(x), of.rest(of.frozen(x))
    torch.testing.assert_close(found, whole)
    assert bool(of.behind) == (groups < 1000)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_gradients_reach_all_that_is_not_frozen_and_nothing_else(name: str) -> None:
    of = StagedMap(name, 64, 3)
    of.rest(of.frozen(images()))[0].square().sum().backward()
    frozen = frozen_names(of.model, 3)
    behind = tuple(f"{stage}." for stage in of.behind)
    for parameter_name, parameter in of.model.named_parameters():
        assert (parameter.grad is not None) == parameter_name.startswith(behind), parameter_name
        assert parameter_name.startswith(behind) or parameter_name in frozen


def test_the_map_where_frozen_stages_end_is_that_of_timm() -> None:
    of, x = StagedMap("test_resnet", 64, 2).eval(), images()
    with torch.no_grad():
        expected = of.model.layer1(of.model.maxpool(of.model.act1(of.model.bn1(of.model.conv1(x)))))  # type: ignore[operator]
    torch.testing.assert_close(of.frozen(x), expected)


def test_frozen_stages_give_the_same_in_training() -> None:
    """Stochastic depth and dropout rest too, and no statistics move."""
    of, x = StagedMap("test_efficientnet", 64, 4).train(), images(4)
    first = of.model.get_submodule("blocks.0")
    first.add_module("drop", torch.nn.Dropout(0.9))
    of.train()
    buffers = {n: b.clone() for n, b in of.named_buffers()}
    assert torch.equal(of.frozen(x), of.frozen(x))
    assert all(torch.equal(b, buffers[n]) for n, b in of.named_buffers())
    assert of.model.get_submodule(of.behind[0]).training
    torch.testing.assert_close(of.frozen(x)[:1], of.frozen(x[:1]))


@pytest.mark.parametrize(("name", "groups"), [("test_vit", 3), ("test_efficientnet", 1)])
def test_a_model_that_cannot_be_cut_there_is_refused_in_one_line(name: str, groups: int) -> None:
    words = rf"timm's '{name}' cannot be cut behind its first {groups} groups of layers; set frozen_groups to more"
    with pytest.raises(ValueError, match=words) as caught:
        StagedMap(name, 64, groups)
    assert "\n" not in str(caught.value)


def test_a_model_whose_stages_timm_does_not_name_can_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    given = timm_map.timm_model

    def unnamed(*arguments: Any, **options: Any) -> torch.nn.Module:
        model = given(*arguments, **options)
        model.feature_info = None  # type: ignore[assignment]
        return model

    monkeypatch.setattr(timm_map, "timm_model", unnamed)
    assert StagedMap("test_vit", 64, 1000).cut == 5
    with pytest.raises(ValueError, match="cannot be cut behind its first 3 groups"):
        StagedMap("test_vit", 64, 3)


def test_without_frozen_groups_nothing_is_cut() -> None:
    assert StagedMap("test_vit", 64, 0).cut is None


def test_a_skeleton_without_memory_is_cut_at_the_same_place() -> None:
    with torch.device("meta"):
        skeleton = StagedMap("test_resnet", 64, 2)
    assert (skeleton.cut, skeleton.behind) == (1, StagedMap("test_resnet", 64, 2).behind)
