"""Laws of a sense."""

import numpy as np
import torch

from smcrep.records import from_record, to_record
from smcrep.senses import Sense


def assert_sense_laws(sense: Sense, sample: np.ndarray, *, trunk_dim: int = 8, seed: int = 0) -> None:
    """``sample`` [n >= 3, ...]: raw observations. Checked, they are a tensor of n rows, as often as one likes; settings
    go to JSON and back; the encoder gives two finite [n, trunk_dim], each observation whatever its neighbours are, also
    for an empty batch; thinning and augmentation keep the batch axes and the type, and are drawn from the generator."""
    checked = sense.check(sample)
    assert len(checked) == len(sample) >= 3, f"check gives {len(checked)} rows of {len(sample)}"
    assert torch.equal(sense.check(checked), checked), "checking twice changes the observations"
    assert sense.item_ndim == checked.ndim - 1, (
        f"item_shape says {sense.item_ndim} axes, the sample has {checked.ndim - 1}"
    )

    settings = sense.fit(sense.settings(), checked)
    again = from_record(type(settings), to_record(settings), f"settings of {sense.name}")
    assert again == settings, f"settings change on their way through JSON: {settings} and {again}"

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        encoder = sense.encoder(settings, trunk_dim).eval()
    with torch.no_grad():
        batch = encoder(checked)
        alone = [torch.cat(parts) for parts in zip(*(encoder(row[None]) for row in checked), strict=True)]
        empty = encoder(checked[:0])
    for part, one_by_one, none in zip(batch, alone, empty, strict=True):
        assert part.shape == (len(sample), trunk_dim), f"the encoder gives {list(part.shape)}"
        assert part.isfinite().all(), "features are not finite"
        assert torch.allclose(part, one_by_one, atol=1e-4), "an observation's features depend on its neighbours"
        assert none.shape == (0, trunk_dim), f"an empty batch gives {list(none.shape)}"

    views = checked[:2][:, None]
    for name in ("thin", "augment"):
        change = getattr(sense, name)
        once, twice = (change(settings, views, torch.Generator().manual_seed(seed)) for _ in range(2))
        assert torch.equal(once, twice), f"{name} draws from elsewhere than its generator"
        assert once.shape[:2] == views.shape[:2], f"{name} changes axes: {list(once.shape)}"
        assert once.dtype == views.dtype, f"{name} changes the type: {once.dtype}"
