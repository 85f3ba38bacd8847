"""The planted demonstrations are what they say, and `follows` is 1 for the demonstrator and 0 for the deaf."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.vla import planted_policies as planted
from smcrep.vla.policy import Sources


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def senses() -> planted.Senses:
    return planted.Senses.draw(generator(1))


class Decoder:
    """Undoes the embeddings, which it knows, and acts as the demonstrator; deaf to one signal."""

    def __init__(self, senses: planted.Senses, deaf_to: str = "") -> None:
        self.senses, self.deaf_to = senses, deaf_to

    def act(self, sources: Sources) -> Tensor:
        meaning = {}
        for name, matrix in self.senses.mixing.items():
            meaning[name] = (torch.atanh(sources.data[name].double()) @ torch.linalg.pinv(matrix.double()))[:, :2]
        apart = torch.cdist(sources.data["language"], self.senses.sentences.flatten(0, 1))
        meaning["language"] = torch.eye(planted.NUM_WAYS)[apart.argmin(1) // planted.NUM_SENTENCES]
        if self.deaf_to:
            meaning[self.deaf_to] = meaning[self.deaf_to][:1].expand(len(apart), -1)
        return planted.demonstrated({name: x.float() for name, x in meaning.items()})


@pytest.mark.parametrize("deaf_to", ["", *planted.SIGNALS])
def test_follows_is_1_for_the_demonstrator_and_0_for_the_deaf(
    senses: planted.Senses, deaf_to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planted, "NOISE", 0.0)
    decoder: Any = Decoder(senses, deaf_to)
    found = planted.follows(decoder, senses, generator())
    for name in planted.SIGNALS:
        if name == deaf_to or deaf_to not in ("vision", "language"):  # these two act on each other
            assert found[name] == pytest.approx(0 if name == deaf_to else 1, abs=0.03)


def test_demonstrator_turns_the_thing_by_its_way() -> None:
    meaning = planted.meanings(20, generator())
    chunk = planted.demonstrated(meaning)
    for i in range(20):
        way = int(meaning["language"][i].argmax())
        goal = np.exp(0.5j * (way - 1)) * complex(*meaning["vision"][i]) + 1.5 * np.exp(2j * np.pi * way / 3)
        goal += complex(*meaning["cloud"][i]) + complex(*meaning["history"][i])
        np.testing.assert_allclose(chunk[i, -1], [goal.real, goal.imag], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(chunk[i, 0], chunk[i, -1] / planted.HORIZON, rtol=1e-5)


@pytest.mark.parametrize("signal", planted.SIGNALS)
def test_constant_signal_stands_still(senses: planted.Senses, signal: str) -> None:
    logged = planted.logged(senses, 30, generator(), blind_to=signal, kind="constant")
    for name in planted.SIGNALS:
        assert bool((logged.signals[name] == logged.signals[name][0]).all()) == (name == signal)


def test_told_twice_is_out_of_step_and_the_state_tells_it(senses: planted.Senses) -> None:
    clean = planted.logged(senses, 30, generator())
    told = planted.logged(senses, 30, generator(), blind_to="cloud", kind="told_twice")
    torch.testing.assert_close(told.signals["cloud"], clean.signals["cloud"].roll(planted.FRAMES, 0))
    torch.testing.assert_close(told.actions, clean.actions)
    cloud = planted.meanings(30, generator())["cloud"].repeat_interleave(planted.FRAMES, 0)
    torch.testing.assert_close(told.signals["state"][:, :2], cloud)
    assert not torch.allclose(clean.signals["state"][:, :2], cloud)
