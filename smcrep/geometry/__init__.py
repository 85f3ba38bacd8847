"""Actions, rotations, physics parameters: what every other room stands on."""
