"""The function that LeRobot's step calls gives what smcrep's extraction writes, of LeRobot's tensors."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from smcrep.extraction.extract import extract
from smcrep.extraction.output import Output
from smcrep.files import atomic_write_bytes
from tests.distributions.files import module
from tests.extraction.extractions import Extraction, extracted, small_model

encoder = module("lerobot_policy_smcrep", "encoder")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Extraction:
    return extracted(tmp_path_factory.mktemp("extracted"), rows_per_shard=18)


def as_lerobot_gives(done: Extraction) -> dict[str, torch.Tensor]:
    """All rows: pictures [b, 3, h, w] of 0 to 1, clouds [b, n, 3]."""
    read = done.manifest.source.open().read(range(done.manifest.num_rows), ["rgb", "points"])
    rgb, points = (torch.from_numpy(np.stack(read.data[name])) for name in ("rgb", "points"))  # type: ignore[arg-type]
    return {"rgb": rgb.permute(0, 3, 1, 2).float() / 255, "points": points}


@pytest.mark.parametrize("part", ["fused", "fused.invariant", "rgb", "points.equivariant", "weight"])
def test_on_line_equals_what_was_extracted(done: Extraction, tmp_path: Path, part: str) -> None:
    manifest = extract(done.run, done.store, tmp_path / "out", output=Output((part,)), rows_per_shard=18)
    stored = load_file(manifest.shard(tmp_path / "out", 0))[part]
    made = encoder.Encoder(str(done.run), part, False)
    found = made(as_lerobot_gives(done))
    assert torch.equal(found, stored)
    assert made.dim == stored.shape[1]
    assert part == "weight" or stored.std(0).max() > 1e-4  # weights of a fresh model are all equal


def test_normalised_vectors_have_length_one(done: Extraction) -> None:
    found = encoder.Encoder(str(done.run), "fused", True)(as_lerobot_gives(done))
    assert torch.allclose(found.norm(dim=1), torch.ones(len(found)))


def test_leading_axes_are_kept(done: Extraction) -> None:
    """A policy that looks at two moments asks for [b, 2, ...]; one observation without a batch is one vector."""
    made, given = encoder.Encoder(str(done.run), "fused", False), as_lerobot_gives(done)
    flat = made(given)
    pairs = made({name: x.reshape(9, 2, *x.shape[1:]) for name, x in given.items()})
    assert torch.equal(pairs.reshape(18, -1), flat)
    alone = made({name: x[3] for name, x in given.items()})
    assert alone.shape == (made.dim,)
    assert torch.allclose(alone, flat[3], atol=1e-5)


def test_a_sense_that_is_left_out_is_absent(done: Extraction) -> None:
    made, given = encoder.Encoder(str(done.run), "weight", False), as_lerobot_gives(done)
    assert made.model.config.names == ("rgb", "points")
    assert bool((made({"rgb": given["rgb"]})[:, 1] == 0).all())
    assert bool((made(given)[:, 1] > 0).all())


def test_every_byte_survives_lerobots_scaling() -> None:
    bytes_ = torch.arange(256, dtype=torch.uint8).repeat(3).reshape(3, 16, 16)
    assert torch.equal(encoder.picture(bytes_.float() / 255), bytes_.permute(1, 2, 0))
    assert torch.equal(encoder.picture(bytes_), bytes_.permute(1, 2, 0))


def test_what_is_no_picture_of_lerobot_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(16, 16, 3\); LeRobot's are \[..., 3, h, w\]"):
        encoder.picture(torch.zeros(16, 16, 3))
    with pytest.raises(ValueError, match="embed before normalising"):
        encoder.picture(torch.full((3, 4, 4), -1.5))


def test_other_weights_are_refused(done: Extraction, tmp_path: Path) -> None:
    run = small_model(tmp_path / "run")
    known = encoder.known_encoder(str(run), "fused", False, "").sha256
    assert encoder.known_encoder(str(run), "fused", False, known).sha256 == known
    encoder.encoder.cache_clear()
    other = small_model(tmp_path / "other", seed=1)
    weights = (other / "model" / "model.safetensors").read_bytes()
    atomic_write_bytes(run / "model" / "model.safetensors", weights)
    with pytest.raises(ValueError, match="give the folder of the model that the policy was trained with"):
        encoder.known_encoder(str(run), "fused", False, known)


def test_unknown_parts_senses_and_mixed_batches_have_one_line(done: Extraction) -> None:
    with pytest.raises(ValueError, match="part 'smell' is not known"):
        encoder.Encoder(str(done.run), "smell", False)
    with pytest.raises(ValueError, match="a policy takes one vector"):
        encoder.Encoder(str(done.run), "rgb.tokens", False)
    made, given = encoder.Encoder(str(done.run), "fused", False), as_lerobot_gives(done)
    with pytest.raises(ValueError, match="no sense 'smell'; it has rgb, points"):
        made.check({"smell": "observation.smell"})
    with pytest.raises(ValueError, match="differ in their leading axes"):
        made(given | {"rgb": given["rgb"][:5]})
