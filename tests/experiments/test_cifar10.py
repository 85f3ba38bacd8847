"""The losses are those of the package, variants of one seed share weights and batches, and gains have their sign."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smcrep.objectives import BYOL, CombinedWeights, EquiMod, NTXent, nt_xent
from smcrep.objectives.equivariance import NoEquivariance
from smcrep.results import Record, read_claims, write_json
from smcrep.sweep import cell_path
from smcrep.training import plain_pictures as module
from tests.experiments.scripts import script

cifar10: Any = script("cifar10")
plain_pictures: Any = module
BUDGET = cifar10.Budget(2, 8, "conv4", "cpu", True)


def views(with_picture: bool, num: int = 8) -> tuple[Tensor, Tensor]:
    data, generator = cifar10.made_up(), torch.Generator().manual_seed(0)
    pictures = data.pictures[:num]
    two, action = cifar10.augmented(pictures, 2, generator, cifar10.scale(cifar10.SIDE))
    return torch.cat([pictures[:, None], two], 1) if with_picture else two, action


def test_equimod_is_the_contrast_of_two_views_and_of_what_the_picture_is_moved_to() -> None:
    weights = CombinedWeights(NTXent(0.5), EquiMod(0.2), weight=3.0)
    network = plain_pictures.Network(weights, "conv4").eval()
    (seen, action), d = views(True), plain_pictures.PROJECTED
    with torch.no_grad():
        found = plain_pictures.loss(network, None, seen, action, weights)
        picture, a, b = (network.features(seen[:, i]) for i in range(3))
        wanted = nt_xent(network.projector(a), network.projector(b), 0.5).total
        y = network.equivariant(picture)
        matrix = network.predictor.linear.weight
        predicted = [y @ matrix[:, :d].T + action[:, k] @ matrix[:, d:].T for k in range(2)]
        outcome = torch.cat([network.equivariant(a), network.equivariant(b)])
        wanted = wanted + 3 * nt_xent(outcome, torch.cat(predicted), 0.2).total
    torch.testing.assert_close(found, wanted)


def test_byol_lands_on_the_slow_network_which_follows_by_its_momentum() -> None:
    weights = CombinedWeights(BYOL(0.9), NoEquivariance())
    network = plain_pictures.Network(weights, "conv4")
    target = plain_pictures.AveragedModel(network, multi_avg_fn=plain_pictures.get_ema_multi_avg_fn(0.9))
    target.update_parameters(network)
    before = network.projector[-1].weight.detach().clone()
    with torch.no_grad():
        network.projector[-1].weight.add_(1)
    target.update_parameters(network)
    torch.testing.assert_close(target.module.projector[-1].weight, before + 0.1)
    seen, action = views(False)
    plain_pictures.loss(network, target, seen, action, weights).backward()
    assert all(p.grad is None for p in target.parameters())


def test_variants_of_one_seed_start_alike_and_see_the_same_views(monkeypatch: pytest.MonkeyPatch) -> None:
    started, seen, real = [], [], plain_pictures.loss

    def spied(network: Any, target: Any, views: Tensor, action: Tensor, weights: Any) -> Tensor:
        if len(seen) % BUDGET.steps == 0:
            started.append(network.backbone[0].weight.detach().clone())
        seen.append(views[:, -2:])
        return real(network, target, views, action, weights)

    monkeypatch.setattr(plain_pictures, "loss", spied)
    for variant in ("simclr", "simclr_equimod", "byol"):
        cifar10.train(cifar10.made_up(), cifar10.candidates(variant)[0], 3, BUDGET, steps=BUDGET.steps)
    assert torch.equal(started[0], started[1])
    assert torch.equal(started[0], started[2])
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[5])
    assert not torch.equal(seen[0], seen[1])


def test_untrained_keeps_its_weights_and_learns_the_statistics_of_pictures_alone() -> None:
    data, weights = cifar10.made_up(), cifar10.candidates("untrained")[0]
    fresh, warm = (cifar10.train(data, weights, 0, BUDGET, steps=steps, lr=0.0) for steps in (1, 5))
    assert all(torch.equal(a, b) for a, b in zip(fresh.parameters(), warm.parameters(), strict=True))
    assert not torch.equal(fresh.backbone[1].running_mean, warm.backbone[1].running_mean)


def test_the_same_number_of_trials_and_the_same_dials_with_and_without_an_equivariance() -> None:
    for variant in cifar10.VARIANTS[:-1]:
        base = variant.partition("_")[0]
        assert [c.invariance for c in cifar10.candidates(variant)] == list(cifar10.DIALS[base])


class Reader(nn.Module):
    """The mean colour of a picture, or nothing of it."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def features(self, pictures: Tensor) -> Tensor:
        colour = pictures.float().mean((1, 2))
        return self.share * torch.cat([colour, colour.square() / 255], 1) + (1 - self.share)


