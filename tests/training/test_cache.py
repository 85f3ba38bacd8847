"""What is kept of frozen layers is what the step would compute: same losses, same weights, found by its own model and
store alone, and never larger than allowed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smcrep.data.loader import TransitionLoader
from smcrep.data.mixture import MixedLoader
from smcrep.data.store import Store
from smcrep.models.model import SensorimotorModel
from smcrep.senses import RGB, RGBSettings, prepared_name
from smcrep.training import cache as module
from smcrep.training.build import Compute, build_fabric, build_seeded_model
from smcrep.training.cache import Cached, cached
from smcrep.training.fit import Batches, Fitted, fit
from smcrep.training.recipes import Optim, Recipe
from smcrep.training.step import step_loss
from smcrep.transition import Transition
from tests.training.stored import NUM_OUTCOMES, stored
from tests.training.synthetic import SIZE, tiny_recipe

VIEWS = NUM_OUTCOMES + 1
PREPARED = prepared_name(RGB.name)
TWO_STREAMS: dict[str, Any] = {"encoder": "test_resnet", "spatial": "both", "frozen_groups": 2, "backbone_size": 32}


def recipe_of(seed: int = 0, **settings: Any) -> Recipe:
    recipe = tiny_recipe(seed=seed, optim=Optim(steps=6, batch_states=4, warmup=2), log_every=1)
    chosen = RGBSettings(**{**TWO_STREAMS, "size": SIZE, "width": 8, **settings})
    return replace(recipe, model=replace(recipe.model, senses={**recipe.model.senses, RGB.name: chosen}))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return stored(tmp_path_factory.mktemp("cache") / "store")


@pytest.fixture(scope="module")
def model() -> SensorimotorModel:
    return build_seeded_model(recipe_of())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("frozen")


def source(
    model: SensorimotorModel, store: Store, folder: Path, numbers: module.Numbers = "float32", max_bytes: float = 1e9
) -> Cached:
    return cached(model, [store], folder, numbers=numbers, max_bytes=max_bytes, shown=False)[0]


def losses(model: SensorimotorModel, transition: Transition, recipe: Recipe) -> dict[str, float]:
    generator = torch.Generator().manual_seed(5)
    loss = step_loss(model, transition, recipe.objective, sense_dropout=0.3, generator=generator)
    return {"total": float(loss.total.detach()), **{name: float(part) for name, part in loss.parts.items()}}


def test_each_row_is_what_the_frozen_layers_make_of_its_picture(
    model: SensorimotorModel, store: Store, folder: Path
) -> None:
    found = source(model, store, folder).kept[RGB.name]
    assert found.shape[0] == store.num_rows
    encoder = build_seeded_model(recipe_of()).eval().encoders[RGB.name]
    for row in (0, 7, store.num_rows - 1):
        picture = store.read(np.array([row]), [RGB.name])[RGB.name]
        with torch.no_grad():
            expected = encoder.frozen(picture)[0]  # type: ignore[operator]
        np.testing.assert_allclose(found[row], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("numbers", "tolerance"), [("float32", 1e-5), ("float16", 1e-3), ("bfloat16", 1e-3)])
def test_losses_are_those_without_a_cache(
    model: SensorimotorModel, store: Store, folder: Path, numbers: module.Numbers, tolerance: float
) -> None:
    """With colour jitter, which the frozen layers do not see either way."""
    states, recipe = np.array([3, 0, 11, 8]), recipe_of()
    bare = store.load(states, 0)[0]
    with_cache = source(model, store, folder, numbers).load(states, 0)[0]
    expected, found = losses(model, bare, recipe), losses(model, with_cache, recipe)
    assert found == pytest.approx(expected, rel=tolerance, abs=tolerance)
    other = source(model, store, folder, numbers).load(states[::-1].copy(), 0)[0]
    swapped = replace(with_cache, before=replace_prepared(with_cache.before, other.before[PREPARED]))
    assert losses(model, swapped, recipe) != pytest.approx(expected, rel=tolerance, abs=tolerance)


def replace_prepared(senses: Any, prepared: torch.Tensor) -> Any:
    return replace(senses, data=senses.data | {PREPARED: prepared})


def test_rows_of_a_batch_are_those_of_its_states(model: SensorimotorModel, store: Store, folder: Path) -> None:
    kept = source(model, store, folder)
    states = np.array([5, 2])
    transition = kept.load(states, 0)[0]
    rows = kept.kept[RGB.name]
    for i, state in enumerate(states):
        np.testing.assert_array_equal(transition.before[PREPARED][i], rows[state * VIEWS])
        np.testing.assert_array_equal(transition.after[PREPARED][i], rows[state * VIEWS + 1 : (state + 1) * VIEWS])
    assert transition.observations.present[PREPARED].all()
    assert torch.equal(transition.action.vector(), store.load(states, 0)[0].action.vector())
    assert np.array_equal(kept.object_ids, store.object_ids)


def test_the_same_model_and_store_find_their_file_and_compute_nothing(
    model: SensorimotorModel, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = source(model, store, tmp_path).kept[RGB.name]
    (path,) = tmp_path.glob("*.npy")
    written = path.stat().st_mtime_ns
    monkeypatch.setattr(module._File, "write", None)
    again = source(build_seeded_model(recipe_of()), Store(store.path), tmp_path, max_bytes=1).kept[RGB.name]
    np.testing.assert_array_equal(again, before)
    assert path.stat().st_mtime_ns == written


def files(model: SensorimotorModel, store: Store, folder: Path, numbers: module.Numbers = "float32") -> set[str]:
    source(model, store, folder, numbers)
    return {path.name for path in folder.glob("*.npy")}


def changed_weight(model: SensorimotorModel) -> SensorimotorModel:
    """One number of one frozen layer."""
    with torch.no_grad():
        next(p for p in model.encoders[RGB.name].parameters() if not p.requires_grad)[0, 0, 0, 0] += 1e-3
    return model


def changed_statistics(model: SensorimotorModel) -> SensorimotorModel:
    dict(model.encoders[RGB.name].named_buffers())["backbone.model.bn1.running_mean"][0] += 1e-3
    return model


@pytest.mark.parametrize(
    "other",
    [
        lambda: changed_weight(build_seeded_model(recipe_of())),
        lambda: changed_statistics(build_seeded_model(recipe_of())),
        lambda: build_seeded_model(recipe_of(seed=1)),
        lambda: build_seeded_model(recipe_of(frozen_groups=3)),
        lambda: build_seeded_model(recipe_of(backbone_size=48)),
        lambda: build_seeded_model(recipe_of(mean=(0.4, 0.5, 0.5))),
    ],
    ids=["weight", "statistics", "seed", "cut", "size", "scale"],
)
def test_other_frozen_layers_never_find_it(other: Any, model: SensorimotorModel, store: Store, tmp_path: Path) -> None:
    first = files(model, store, tmp_path)
    assert len(files(other(), store, tmp_path) - first) == 1


def test_another_store_and_other_numbers_never_find_it(model: SensorimotorModel, store: Store, tmp_path: Path) -> None:
    first = files(model, store, tmp_path)
    second = files(model, stored(tmp_path / "other", seed=1), tmp_path)
    third = files(model, store, tmp_path, "float16")
    assert [len(found) for found in (first, second, third)] == [1, 2, 3]


@pytest.mark.parametrize("changes", [{"width": 16}, {"spatial": "small"}, {"colour_jitter": 0.0}, {"lr_scale": 0.3}])
def test_what_learns_does_not_matter(
    changes: dict[str, Any], model: SensorimotorModel, store: Store, tmp_path: Path
) -> None:
    """Weights of the backbone are drawn last from one seed: give both models the same."""
    other = build_seeded_model(recipe_of(**changes))
    backbones = [m.encoders[RGB.name].backbone for m in (model, other)]
    backbones[1].load_state_dict(backbones[0].state_dict())  # type: ignore[union-attr]
    assert files(model, store, tmp_path) == files(other, store, tmp_path)


def test_more_bytes_than_allowed_are_refused_before_any_is_written(
    model: SensorimotorModel, store: Store, tmp_path: Path
) -> None:
    source(model, store, tmp_path / "measure")
    (path,) = (tmp_path / "measure").glob("*.npy")
    size, folder = path.stat().st_size, tmp_path / "kept"
    with pytest.raises(ValueError, match=r"cache: .* GB beside the 0 GB .* raise cache_gb, empty that folder, or set"):
        source(model, store, folder, max_bytes=size / 2)
    assert not folder.exists()
    source(model, store, folder, max_bytes=size)
    with pytest.raises(ValueError, match="cache: "):
        source(build_seeded_model(recipe_of(seed=1)), store, folder, max_bytes=1.5 * size)  # beside what is there
    assert sum(p.stat().st_size for p in folder.iterdir()) == size


def test_a_file_that_is_not_whole_is_not_left(
    model: SensorimotorModel, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, calls = module._File._make, []

    def fails(self: Any, rows: np.ndarray) -> torch.Tensor:
        calls.append(len(rows))
        if len(calls) > 3:
            raise KeyboardInterrupt
        return make(self, rows)

    monkeypatch.setattr(module, "ROWS_AT_ONCE", 10)
    monkeypatch.setattr(module._File, "_make", fails)
    with pytest.raises(KeyboardInterrupt):
        source(model, store, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("left", [0, 40, 128, 0.5])
def test_a_damaged_file_is_one_line(left: float, model: SensorimotorModel, store: Store, tmp_path: Path) -> None:
    source(model, store, tmp_path)
    (path,) = tmp_path.glob("*.npy")
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content)) if left == 0.5 else int(left)])
    with pytest.raises(
        ValueError, match=rf"{path.name}: damaged \(.*\); delete it, and it is computed again$"
    ) as caught:
        source(model, store, tmp_path)
    assert "\n" not in str(caught.value)
    path.unlink()
    assert files(model, store, tmp_path) == {path.name}
    assert path.read_bytes() == content


def test_layers_in_bfloat16_round_more_than_float16(model: SensorimotorModel, store: Store, folder: Path) -> None:
    states = np.array([3, 0])
    exact, half, brain = (
        source(model, store, folder, numbers).load(states, 0)[0].observations[PREPARED].float()
        for numbers in ("float32", "float16", "bfloat16")
    )
    error = [float((found - exact).norm() / exact.norm()) for found in (half, brain)]
    assert error[0] < 5e-4
    assert 5e-4 < error[1] < 2e-2


def test_numbers_that_half_precision_does_not_hold_are_refused(store: Store, tmp_path: Path) -> None:
    loud = build_seeded_model(recipe_of())
    with torch.no_grad():
        dict(loud.encoders[RGB.name].named_parameters())["backbone.model.layer1.0.bn2.bias"].fill_(1e6)
    with pytest.raises(ValueError, match=r"float16 does not hold, rows 0\.\.47 .* set cache to 'float32' or 'none'"):
        source(loud, store, tmp_path, "float16")
    assert not list(tmp_path.glob("*.npy"))


def test_a_model_without_frozen_layers_is_refused(store: Store, tmp_path: Path) -> None:
    for recipe in (tiny_recipe(), recipe_of(spatial="small", frozen_groups=0)):
        with pytest.raises(ValueError, match=r"cache: the model has no frozen layers .*; set cache to 'none'"):
            source(build_seeded_model(recipe), store, tmp_path)


def run(out: Path, sources: list[Any], loader: type[TransitionLoader] = TransitionLoader) -> Fitted:
    recipe = replace(recipe_of(), checkpoint_every=2, sense_dropout=0.3)

    def batches(rank: int, world_size: int) -> Batches:
        where = {"seed": 0, "rank": rank, "world_size": world_size}
        return MixedLoader([loader(s, batch_states=4 // len(sources), **where) for s in sources])  # type: ignore[arg-type]

    return fit(recipe, batches, out, fabric=build_fabric(Compute(accelerator="cpu"), recipe.optim))


class BreaksOff(TransitionLoader):
    """Fails while the fifth batch is fetched."""

    def __next__(self):  # type: ignore[no-untyped-def]
        if self.state_dict()["epoch"] * 4 + self.state_dict()["batch"] == 4:
            raise ConnectionError("the disk went away")
        return super().__next__()


def same(a: Fitted, b: Fitted) -> bool:
    other = b.model.state_dict()
    return all(torch.equal(value, other[name]) for name, value in a.model.state_dict().items())


def test_a_resumed_run_equals_a_whole_one_and_frozen_layers_never_change(
    model: SensorimotorModel, store: Store, tmp_path: Path
) -> None:
    """Also where the cache was lost in between."""
    whole = run(tmp_path / "whole", [source(model, store, tmp_path / "a")])
    with pytest.raises(ConnectionError):
        run(tmp_path / "parts", [source(model, store, tmp_path / "a")], BreaksOff)
    resumed = run(tmp_path / "parts", [source(model, store, tmp_path / "b")])
    assert resumed.step == 6
    assert same(resumed, whole)
    before, after = model.state_dict(), whole.model.state_dict()
    still = {name for name in before if torch.equal(before[name], after[name])}
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen <= still
    assert not {name for name, p in model.named_parameters() if p.requires_grad and p.ndim > 1} & still


def test_two_stores_in_one_batch_bring_their_own(model: SensorimotorModel, store: Store, tmp_path: Path) -> None:
    both = [store, stored(tmp_path / "other", seed=1)]
    sources = cached(model, both, tmp_path / "kept", numbers="float32", max_bytes=1e9, shown=False)
    batch = next(MixedLoader([TransitionLoader(s, batch_states=2, seed=0, prefetch=0) for s in sources]))[0]
    bare = next(MixedLoader([TransitionLoader(s, batch_states=2, seed=0, prefetch=0) for s in both]))[0]
    assert losses(model, batch, recipe_of()) == pytest.approx(losses(model, bare, recipe_of()), rel=1e-5, abs=1e-5)
