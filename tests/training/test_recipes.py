import json
from dataclasses import replace
from typing import Any

import pytest

from smcrep.training.recipes import Optim, Recipe, demo, no_action, no_physics, push, tiny, unlike, ycb


@pytest.mark.parametrize(
    "recipe", [demo(), tiny(), ycb(), push(), no_action(demo()), no_physics(tiny())], ids=lambda r: r.name
)
def test_json_gives_the_recipe_back(recipe: Recipe) -> None:
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_control_arms_differ_in_one_field() -> None:
    assert unlike(demo(), no_action(demo()), ignore=("name",)) == ["model.use_action (True / False)"]
    assert unlike(demo(), no_physics(demo()), ignore=("name",)) == ["model.use_physics (True / False)"]


def test_unlike_names_what_differs() -> None:
    other = replace(demo(), seed=3, optim=replace(demo().optim, lr=1e-5))
    assert unlike(demo(), other) == [f"optim.lr ({demo().optim.lr} / 1e-05)", "seed (0 / 3)"]


def test_a_scale_summed_in_another_order_is_the_same_scale() -> None:
    """A run that is resumed with another number of threads fits its scales anew, a few bits off."""

    def fitted(scale: float, mean: tuple[float, ...]) -> Recipe:
        return replace(demo(), model=replace(demo().model, points_scale_m=scale, rgb_mean=mean))

    one = fitted(0.04923199601826076, (0.5, 0.1, 0.3))
    assert unlike(one, fitted(0.049231996018260754, (0.5, 0.1 + 1e-17, 0.30000000000000004))) == []
    assert len(unlike(one, fitted(0.0492320, (0.5, 0.1, 0.301)))) == 2


def test_unknown_field_names_the_nearest() -> None:
    record = demo().to_json()
    record["optim"]["batchstates"] = 3
    with pytest.raises(ValueError, match=r"recipe\.optim: unknown field 'batchstates'; did you mean 'batch_states'\?"):
        Recipe.from_json(record)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ValueError, match="method is byol; choose one of sensorimotor, equimod, simclr"):
        replace(demo(), method="byol")  # type: ignore[arg-type]


def test_recipe_of_another_version() -> None:
    with pytest.raises(ValueError, match="version 99 and this smcrep reads 3"):
        Recipe.from_json({**demo().to_json(), "version": 99})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("lr", 0.0), ("lr", float("nan")), ("steps", 0), ("batch_states", 1), ("grad_clip", -1.0)),
        *(("weight_decay", -0.1), ("rgb_lr_scale", 0.0), ("rgb_frozen", -1)),
    ],
)
def test_numbers_out_of_range(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"Optim: {field} is {value}"):
        Optim(**{field: value})


def test_image_weights_for_an_encoder_that_takes_none() -> None:
    with pytest.raises(ValueError, match=r"rgb_weights is w\.pth; set model\.rgb_encoder to the timm name"):
        replace(demo(), rgb_weights="w.pth")


def test_dropout_of_everything() -> None:
    with pytest.raises(ValueError, match="sense_dropout is 1"):
        replace(demo(), sense_dropout=1.0)
