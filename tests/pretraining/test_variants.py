"""A variant differs from its run in what it names, and in nothing else."""

from dataclasses import replace

from smcrep.objectives import SimCLRWeights
from smcrep.pretraining import tiny
from smcrep.pretraining.run import Run
from smcrep.pretraining.variants import (
    two_streams,
    with_data,
    with_model,
    with_objective,
    with_optim,
    with_recipe,
    with_sense,
    with_senses,
)
from smcrep.records import differences

RUN = tiny()


def changed(run: Run) -> list[str]:
    return [line.split(" (")[0] for line in differences(RUN, run)]


def test_each_changes_the_fields_it_names_and_no_other() -> None:
    assert changed(with_data(RUN, seed=3)) == ["data.seed"]
    assert changed(with_recipe(RUN, seed=3)) == ["recipe.seed"]
    assert changed(with_recipe(RUN, objective=SimCLRWeights())) == ["recipe.objective"]
    assert changed(with_model(RUN, num_vectors=5, use_action=False)) == [
        "recipe.model.num_vectors",
        "recipe.model.use_action",
    ]
    assert changed(with_objective(RUN, cross_modal=0.0)) == ["recipe.objective.cross_modal"]
    assert changed(with_optim(RUN, steps=5)) == ["recipe.optim.steps"]
    assert changed(with_sense(RUN, "rgb", width=8)) == ["recipe.model.senses.rgb.width"]


def test_senses_keep_the_settings_that_they_have() -> None:
    run = with_sense(RUN, "rgb", width=8)
    assert with_senses(run, "rgb").recipe.model.senses == {"rgb": run.recipe.model.senses["rgb"]}
    assert with_senses(run, "depth", "rgb").recipe.model.names == ("depth", "rgb")


def test_the_run_itself_stays_as_it_was() -> None:
    before = replace(RUN)
    with_sense(with_model(RUN, num_vectors=5), "points", encoder="dgcnn")
    assert before == RUN


def test_two_streams_change_pictures_and_keep_what_is_frozen() -> None:
    names = ("encoder", "weights", "lr_scale", "frozen_groups", "frozen_depthwise", "spatial")
    expected = [*(f"recipe.model.senses.rgb.{name}" for name in names), "compute.cache", "recipe.optim.precision"]
    assert sorted(changed(two_streams(RUN))) == sorted(expected)
    assert two_streams(RUN, spatial="small").recipe.model.senses["rgb"].spatial == "small"
