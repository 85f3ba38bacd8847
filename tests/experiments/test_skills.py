"""Choices are counted by what a region shows most of; chance is one of k whatever the regions are."""

from typing import Any

import pytest
import torch

from tests.experiments.scripts import script

skills: Any = script("skills")


def masks() -> torch.Tensor:
    """Three things of 4, 6 and 2 pixels."""
    found = torch.zeros(3, 4, 8, dtype=torch.bool)
    found[0, 0, :4] = found[1, 2, :6] = found[2, 3, 6:] = True
    return found


def test_region_counts_for_the_thing_that_it_shows_most_of() -> None:
    regions = torch.zeros(2, 4, 8, dtype=torch.bool)
    regions[0, :3, :4] = True  # 4 pixels of the first thing, 4 of the second: the first is meant
    regions[0, 2, 3] = False
    regions[1, 3] = True
    scores = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert skills.right(regions, masks(), scores) == [1, 0, 1]
    assert skills.right(regions, masks(), -scores) == [0, 0, 0]
    assert skills.right(regions[:0], masks(), scores[:0]) == [0, 0, 0]


def test_region_of_nothing_is_nobodys() -> None:
    regions = torch.zeros(1, 4, 8, dtype=torch.bool)
    regions[0, 1, 7] = True
    assert skills.right(regions, masks(), torch.ones(1, 3)) == [0, 0, 0]


def test_choice_at_random_scores_chance_with_any_regions() -> None:
    generator = torch.Generator().manual_seed(0)
    regions = torch.cat([masks(), masks().any(0, keepdim=True), masks()[:1]])
    hits = [skills.right(regions, masks(), torch.rand(5, 3, generator=generator)) for _ in range(3000)]
    assert torch.tensor(hits).mean().item() == pytest.approx(1 / 3, abs=0.015)


def test_absent_phrase_is_one_that_nothing_there_has() -> None:
    torch.manual_seed(0)
    phrases = torch.tensor([2, 3, 5, 8])
    drawn = {int(skills.other(torch.tensor([3, 8, 9]), phrases)) for _ in range(50)}
    assert drawn == {2, 5}


def test_claims_are_means_over_seeds_with_their_controls() -> None:
    def cell(chosen: float, iou: float) -> dict[str, Any]:
        of = {way: [[0.0, 1.0]] * 4 for way in skills.WAYS}
        return of | {
            "chosen": [[chosen, 1.0]] * 4,
            "iou": [[iou, 0.5]] * 4,
            "iou_anything": [0.75] * 4,
            "regions": [3] * 4,
        }

    thing = torch.arange(8).view(4, 2)
    records = skills.claims([cell(1.0, 0.9), cell(0.0, 0.1)], thing)
    choice, covered = records["vla.skill_choice"], records["vla.skill_mask_iou"]
    assert (choice.value, choice.n, choice.seeds) == (0.75, 16, 2)
    assert choice.controls["chance"] == 0.5
    assert choice.controls["untrained_encoder"] == 0.5
    assert choice.controls["true_masks"] == 0.5
    assert covered.value == pytest.approx(0.5)
    assert covered.controls["iou_of_right_choices"] == pytest.approx((0.9 + 0.5 + 0.5) / 3)
