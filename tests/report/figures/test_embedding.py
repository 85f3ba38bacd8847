from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from smcrep.report import figures


def test_each_part_is_drawn_under_its_name(figures_kept: list[Figure], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    invariant, equivariant = rng.normal(size=(2, 40, 2))
    objects = [f"o{i % 4}" for i in range(40)]
    figures.embedding_map(invariant, equivariant, objects, rng.uniform(-180, 180, 40), tmp_path / "map.png")
    by_object, by_heading, _ = figures_kept[0].axes
    assert by_object.get_title(loc="left").startswith("Invariant")
    assert by_heading.get_title(loc="left").startswith("Equivariant")
    for i, drawn in enumerate(by_object.collections):
        np.testing.assert_array_equal(drawn.get_offsets(), invariant[i::4])
    np.testing.assert_array_equal(by_heading.collections[0].get_offsets(), equivariant)
