"""FAST-type tokens: the transform is scipy's, BPE is exact, and smooth motions become few tokens."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import torch

from smcrep.vla.fast import FastTokenizer, cosine_matrix, fit_fast


def motions(n: int, seed: int, horizon: int = 16, num: int = 4) -> torch.Tensor:
    """Smooth reaches of a robot's arm: minimum-jerk moves between random targets, in metres and radians."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, horizon)[None, :, None]
    start, goal, phase = (rng.normal(size=(n, 1, num)) for _ in range(3))
    s = np.clip(t + 0.2 * phase, 0, 1)
    units = np.array([1.0, 0.2, 3.0, 0.05])[:num]
    return torch.tensor(units * (start + (goal - start) * (10 * s**3 - 15 * s**4 + 6 * s**5)) / 3, dtype=torch.float32)


@pytest.fixture(scope="module")
def tokenizer() -> FastTokenizer:
    return fit_fast(motions(600, 0))


@pytest.mark.parametrize("n", [1, 2, 16])
def test_the_transform_is_scipys(n: int) -> None:
    x = np.random.default_rng(0).normal(size=(n, 3))
    assert np.allclose(cosine_matrix(n).numpy() @ x, scipy.fft.dct(x, type=2, norm="ortho", axis=0), atol=1e-12)


def test_integers_are_the_papers_written_out(tokenizer: FastTokenizer) -> None:
    chunk = motions(1, 7)
    low, high = np.array(tokenizer.low), np.array(tokenizer.high)
    scaled = 2 * (chunk[0].double().numpy() - low) / (high - low) - 1
    wanted = np.round(10 * scipy.fft.dct(scaled, norm="ortho", axis=0)).astype(int)
    wanted = np.clip(wanted, tokenizer.lowest, tokenizer.highest)
    in_order = [wanted[frequency, number] for frequency in range(16) for number in range(4)]
    assert tokenizer.integers(chunk)[0].tolist() == in_order


def test_bpe_is_exact_on_motions_never_seen(tokenizer: FastTokenizer) -> None:
    chunks = motions(200, 1)
    assert torch.equal(tokenizer.decode_integers(tokenizer.encode(chunks)), tokenizer.integers(chunks))


def test_every_integer_of_the_range_has_a_token(tokenizer: FastTokenizer) -> None:
    """White noise is like no motion that the BPE was fitted to."""
    rng = np.random.default_rng(2)
    wild = torch.tensor(rng.uniform(tokenizer.low, tokenizer.high, (50, 16, 4)), dtype=torch.float32)
    assert torch.equal(tokenizer.decode_integers(tokenizer.encode(wild)), tokenizer.integers(wild))


def test_few_tokens_and_a_small_error(tokenizer: FastTokenizer) -> None:
    chunks = motions(200, 1)
    tokens = tokenizer.encode(chunks)
    assert chunks[0].numel() / np.mean([len(t) for t in tokens]) >= 5
    unit = (torch.tensor(tokenizer.high) - torch.tensor(tokenizer.low)) / 2
    inside = ((chunks - torch.tensor(tokenizer.low)) / (2 * unit)).clamp(-0.5, 1.5)
    error = ((tokenizer.decode(tokens) - chunks) / unit).abs()[(inside > -0.5) & (inside < 1.5)]
    assert error.mean() <= 0.02
    assert error.mean() > 1e-3  # rounded to a tenth: a smaller one would say that nothing was


def test_rounding_bounds_the_error(tokenizer: FastTokenizer) -> None:
    """The transform keeps lengths, so a chunk's error is at most 0.05 sqrt(h) on [-1, 1] for each number."""
    chunks = motions(50, 3)
    unit = (torch.tensor(tokenizer.high) - torch.tensor(tokenizer.low)) / 2
    inside = (tokenizer.integers(chunks) > tokenizer.lowest) & (tokenizer.integers(chunks) < tokenizer.highest)
    kept = inside.all(1)
    error = ((tokenizer.decode(tokenizer.encode(chunks)) - chunks) / unit)[kept]
    assert kept.sum() > 25
    assert error.norm(dim=1).max() <= 0.05 * 16**0.5 + 1e-4


def test_saved_and_loaded_it_gives_the_same(tokenizer: FastTokenizer, tmp_path: Path) -> None:
    tokens = tokenizer.encode(motions(5, 4))
    tokenizer.save(tmp_path / "fast.json")
    loaded = FastTokenizer.load(tmp_path / "fast.json")
    assert loaded == tokenizer
    assert loaded.encode(motions(5, 4)) == tokens
    assert torch.equal(loaded.decode(tokens), tokenizer.decode(tokens))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "smcrep fast"}', '{"format": "x"}', "\x00"])
def test_a_file_that_is_none_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "fast.json").write_text(text)
    with pytest.raises(ValueError, match="no tokenizer of") as error:
        FastTokenizer.load(tmp_path / "fast.json")
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="no such file"):
        FastTokenizer.load(tmp_path / "none.json")


def test_a_damaged_bpe_is_refused(tokenizer: FastTokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "fast.json")
    record = json.loads((tmp_path / "fast.json").read_text())
    (tmp_path / "fast.json").write_text(json.dumps(record | {"bpe": record["bpe"][:-10]}))
    with pytest.raises(ValueError, match="fit it again"):
        FastTokenizer.load(tmp_path / "fast.json")


def test_tokens_that_are_no_chunk_are_refused(tokenizer: FastTokenizer) -> None:
    tokens = tokenizer.encode(motions(1, 5))
    with pytest.raises(ValueError, match="a chunk has 64"):
        tokenizer.decode([tokens[0][:-1]])
    with pytest.raises(ValueError, match="give tokens of this tokenizer"):
        tokenizer.decode([[tokenizer.vocabulary]])


def test_actions_that_cannot_be_scaled_are_refused() -> None:
    still = motions(10, 0)
    still[..., 2] = 1.0
    with pytest.raises(ValueError, match=r"numbers \[2\] of the action never vary"):
        fit_fast(still)
    with pytest.raises(ValueError, match="lower scale"):
        fit_fast(motions(100, 0), scale=1000)
