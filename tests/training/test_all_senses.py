"""A model of every sense that ships trains, fuses, and embeds by any subset of them."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import torch

from smcrep.hub import from_pretrained, save_pretrained
from smcrep.models.model import SensorimotorModel
from smcrep.senses import SENSES
from smcrep.training.build import Compute, build_fabric
from smcrep.training.calibrate import calibrate_precision
from smcrep.training.fit import fit
from smcrep.training.online import online_probe
from smcrep.training.recipes import Optim, Recipe, with_settings
from smcrep.training.scaling import scaled
from smcrep.transition import Targets
from tests.training.synthetic import SIZE, SyntheticSource, of_four_senses, tiny_recipe

NAMES = ("rgb", "points", "depth", "mask")
STEPS = 20


def recipe() -> Recipe:
    model = replace(tiny_recipe().model, senses=NAMES)
    sizes = {name: {"size": SIZE, "width": 8} for name in NAMES if name != "points"}
    of = tiny_recipe(model=with_settings(model, **sizes), optim=Optim(steps=STEPS, lr=5e-3, batch_states=8, warmup=4))
    return scaled(of, of_four_senses(16, 3, seed=0))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SensorimotorModel:
    of = recipe()
    source = SyntheticSource(8, 3, draw=of_four_senses)
    out = tmp_path_factory.mktemp("all")
    fitted = fit(of, lambda rank, world: source, out, fabric=build_fabric(Compute(accelerator="cpu"), of.optim))
    assert fitted.step == STEPS
    return fitted.model.eval()


def test_scales_of_every_sense_are_fitted() -> None:
    senses = of_four_senses(16, 3, seed=0).observations.flatten()
    default = recipe().model.senses
    for name, settings in default.items():
        assert SENSES[name].fit(settings, senses[name]) == settings
    changed = {name for name, settings in default.items() if SENSES[name].settings() != settings}
    assert changed == set(NAMES)


def test_embeds_any_subset_of_its_senses(trained: SensorimotorModel) -> None:
    given = of_four_senses(3, 1, seed=1).before.data
    whole = trained.embed(given)
    assert whole.names == NAMES
    assert whole.present.all()
    assert (whole.weight > 0).all()
    for number in range(1, len(NAMES) + 1):
        for some in combinations(NAMES, number):
            found = trained.embed({name: given[name] for name in some})
            assert found.fused.isfinite().all()
            assert found.present.tolist() == [[name in some for name in NAMES]] * 3
            torch.testing.assert_close(found.weight.sum(-1), torch.ones(3))
            assert not found.weight[~found.present].any()
            for name in some:
                torch.testing.assert_close(found.senses[name], whole.senses[name])
            if number == 1:
                torch.testing.assert_close(found.fused, whole.senses[some[0]])


def test_order_in_which_senses_are_given_changes_nothing(trained: SensorimotorModel) -> None:
    given = of_four_senses(3, 1, seed=1).before.data
    assert torch.equal(trained.embed(given).fused, trained.embed(dict(reversed(given.items()))).fused)


def test_is_calibrated_probed_saved_and_loaded(trained: SensorimotorModel, tmp_path: Path) -> None:
    batch = of_four_senses(6, 3, seed=2)
    shifts = calibrate_precision(trained, batch, recipe().objective, steps=3)
    assert {name.split("/")[1] for name in shifts} == set(NAMES)
    ids = torch.arange(6)
    figures = online_probe(batch, Targets(ids % 2, ids, *[torch.zeros(6)] * 3))(trained)
    assert {name.split("/")[1] for name in figures} == {*NAMES, "fused"}
    save_pretrained(trained, tmp_path)
    loaded, given = from_pretrained(tmp_path), batch.before.data
    assert loaded.config == trained.config
    assert torch.equal(loaded.embed(given).fused, trained.embed(given).fused)
