"""The mask head finds what a phrase names where places say what they show; its loss by plain loops."""

import math

import pytest
import torch

from smcrep.vla.mask_head import ENTROPY_WEIGHT, MaskHead, intersection_over_union, mask_loss


def test_loss_is_its_formula_in_plain_loops() -> None:
    g = torch.Generator().manual_seed(0)
    logits, share = torch.randn(2, 3, 2, 2, generator=g), torch.rand(2, 3, 2, 2, generator=g)
    entropy, dice = 0.0, 0.0
    for masks, wanted in zip(logits, share, strict=True):
        for mask, want in zip(masks, wanted, strict=True):
            both = either = 0.0
            for x, y in zip(mask.flatten().tolist(), want.flatten().tolist(), strict=True):
                p = 1 / (1 + math.exp(-x))
                entropy -= (y * math.log(p) + (1 - y) * math.log(1 - p)) / 24
                both, either = both + p * y, either + p + y
            dice += (1 - (2 * both + 1) / (either + 1)) / 6
    loss = mask_loss(logits, share)
    assert loss.parts["entropy"].item() == pytest.approx(entropy, rel=1e-5)
    assert loss.parts["dice"].item() == pytest.approx(dice, rel=1e-5)
    assert loss.total.item() == pytest.approx(ENTROPY_WEIGHT * entropy + dice, rel=1e-5)


def test_loss_vanishes_where_all_is_right_also_of_nothing() -> None:
    share = torch.zeros(2, 4, 4)
    share[0, :2] = 1
    assert mask_loss(100 * (2 * share - 1), share).total.item() == pytest.approx(0, abs=1e-6)
    assert mask_loss(100 * (1 - 2 * share), share).parts["dice"].item() > 0.8


def test_iou_of_known_masks() -> None:
    a, b = torch.zeros(2, 4, 4, dtype=torch.bool), torch.zeros(2, 4, 4, dtype=torch.bool)
    a[0, 0, :3], b[0, 0, 1:4] = True, True
    assert intersection_over_union(a, b).tolist() == [0.5, 1.0]
    assert intersection_over_union(a[0], b[1]).item() == 0


@torch.no_grad()
def test_logit_is_the_product_of_place_and_phrase() -> None:
    torch.manual_seed(0)
    head, maps = MaskHead((3, 5), 4, dim=8), [torch.randn(2, 3, 6, 6), torch.randn(2, 5, 3, 3)]
    texts = torch.randn(2, 3, 4)
    logits, places = head(maps, texts), head.embed(maps)
    assert logits.shape == (2, 3, 6, 6)
    for b in range(2):
        for t in range(3):
            word = head.words(texts[b, t])
            for i, j in ((0, 0), (2, 5)):
                wanted = sum(float(places[b, d, i, j] * word[d]) for d in range(8)) / math.sqrt(8) + float(head.bias)
                assert logits[b, t, i, j].item() == pytest.approx(wanted, abs=1e-5)


def scenes(num: int, seed: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Two squares of two of three kinds: the fine map says where something is, the deep one which kind it is."""
    g = torch.Generator().manual_seed(seed)
    masks = torch.zeros(num, 3, 8, 8)
    for i in range(num):
        kinds, corners = torch.randperm(3, generator=g)[:2], torch.randperm(4, generator=g)[:2]
        for kind, corner in zip(kinds.tolist(), corners.tolist(), strict=True):
            row, column = 4 * (corner // 2), 4 * (corner % 2)
            masks[i, kind, row + 1 : row + 3, column + 1 : column + 3] = 1
    deep = torch.nn.functional.adaptive_max_pool2d(masks, 2) + 0.1 * torch.randn(num, 3, 2, 2, generator=g)
    return [masks.sum(1, keepdim=True) + 0.1 * torch.randn(num, 1, 8, 8, generator=g), deep], masks


def test_what_places_say_is_found_by_its_name() -> None:
    torch.manual_seed(0)
    head, texts = MaskHead((1, 3), 3, dim=16), torch.eye(3)
    maps, masks = scenes(128, 0)
    optimiser = torch.optim.Adam(head.parameters(), 1e-2)
    for step in range(120):
        rows = torch.arange(16) + 16 * (step % 8)
        optimiser.zero_grad()
        mask_loss(head([m[rows] for m in maps], texts.expand(16, 3, 3)), masks[rows]).total.backward()
        optimiser.step()
    maps, masks = scenes(32, 1)
    found = head(maps, texts.expand(32, 3, 3)) > 0
    assert intersection_over_union(found, masks > 0).mean() > 0.9
    other = head(maps, texts.roll(1, 0).expand(32, 3, 3)) > 0
    assert intersection_over_union(other, masks > 0).mean() < 0.5
