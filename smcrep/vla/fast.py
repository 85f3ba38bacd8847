"""Action tokens of the FAST type (arXiv:2501.09747, alg. 1): a cosine transform over time, then byte-pair encoding.

Chunks are scaled to [-1, 1] by their 1 % and 99 % quantiles, transformed along time, multiplied and rounded, flattened
with low frequencies first (all numbers of the action at one frequency, then the next), and joined by BPE.
"""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from smcrep.files import atomic_write_bytes
from smcrep.records import from_record

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FIRST_CHARACTER = 0x4E00
"""Integers become characters from here on: letters, so that no rule of a tokenizer takes them apart."""
MAX_SPREAD = 0x5000
"""So many letters follow each other there."""
MAX_FILE_BYTES = 1 << 26


def cosine_matrix(n: int) -> Tensor:
    """float64 [n, n], the orthonormal DCT-II: row f is sqrt((2 - [f = 0]) / n) cos(pi f (2 t + 1) / (2 n)). Its inverse
    is its transpose."""
    time, frequency = torch.arange(n, dtype=torch.float64), torch.arange(n, dtype=torch.float64)[:, None]
    matrix = (2 / n) ** 0.5 * torch.cos(torch.pi * frequency * (2 * time + 1) / (2 * n))
    matrix[0] /= 2**0.5
    return matrix


@dataclass(frozen=True)
class FastTokenizer:
    """Fitted by `fit_fast`. low, high [a]: the quantiles; lowest: the smallest integer that was seen; bpe: JSON of the
    `tokenizers` library."""

    horizon: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    scale: float
    lowest: int
    highest: int
    bpe: str

    @cached_property
    def _bpe(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        return Tokenizer.from_str(self.bpe)

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return self._bpe.get_vocab_size()

    def integers(self, chunks: Tensor) -> Tensor:
        """[b, h, a] -> int64 [b, h * a]: rounded coefficients, low frequencies first."""
        if chunks.ndim != 3 or chunks.shape[1:] != (self.horizon, len(self.low)) or not chunks.isfinite().all():
            raise ValueError(
                f"FastTokenizer: chunks are {list(chunks.shape)}; give finite numbers "
                f"[b, {self.horizon}, {len(self.low)}]"
            )
        scaled = _scaled(chunks, self.low, self.high)
        return _coefficients(scaled, self.scale).clamp(self.lowest, self.highest)

    def encode(self, chunks: Tensor) -> list[list[int]]:
        """[b, h, a] -> the tokens of each; as many as it needs. Coefficients beyond those that were seen in fitting are
        clipped to them."""
        texts = ["".join(chr(FIRST_CHARACTER + i - self.lowest) for i in row) for row in self.integers(chunks).tolist()]
        return [e.ids for e in self._bpe.encode_batch(texts)]

    def decode_integers(self, tokens: list[list[int]]) -> Tensor:
        """Tokens of each chunk -> int64 [b, h * a]. ValueError where they are no chunk: openpi returns zeros there,
        which a robot would execute."""
        count = self.horizon * len(self.low)
        rows = []
        for row in tokens:
            if any(not 0 <= t < self.vocabulary for t in row):
                raise ValueError(
                    f"FastTokenizer: tokens {max(row)} of {self.vocabulary}; give tokens of this tokenizer"
                )
            text = "".join(self._bpe.id_to_token(t) or "" for t in row)
            if len(text) != count:
                raise ValueError(
                    f"FastTokenizer: {len(row)} tokens hold {len(text)} coefficients, a chunk has {count}; stop, or "
                    "let the model try again"
                )
            rows.append([ord(c) - FIRST_CHARACTER + self.lowest for c in text])
        return torch.tensor(rows).view(-1, count)

    def decode(self, tokens: list[list[int]]) -> Tensor:
        """Tokens of each chunk -> float32 [b, h, a], in the action's units."""
        coefficients = self.decode_integers(tokens).double().unflatten(1, (self.horizon, -1)) / self.scale
        scaled = cosine_matrix(self.horizon).T @ coefficients
        low, high = torch.tensor(self.low, dtype=torch.float64), torch.tensor(self.high, dtype=torch.float64)
        return (low + (scaled + 1) / 2 * (high - low)).float()

    def save(self, path: str | Path) -> None:
        """One JSON file."""
        atomic_write_bytes(Path(path), json.dumps({"format": "smcrep fast", **asdict(self)}).encode())

    @classmethod
    def load(cls, path: str | Path) -> "FastTokenizer":
        """What `save` wrote; ValueError in one line for anything else."""
        path = Path(path)
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"{path}: no such file, or none of a tokenizer; give one that FastTokenizer.save wrote")
        try:
            record = json.loads(path.read_bytes())
            if record.pop("format") != "smcrep fast":
                raise ValueError("another format")
            found = from_record(cls, record, "tokenizer")
            _ = found.vocabulary  # parses the BPE
        except Exception as error:  # the BPE parser raises bare Exception
            reason = " ".join(str(error).split())[:100]
            raise ValueError(f"{path}: it is no tokenizer of FastTokenizer.save ({reason}); fit it again") from None
        return found


def fit_fast(chunks: Tensor, *, vocabulary: int = 1024, scale: float = 10.0, quantile: float = 0.01) -> FastTokenizer:
    """Fitted to chunks [n, h, a], in the action's units. scale and vocabulary are the paper's (sec. V-B): a larger
    scale is finer, and makes more tokens.

    The vocabulary holds every integer of the range seen, so any integer within it can be encoded, however rare.
    """
    from tokenizers import Tokenizer, models, trainers

    if chunks.ndim != 3 or not len(chunks) or not chunks.isfinite().all():
        raise ValueError(f"fit_fast: chunks are {list(chunks.shape)}; give finite numbers [n, horizon, a], n >= 1")
    flat = chunks.double().flatten(0, 1)
    low, high = (tuple(flat.quantile(q, 0).tolist()) for q in (quantile, 1 - quantile))
    if flat_numbers := [i for i, (a, b) in enumerate(zip(low, high, strict=True)) if not a < b]:
        raise ValueError(f"fit_fast: numbers {flat_numbers} of the action never vary; leave them out")
    integers = _coefficients(_scaled(chunks, low, high), scale)
    lowest, highest = int(integers.min()), int(integers.max())
    letters = [chr(FIRST_CHARACTER + i) for i in range(highest - lowest + 1)]
    if len(letters) > min(MAX_SPREAD, vocabulary):
        raise ValueError(
            f"fit_fast: coefficients lie in {lowest}..{highest}, {len(letters)} integers, and the vocabulary has "
            f"{vocabulary}; lower scale, raise vocabulary, or leave wild actions out"
        )
    bpe = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(  # type: ignore[call-arg]
        vocab_size=vocabulary, initial_alphabet=letters, show_progress=False, max_token_length=10_000
    )
    bpe.train_from_iterator(["".join(letters[i - lowest] for i in row) for row in integers.tolist()], trainer=trainer)
    return FastTokenizer(chunks.shape[1], low, high, scale, lowest, highest, bpe.to_str())


def _scaled(chunks: Tensor, low: tuple[float, ...], high: tuple[float, ...]) -> Tensor:
    """To [-1, 1] between the quantiles; beyond them further."""
    a, b = torch.tensor(low, dtype=torch.float64), torch.tensor(high, dtype=torch.float64)
    return 2 * (chunks.double() - a) / (b - a) - 1


def _coefficients(scaled: Tensor, scale: float) -> Tensor:
    return (cosine_matrix(scaled.shape[1]) @ scaled * scale).round().long().flatten(1)
