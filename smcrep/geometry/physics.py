"""Physics parameters of an object, and the vector that conditions a model on them."""

from dataclasses import dataclass

import numpy as np

PHYSICS_NAMES = ("log_mass", "friction", "restitution", "com_x", "com_y", "com_z")
PHYSICS_DIM = len(PHYSICS_NAMES)


@dataclass(frozen=True)
class Physics:
    """mass in kilograms; sliding friction coefficient; restitution in [0, 1); offset of the centre of mass from the
    centroid of the object, as a fraction of its half extents, object frame."""

    mass_kg: float = 0.2
    friction: float = 0.6
    restitution: float = 0.1
    com_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mass_kg) and self.mass_kg > 0):
            raise ValueError(f"Physics: mass_kg is {self.mass_kg}; give a finite mass above 0 kg")
        if not (np.isfinite(self.friction) and self.friction >= 0):
            raise ValueError(f"Physics: friction is {self.friction}; give a finite coefficient of at least 0")
        if not 0 <= self.restitution < 1:
            raise ValueError(f"Physics: restitution is {self.restitution}; give a number in [0, 1)")
        if not all(abs(c) < 1 for c in self.com_offset):
            raise ValueError(f"Physics: com_offset is {self.com_offset}; give three fractions in (-1, 1)")

    def vector(self) -> np.ndarray:
        """float32 [PHYSICS_DIM] in the order of PHYSICS_NAMES; the mass as its natural logarithm."""
        return np.array([np.log(self.mass_kg), self.friction, self.restitution, *self.com_offset], np.float32)