def test_the_dial_is_the_one_that_recognises_validation_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter((0.0, 1.0, 0.0))
    monkeypatch.setattr(cifar10, "train", lambda *_, **__: Reader(next(shares)))
    network, dial = cifar10.chosen(cifar10.made_up(), "simclr", 0, BUDGET, [0, 1, 2])
    assert (network.share, dial) == (1.0, 1)


def test_measures_of_a_reader_of_colours_and_of_a_constant() -> None:
    colours, constant = (cifar10.measured(Reader(share), cifar10.made_up(), "cpu") for share in (1.0, 0.0))
    assert colours["linear"].mean() > 0.9
    assert colours["knn"].mean() > 0.9
    assert constant["linear"].mean() == pytest.approx(0.1)
    assert colours["action_r2"][0] > constant["action_r2"][0] + 0.02  # brightness
    assert constant["action_r2"][0] == pytest.approx(0, abs=0.05)


def test_actions_are_scaled_by_what_is_drawn_and_the_blur_that_is_never_drawn_stays_0() -> None:
    _, action = views(False, 500)
    flat = action.flatten(0, 1)
    assert flat[:, :-1].mean(0).abs().max() < 0.15
    assert (flat[:, :-1].std(0) - 1).abs().max() < 0.15
    assert not flat[:, -1].any()


def cell(name: str, seed: int, accuracy: float) -> dict[str, Any]:
    """Blocks of test pictures that differ, the same in every cell."""
    blocks = accuracy + 0.02 * np.cos(np.arange(cifar10.NUM_BLOCKS))
    about = {"commit": "c", "machine": "m", "minutes": 1.0, "seconds_per_step": 0.1, "budget": vars(BUDGET)}
    metrics = {"linear": blocks.tolist(), "knn": (blocks - 0.1).tolist(), "action_r2": [0.25]}
    return about | {"variant": name, "seed": seed, "dial": int(name != "untrained"), "metrics": metrics}


def width(record: Record) -> float:
    assert record.ci95
    return record.ci95[1] - record.ci95[0]


def test_gains_are_paired_by_seed_and_signed(tmp_path: Path) -> None:
    """Seeds differ by 10 points, and the pair of each by 2: the interval is over the 2."""
    for seed in range(4):
        for name, ahead in {"simclr": 0.0, "simclr_equimod": 0.02, "simclr_longer": 0.05, "untrained": -0.2}.items():
            write_json(cell_path(tmp_path / "cells", name, seed), cell(name, seed, 0.5 + 0.1 * seed + ahead))
    cifar10.report(tmp_path)
    claims = read_claims(tmp_path / "claims/cifar10.json")
    gain = claims["cifar10.equimod_gain"]
    assert gain.value == pytest.approx(0.02)
    assert width(gain) < 1e-6
    assert gain.controls["equal_time"] == pytest.approx(-0.03)
    assert gain.controls["knn"] == pytest.approx(0.02)
    assert "byol" not in gain.controls
    accuracy = claims["cifar10.simclr"]
    assert accuracy.value == pytest.approx(np.mean([0.5, 0.6, 0.7, 0.8]), abs=1e-3)
    assert width(accuracy) > 0.2
    assert accuracy.controls["untrained"] == pytest.approx(0.45, abs=1e-3)
    assert accuracy.controls["dial"] == "NTXent(temperature=0.2)"


def test_cells_of_another_budget_are_refused(tmp_path: Path) -> None:
    write_json(cell_path(tmp_path / "cells", "simclr", 0), cell("simclr", 0, 0.5))
    cifar10.refuse_other_cells(tmp_path, BUDGET)
    with pytest.raises(ValueError, match=r"another budget \(steps 2 there, 9 here\); give another --out"):
        cifar10.refuse_other_cells(tmp_path, replace(BUDGET, steps=9))
