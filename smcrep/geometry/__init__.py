"""Actions, rotations, physics parameters: the lowest layer of the package."""
