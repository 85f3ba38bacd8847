"""Laws of every sense that ships; a new one is put through them by its name in the table."""

import json
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.records import differences, from_record, to_record
from smcrep.senses import POINTS, SENSES, Resolution
from tests.senses.samples import CHANGED, WITHOUT_AUGMENTATION, sample

TRUNK_DIM = 12
SHIPPED = tuple(SENSES)
each_sense = pytest.mark.parametrize("name", SHIPPED)


def of_another_type(x: Tensor) -> Tensor:
    return x.int() if x.is_floating_point() else x.float()


def with_value(value: float) -> Callable[[Tensor], Tensor]:
    def fault(x: Tensor) -> Tensor:
        x = x.clone()
        x.view(len(x), -1)[1, 3] = value
        return x

    return fault


FAULTS: dict[str, Callable[[Tensor], object]] = {
    "one observation": lambda x: x[0],
    "an axis too many": lambda x: x[None],
    "another dtype": of_another_type,
    "too small": lambda x: x[:, :0] if x.is_floating_point() and x.shape[-1] == 3 else x[:, :4],
    "a list": lambda x: x.tolist(),
    "text": lambda x: np.full(x.shape, "a"),
}


@each_sense
@pytest.mark.parametrize("fault", FAULTS)
def test_check_refuses_what_the_encoder_cannot_take_in_one_line(name: str, fault: str) -> None:
    with pytest.raises(ValueError, match=rf"^embed: {name}.*(;|expected)") as caught:
        SENSES[name].check(FAULTS[fault](sample(name, 2)))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [n for n in SHIPPED if SENSES[n].dtype == "float32" and n != POINTS.name])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_check_names_the_first_number_that_is_not_finite(name: str, value: float) -> None:
    bad = with_value(value)(sample(name, 2))
    place = (~bad.isfinite()).nonzero()[0].tolist()
    with pytest.raises(ValueError, match=rf"^embed: {name}\[{', '.join(map(str, place))}\] is {value};") as caught:
        SENSES[name].check(bad)
    assert "\n" not in str(caught.value)


@each_sense
def test_check_takes_arrays_and_tensors_alike_and_changes_nothing(name: str) -> None:
    x = sample(name, 3)
    array = x.numpy().copy()
    array.setflags(write=False)
    checked = SENSES[name].check(x)
    assert torch.equal(checked, x)
    assert str(checked.dtype).removeprefix("torch.") == SENSES[name].dtype
    for other in (array, array[::-1][::-1], array.astype(array.dtype.newbyteorder(">")), checked):
        assert torch.equal(SENSES[name].check(other), x)
    assert not SENSES[name].check(x.requires_grad_(x.is_floating_point())).requires_grad


@each_sense
def test_one_observation_converts_to_a_batch_of_one(name: str) -> None:
    x = SENSES[name].convert(sample(name, 1)[0].numpy())
    assert x.ndim == SENSES[name].item_ndim
    assert torch.equal(SENSES[name].check(x[None]), sample(name, 1))


@each_sense
@pytest.mark.parametrize("settings", ["default", "changed"])
@pytest.mark.parametrize("size", [8, 16, 70])
def test_encoder_gives_two_finite_features_for_any_size_and_an_empty_batch(name: str, settings: str, size: int) -> None:
    of = SENSES[name].encoder(CHANGED[name] if settings == "changed" else SENSES[name].settings(), TRUNK_DIM)
    for num in (2, 0):
        features = of(sample(name, num, size=size))
        assert [tuple(f.shape) for f in features] == [(num, TRUNK_DIM)] * 2
        assert all(f.isfinite().all() for f in features)


@each_sense
@pytest.mark.parametrize("settings", ["default", "changed"])
def test_batch_equals_its_items(name: str, settings: str) -> None:
    of = SENSES[name].encoder(CHANGED[name] if settings == "changed" else SENSES[name].settings(), TRUNK_DIM)
    x = sample(name, 4)
    items = [of(item[None]) for item in x]
    for i, whole in enumerate(of(x)):
        torch.testing.assert_close(whole, torch.cat([item[i] for item in items]), atol=1e-5, rtol=0)


@each_sense
def test_every_parameter_of_the_encoder_learns(name: str) -> None:
    of = SENSES[name].encoder(SENSES[name].settings(), TRUNK_DIM)
    invariant, equivariant = of(sample(name, 4))
    (invariant * torch.linspace(-1, 1, TRUNK_DIM) + equivariant.square()).sum().backward()
    assert [key for key, p in of.named_parameters() if p.grad is None or not p.grad.any()] == []


@each_sense
@pytest.mark.parametrize("change", ["thin", "augment"])
def test_changes_of_training_keep_axes_and_type_and_are_drawn_from_the_generator(name: str, change: str) -> None:
    sense, x = SENSES[name], sample(name, 3, 2)
    before, state = x.clone(), torch.get_rng_state()
    once, twice = (getattr(sense, change)(CHANGED[name], x, torch.Generator().manual_seed(seed)) for seed in (0, 0))
    assert torch.equal(once, twice)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(x, before)
    assert once.dtype == x.dtype
    assert once.shape[:2] == x.shape[:2]
    assert once.ndim == x.ndim
    if change == "augment":
        assert once.shape == x.shape
    sense.check(once.flatten(0, 1))


@each_sense
def test_training_changes_nothing_at_strength_0(name: str) -> None:
    settings, x = replace(SENSES[name].settings(), **WITHOUT_AUGMENTATION[name]), sample(name, 3, 2)
    for change in (SENSES[name].thin, SENSES[name].augment):
        assert change(settings, x, torch.Generator().manual_seed(0)) is x


@each_sense
def test_settings_go_to_json_and_back(name: str) -> None:
    sense = SENSES[name]
    for settings in (sense.settings(), CHANGED[name], sense.fit(sense.settings(), sense.check(sample(name, 6)))):
        record = json.loads(json.dumps(to_record(settings)))
        assert from_record(sense.settings, record, name) == settings


@each_sense
def test_settings_that_are_unknown_or_of_another_type_are_one_line(name: str) -> None:
    kind = SENSES[name].settings
    for wrong in ({"sizze": 3}, *({field.name: {}} for field in fields(kind))):
        with pytest.raises(ValueError, match=rf"^{name}") as caught:
            from_record(kind, wrong, name)
        assert "\n" not in str(caught.value)


@each_sense
def test_fitted_scale_is_the_same_for_any_order_of_the_sample(name: str) -> None:
    sense, x = SENSES[name], sample(name, 6)
    one, other = (sense.fit(sense.settings(), each) for each in (x, x.flip(0)))
    assert differences(one, other) == []


@each_sense
def test_record_says_what_a_store_holds(name: str) -> None:
    sense = SENSES[name]
    shape = sense.item_shape(Resolution(image_size=16, num_points=16))
    x = sample(name, 2)
    assert shape == tuple(x.shape[1:])
    assert np.dtype(sense.dtype) == x.numpy().dtype
    assert sense.unit
    assert sense.frame
    assert sense.label
    assert sense.colour.startswith("#")
    assert sense.simulate is not None
