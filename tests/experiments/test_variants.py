"""Every variant of the sweeps is a model that can be built, and differs from its base in what its name says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from smcrep.hub import build_model
from smcrep.objectives import EquiModWeights, SimCLRWeights
from smcrep.pretraining import ycb
from smcrep.pretraining.variants import one_stream, short
from smcrep.records import differences
from smcrep.training.build import build_seeded_model
from tests.experiments.scripts import script

generalisation: Any = script("generalisation")
ablations: Any = script("ablations")
tuning: Any = script("tuning")
vision: Any = script("vision")
SHORT = short(ycb())
FROM_NOTHING = replace(one_stream(ycb()), stores=Path("stores"))
CHANGES = {
    "main": [],
    "ours": [],
    "no_same_state_negatives": ["recipe.objective.same_state_negatives"],
    "no_cross_modal": ["recipe.objective.cross_modal"],
    "tensors": ["recipe.model.num_vectors", "recipe.model.num_tensors"],
    "no_residual": ["recipe.model.predictor"],
    "no_group_action": ["recipe.model.predictor"],
    "equimod": ["recipe.model.predictor", "recipe.objective"],
    "simclr": ["recipe.objective"],
    "vicreg": ["recipe.objective"],
    "no_action": ["recipe.model.use_action"],
    "untrained": ["recipe.optim.lr", "recipe.optim.steps"],
}


def test_every_variant_of_generalisation_is_listed() -> None:
    assert set(generalisation.VARIANTS) == set(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
def test_a_variant_of_generalisation_changes_what_its_name_says(name: str) -> None:
    before = ycb() if name == "main" else SHORT
    found = differences(before, generalisation.variant_of(ycb(), name))
    assert [line.split(" (")[0] for line in found] == CHANGES[name]


def test_baselines_have_their_objectives_and_predictors() -> None:
    equimod, simclr = (generalisation.variant_of(ycb(), name).recipe for name in ("equimod", "simclr"))
    assert isinstance(equimod.objective, EquiModWeights)
    assert equimod.model.predictor == "equimod"
    assert isinstance(simclr.objective, SimCLRWeights)


def test_variants_have_as_many_numbers_as_the_recipe() -> None:
    sizes = {name: generalisation.variant_of(ycb(), name).recipe.model.embed_dim for name in generalisation.VARIANTS}
    assert set(sizes.values()) == {ycb().recipe.model.embed_dim}


@pytest.mark.parametrize("name", ablations.VARIANTS)
def test_a_variant_of_ablations_is_one_sense_in_a_known_world(name: str) -> None:
    variant = ablations.VARIANTS[name]
    run = variant.change(ablations.with_senses(one_stream(ycb()), variant.sense))
    assert run.recipe.model.names == (variant.sense,)
    assert variant.world in ablations.WORLDS
    assert variant.sense in ablations.VARIANTS, "the recipe's own cells, that it is compared with"
    with torch.device("meta"):
        build_seeded_model(run.recipe)


def test_a_tuned_variant_has_the_weights_that_were_chosen_and_says_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generalisation, "TUNED", tmp_path / "tuning.json")
    with pytest.raises(ValueError, match=r"has no 'equimod'; run: python experiments/tuning\.py --methods equimod"):
        generalisation.variant_of(ycb(), "equimod_tuned")
    chosen = {"equimod": {"weights": {"equivariant_temperature": 0.05}}}
    generalisation.TUNED.write_text(json.dumps(chosen))
    found = differences(*(generalisation.variant_of(ycb(), name) for name in ("equimod", "equimod_tuned")))
    assert found == ["recipe.objective.equivariant_temperature (0.2 / 0.05)"]


def test_every_method_is_searched_for_as_long_and_its_settings_are_weights_that_it_has() -> None:
    assert {len(tuning.settings_of(method)) for method in tuning.METHODS} == {12}
    for method in tuning.METHODS:
        before = tuning.METHODS[method].change(SHORT)
        for setting in tuning.settings_of(method):
            after = tuning.with_setting(SHORT, method, setting)
            lines = differences(before, after)
            assert {line.split(" (")[0].removeprefix("recipe.objective.") for line in lines} <= set(setting)


PICTURES = "recipe.model.senses.rgb."


@pytest.mark.parametrize("name", vision.VARIANTS)
def test_a_variant_of_vision_is_another_encoder_of_pictures_and_nothing_else(name: str) -> None:
    run = vision.variant_of(FROM_NOTHING, name)
    sensors = {"data.corrupted", "stores"} if name == vision.CLEAN_SENSORS else set()
    found = [line.split(" (")[0] for line in differences(FROM_NOTHING, run)]
    fields = {line.removeprefix(PICTURES) for line in found if line.startswith(PICTURES)}
    computed = {"compute.cache", "compute.cache_gb", "recipe.optim.precision"}
    assert {line for line in found if not line.startswith(PICTURES)} <= computed | sensors
    assert bool(fields) == (name != vision.BASE)
    assert (run.compute.cache == "bfloat16") == (name in {*vision.TWO_STREAMS, vision.CLEAN_SENSORS})
    with torch.device("meta"):
        build_model(run.recipe.model)


def test_variants_of_vision_differ_from_two_streams_in_what_they_name() -> None:
    whole = vision.variant_of(FROM_NOTHING, "two_streams")
    for name, changes in vision.TWO_STREAMS.items():
        found = {line.split(" (")[0] for line in differences(whole, vision.variant_of(FROM_NOTHING, name))}
        assert found == {f"{PICTURES}{field}" for field in changes}
    tuned = {line.split(" (")[0] for line in differences(whole, vision.variant_of(FROM_NOTHING, "tuned"))}
    assert tuned == {f"{PICTURES}spatial", f"{PICTURES}size", "compute.cache"}


def test_a_record_of_vision_is_the_mean_over_seeds_and_objects_beside_its_paired_difference() -> None:
    def cell(h1: list[float]) -> dict[str, Any]:
        about = {"n_way": 5, "candidates": 16, "parameters": 7, "commit": "c", "minutes": 2.0, "machine": "m"}
        return about | {"metrics": {"rgb.h1": h1, "rgb.1shot": h1}}

    own, against = (
        {0: cell([0.5, 0.7]), 1: cell([0.6, 0.8])},
        {0: cell([0.1, 0.3]), 1: cell([0.2, 0.4]), 2: cell([1, 1])},
    )
    found = vision.record("rgb.h1", own, against, "val")
    assert found.value == pytest.approx(0.65)
    assert found.controls["ahead"] == pytest.approx(0.4)
    assert (found.controls["chance"], found.seeds) == (1 / 16, 2)
    assert vision.record("rgb.1shot", own, own, "val").controls == {"chance": 1 / 5, "parameters": 7}
