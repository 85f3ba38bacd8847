"""Search finds what plain cosines find; by inverted lists on disk too, and those are built once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from smcrep.extraction.index import failures
from smcrep.extraction.manifest import EmbeddingManifest
from smcrep.extraction.search import Search, best_part
from smcrep.extraction.shards import load_embeddings, write_shard
from tests.extraction.extractions import Extraction, extracted

MANIFEST = EmbeddingManifest("s", "0", "m", "0", 600, 100, 12, 8, ("rgb",), "0", parts=("fused", "fused.invariant"))
FAILED = (7, 350)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """600 rows in 30 clusters, of lengths from .1 to 10: (folder, their invariant parts)."""
    out = tmp_path_factory.mktemp("planted")
    rng = np.random.default_rng(0)
    centre = rng.normal(size=(30, 12))
    x = (centre[np.arange(600) % 30] + 0.1 * rng.normal(size=(600, 12))) * rng.uniform(0.1, 10, (600, 1))
    x[list(FAILED)] = 0
    fused = torch.from_numpy(x.astype(np.float32))
    for i in range(MANIFEST.num_shards):
        rows = MANIFEST.rows(i)
        part = fused[rows.start : rows.stop]
        tensors = {
            "fused": part,
            "fused.invariant": part[:, :8].contiguous(),
            "row": torch.arange(rows.start, rows.stop),
        }
        tensors["present"] = torch.ones(len(rows), 1, dtype=torch.bool)
        write_shard(i, MANIFEST, tensors, {row: "broken" for row in FAILED if row in rows}, out)
    return out, x[:, :8].astype(np.float32)


def plain(x: np.ndarray, query: np.ndarray, k: int) -> tuple[list[int], list[float]]:
    """By loops, failed rows left out."""
    found = []
    for row, vector in enumerate(x):
        if row not in FAILED:
            found.append((float(vector @ query) / float(np.linalg.norm(vector) * np.linalg.norm(query)), row))
    best = sorted(found, reverse=True)[:k]
    return [row for _, row in best], [cosine for cosine, _ in best]


def test_exact_search_is_that_of_plain_cosines(planted: tuple[Path, np.ndarray]) -> None:
    out, x = planted
    search = Search(out, MANIFEST)
    assert search.is_exact
    answers = search.nearest(search.vectors(np.array([3, 599])), 9)
    for i, row in enumerate((3, 599)):
        rows, cosine = plain(x, x[row], 9)
        assert rows[0] == row
        assert answers.rows[i].tolist() == rows
        np.testing.assert_allclose(answers.cosine[i], cosine, atol=1e-5)


def test_inverted_lists_on_disk_find_the_same_neighbours(planted: tuple[Path, np.ndarray]) -> None:
    out, x = planted
    search = Search(out, MANIFEST, exact_rows=100)
    assert not search.is_exact
    query = search.vectors(np.arange(0, 600, 13))
    answers = search.nearest(query, 5)
    wanted = [plain(x, q, 5)[0] for q in query]
    recall = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(answers.rows.tolist(), wanted, strict=True)])
    assert recall > 0.9
    assert not set(answers.rows.ravel().tolist()) & set(FAILED)
    search.index.nprobe = search.index.nlist
    everywhere = search.nearest(query, 5)
    assert everywhere.rows.tolist() == wanted


def test_inverted_lists_are_built_once_and_again_for_other_embeddings(planted: tuple[Path, np.ndarray]) -> None:
    out, _ = planted
    Search(out, MANIFEST, exact_rows=100)
    path = out / "search" / "lists.faiss"
    before = path.stat().st_mtime_ns
    Search(out, MANIFEST, exact_rows=100)
    assert path.stat().st_mtime_ns == before
    (out / "search" / "search.json").unlink()  # as a killed build leaves it
    Search(out, MANIFEST, exact_rows=100)
    assert path.stat().st_mtime_ns > before
    before = path.stat().st_mtime_ns
    Search(out, replace(MANIFEST, model_sha256="1"), exact_rows=100)
    assert path.stat().st_mtime_ns > before


def test_the_invariant_part_is_searched_by(tmp_path: Path) -> None:
    assert best_part(MANIFEST) == ("fused.invariant", slice(None))
    assert best_part(replace(MANIFEST, parts=("weight", "rgb", "fused"))) == ("fused", slice(0, 8))
    made: Extraction = extracted(tmp_path)
    assert failures(made.out) == (0, [])
    whole = load_embeddings(made.out, made.manifest)["fused"].numpy()[:, : made.manifest.num_invariant]
    search = Search(made.out, made.manifest)
    np.testing.assert_array_equal(search.vectors(np.arange(18)), whole)
    cosine = whole @ whole[4] / np.linalg.norm(whole, axis=1) / np.linalg.norm(whole[4])
    assert search.nearest(whole[4:5], 3).rows[0].tolist() == np.argsort(-cosine)[:3].tolist()
    with pytest.raises(ValueError, match="no vectors to search by in this extraction: it holds weight"):
        Search(made.out, replace(made.manifest, parts=("weight",)))


def test_more_answers_than_rows_and_empty_queries(planted: tuple[Path, np.ndarray]) -> None:
    out, _ = planted
    search = Search(out, MANIFEST)
    answers = search.nearest(search.vectors(np.array([1])), 700)
    assert (answers.rows[0] >= 0).sum() == 598
    with pytest.raises(ValueError, match="a query is not finite or has length 0"):
        search.nearest(search.vectors(np.array([7])), 3)
    with pytest.raises(ValueError, match="holds no vector 'weight'"):
        Search(out, MANIFEST, part="weight")
