from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from smcrep.report import figures


def test_each_part_is_drawn_under_its_name(figures_kept: list[Figure], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    invariant, equivariant = rng.normal(size=(2, 40, 2))
    objects = [f"o{i % 4}" for i in range(40)]
    figures.embedding_map(invariant, equivariant, objects, rng.uniform(-180, 180, 40), tmp_path / "map.png")
    for axis, part, drawn in zip(
        figures_kept[0].axes, ("Invariant", "Equivariant"), (invariant, equivariant), strict=False
    ):
        assert axis.get_title(loc="left").startswith(part)
        np.testing.assert_array_equal(axis.collections[0].get_offsets(), drawn)
