"""What `corrupt` draws has the stated chances, and what it does is what was drawn."""

import pytest
import torch

from smcrep.corruptions import CLEAN, CORRUPTIONS, apply_corruptions, corrupt, draw_corruptions
from smcrep.senses import DEPTH, MASK, POINTS, RGB
from smcrep.transition import Senses
from tests.corruptions.samples import clouds, depths, generator, masks, pictures


def all_senses(n: int = 12) -> Senses:
    return Senses.all_present(
        {RGB.name: pictures(n), POINTS.name: clouds(n), DEPTH.name: depths(n), MASK.name: masks(n)}
    )


def two(n: int) -> Senses:
    return Senses.all_present(
        {RGB.name: pictures(1, 8).expand(n, -1, -1, -1), POINTS.name: clouds(1, 1).expand(n, -1, -1)}
    )


def test_each_sense_of_each_observation_is_hit_by_its_own_chance_with_a_uniform_severity() -> None:
    drawn = draw_corruptions(two(20_000), 0.3, generator())
    hits = {name: own.kind != CLEAN for name, own in drawn.items()}
    for name, own in drawn.items():
        assert hits[name].double().mean().item() == pytest.approx(0.3, abs=0.015)
        severity = own.severity[hits[name]].double()
        assert (severity.mean().item(), severity.var().item()) == pytest.approx((1 / 2, 1 / 12), abs=0.01)
        assert not own.severity[~hits[name]].any()
        assert own.kinds == CORRUPTIONS.training(name)
        count = torch.bincount(own.kind[hits[name]]) / hits[name].sum()
        assert count.tolist() == pytest.approx([1 / len(own.kinds)] * len(own.kinds), abs=0.02)
    both = (hits[RGB.name] & hits[POINTS.name]).double().mean().item()
    assert both == pytest.approx(0.09, abs=0.01)


def test_keep_one_leaves_one_sense_of_those_present_clean_either_as_likely() -> None:
    senses = two(6000)
    senses.present[RGB.name][:1000] = False
    drawn = draw_corruptions(senses, 1.0, generator(), keep_one=True)
    hit = torch.stack([drawn[name].kind != CLEAN for name in (RGB.name, POINTS.name)], -1)
    assert not hit[:1000].any()  # the only one there stays clean
    assert (hit[1000:].sum(-1) == 1).all()
    assert hit[1000:].double().mean(0).tolist() == pytest.approx([0.5, 0.5], abs=0.03)
    free = draw_corruptions(two(6000), 0.5, generator(), keep_one=True)
    hit = torch.stack([own.kind != CLEAN for own in free.values()], -1)
    assert hit.double().mean().item() == pytest.approx(0.5 - 0.25 / 2, abs=0.02)  # of both hit, one is let go


def test_an_absent_sense_is_left_alone() -> None:
    senses = all_senses()
    senses.present[POINTS.name][:] = False
    senses.data[POINTS.name][:] = torch.nan
    out = corrupt(senses, 1.0, generator())
    assert out[POINTS.name].isnan().all()
    assert not out.present[POINTS.name].any()


def test_what_is_drawn_happens_and_nothing_else() -> None:
    senses = all_senses()
    drawn = draw_corruptions(senses, 0.6, generator())
    out = apply_corruptions(senses, drawn, generator(1))
    for name, own in drawn.items():
        for row in range(12):
            same = torch.equal(out[name][row], senses[name][row])
            assert same or own.kind[row] != CLEAN
            if own.severity[row] > 0.2:
                assert not same
    kinds = {RGB.name: (CORRUPTIONS[RGB.name, "darkness"],)}
    dark = draw_corruptions(senses, 1.0, generator(), kinds=kinds)
    out = apply_corruptions(senses, dark, generator())
    light = out[RGB.name].float().mean((1, 2, 3)) / senses[RGB.name].float().mean((1, 2, 3))
    torch.testing.assert_close(light, 1 - dark[RGB.name].severity, atol=0.01, rtol=0)
    assert torch.equal(out[POINTS.name], senses[POINTS.name])


def test_leading_axes_stay_and_the_generator_alone_decides() -> None:
    flat = all_senses()
    senses = flat.map(lambda t: t.unflatten(0, (3, 4)))
    once, again = (corrupt(senses, 0.7, generator(2), keep_one=True) for _ in range(2))
    whole = corrupt(flat, 0.7, generator(2), keep_one=True)
    for name in senses:
        assert once[name].shape == senses[name].shape
        assert torch.equal(once[name], again[name])
        assert torch.equal(once[name].flatten(0, 1), whole[name])
        assert not torch.equal(once[name], senses[name])


def test_probability_0_gives_back_what_was_given() -> None:
    senses = all_senses()
    out = corrupt(senses, 0.0, generator())
    assert all(torch.equal(out[name], senses[name]) for name in senses)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_a_probability_that_is_none_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match=r"corrupt: probability is .*; give a number from 0 to 1"):
        corrupt(all_senses(), probability, generator())
