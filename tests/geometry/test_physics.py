"""The vector has its documented order; what no object has is refused by name."""

import numpy as np
import pytest

from smcrep.geometry.physics import PHYSICS_DIM, PHYSICS_NAMES, Physics


def test_the_vector_is_in_the_order_of_its_names() -> None:
    vector = Physics(mass_kg=np.e, friction=0.3, restitution=0.5, com_offset=(0.1, -0.2, 0.4)).vector()
    assert vector.dtype == np.float32
    named = dict(zip(PHYSICS_NAMES, vector.tolist(), strict=True))
    wanted = {"log_mass": 1, "friction": 0.3, "restitution": 0.5, "com_x": 0.1, "com_y": -0.2, "com_z": 0.4}
    assert named == pytest.approx(wanted)
    assert len(vector) == PHYSICS_DIM


def test_without_arguments_it_is_a_light_thing_of_even_density() -> None:
    assert Physics().vector() == pytest.approx(np.array([np.log(0.2), 0.6, 0.1, 0, 0, 0]))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mass_kg", (0.0, -1.0, np.nan, np.inf)),
        ("friction", (-0.1, np.nan, np.inf)),
        ("restitution", (-0.1, 1.0, np.nan)),
        ("com_offset", ((0, 1.0, 0), (-1.0, 0, 0), (0, 0, np.nan))),
    ],
)
def test_what_no_object_has_is_refused_by_name(name: str, values: tuple) -> None:
    for value in values:
        with pytest.raises(ValueError, match=f"Physics: {name} is .*; give "):
            Physics(**{name: value})


def test_limits_that_objects_have_are_kept() -> None:
    kept = Physics(mass_kg=1e-9, friction=0.0, restitution=0.0, com_offset=(-0.99, 0.99, 0))
    assert (kept.friction, kept.restitution) == (0, 0)
