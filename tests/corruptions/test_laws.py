"""What every corruption of the table keeps, and the table's own promises."""

from collections.abc import Callable

import pytest
import torch

from smcrep.corruptions import CORRUPTIONS, Corruption
from smcrep.senses import SENSES
from tests.corruptions.samples import generator, sample, severities

ALL = [pytest.param(kind, id=f"{kind.sense}-{kind.name}") for kind in CORRUPTIONS.values()]
DRAWS_NOTHING = {"jpeg", "defocus_blur", "darkness", "fog", "depth_quantisation", "edge_bleeding", "quantisation"}
DRAWS_NOTHING |= {"grown", "shrunk"}


@pytest.mark.parametrize("kind", ALL)
def test_severity_0_changes_nothing_to_the_bit_and_1_changes_every_row(kind: Corruption) -> None:
    data = sample(kind.sense)
    before = data.clone()
    mixed = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0])
    out = kind(data, mixed, generator())
    assert torch.equal(data, before), "it changes what it was given"
    assert torch.equal(out[mixed == 0], data[mixed == 0])
    assert all(not torch.equal(a, b) for a, b in zip(out[mixed == 1], data[mixed == 1], strict=True))


@pytest.mark.parametrize("kind", ALL)
def test_shape_type_and_memory_are_those_of_the_data_and_the_sense_takes_it(kind: Corruption) -> None:
    data = sample(kind.sense)
    for severity in (0.1, 0.6, 1.0):
        out = kind(data, severities(5, severity), generator())
        assert (out.shape, out.dtype, out.device) == (data.shape, data.dtype, data.device)
        assert out.is_contiguous()
        assert torch.equal(SENSES[kind.sense].check(out), out)  # nothing is refused, filled up or left out
    assert kind(data[:0], severities(0, 0.5), generator()).shape == (0, *data.shape[1:])


@pytest.mark.parametrize("kind", ALL)
def test_the_generator_alone_decides(kind: Corruption) -> None:
    data, severity = sample(kind.sense), severities(5, 0.7)
    once = kind(data, severity, generator(1))
    assert torch.equal(kind(data, severity, generator(1)), once)
    other = kind(data, severity, generator(2))
    assert torch.equal(other, once) == (kind.name in DRAWS_NOTHING)


@pytest.mark.parametrize("kind", ALL)
def test_a_row_depends_on_its_own_data_severity_and_place_alone(kind: Corruption) -> None:
    data, others = sample(kind.sense), sample(kind.sense, seed=3)
    own = torch.tensor([False, False, True, False, True])
    severity, changed = torch.tensor([0.3, 0.9, 0.5, 0.0, 1.0]), torch.tensor([0.8, 0.0, 0.5, 0.4, 1.0])
    out = kind(data, severity, generator())
    mixed = torch.where(own.view(-1, *(1,) * (data.ndim - 1)), data, others)
    assert torch.equal(kind(mixed, changed, generator())[own], out[own])


@pytest.mark.parametrize("kind", ALL)
def test_more_severe_changes_more(kind: Corruption) -> None:
    data = sample(kind.sense, 40)
    change = [
        (kind(data, severities(40, s), generator()).float() - data.float()).square().mean() for s in (0.25, 0.6, 1.0)
    ]
    assert change[0] < change[1] < change[2]


@pytest.mark.parametrize(
    "kind", [pytest.param(k, id=f"{k.sense}-{k.name}") for k in CORRUPTIONS.values() if k.zero_mean]
)
def test_zero_mean_kinds_have_mean_0_and_a_standard_deviation_linear_in_the_severity(kind: Corruption) -> None:
    rows = 600
    middle: dict[str, Callable] = {
        "rgb": lambda x: 0 * x + 128,
        "points": lambda x: x[:1].expand_as(x),
        "depth": lambda x: 0 * x + 1,
    }
    data = middle[kind.sense](sample(kind.sense, rows)).contiguous()
    std = []
    for s in (0.1, 0.2):
        change = kind(data, severities(rows, s), generator()).double() - data.double()
        error = change.std() / change.numel() ** 0.5
        assert change.mean().abs() < 4 * error
        std.append(change.std())
    assert (std[1] / std[0]).item() == pytest.approx(2, rel=0.01)


def test_training_and_held_out_kinds_are_disjoint_together_all_and_both_some_for_each_sense() -> None:
    for name in SENSES:
        training, held_out = CORRUPTIONS.training(name), CORRUPTIONS.held_out(name)
        assert not set(training) & set(held_out)
        assert set(training) | set(held_out) == set(CORRUPTIONS.of(name))
        assert len(training) >= 2
        assert len(held_out) >= 2
