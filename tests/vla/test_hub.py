"""The mixin of the hub, from a folder, off line: the same embeddings, the same strict files."""

from pathlib import Path

import pytest
import torch

import smcrep
from tests.extraction.extractions import small_model

HubModel = pytest.importorskip("smcrep.vla.hub").HubModel


def test_saved_by_the_mixin_it_comes_back_to_the_bit(tmp_path: Path) -> None:
    model = smcrep.from_pretrained(small_model(tmp_path / "run"))
    HubModel(model).save_pretrained(tmp_path / "hub")
    loaded = HubModel.from_pretrained(tmp_path / "hub")
    cloud = 0.05 * torch.randn(3, 30, 3) + torch.tensor([0, 0, 0.5])
    assert torch.equal(loaded(points=cloud).fused, model.embed(points=cloud).fused)
    assert not loaded.training
    assert torch.equal(smcrep.load_model(tmp_path / "hub")[0].embed(points=cloud).fused, loaded(points=cloud).fused)


def test_weights_that_do_not_fit_are_refused_as_ever(tmp_path: Path) -> None:
    HubModel(smcrep.from_pretrained(small_model(tmp_path / "run"))).save_pretrained(tmp_path / "hub")
    (tmp_path / "hub" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match="cut or damaged"):
        HubModel.from_pretrained(tmp_path / "hub")


def test_no_folder_and_no_network_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"(?i)cached|local|find"):
        HubModel.from_pretrained("nobody/nothing", local_files_only=True, cache_dir=tmp_path)
