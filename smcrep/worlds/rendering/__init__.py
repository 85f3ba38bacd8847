"""Rendering: ray casting, shading, sensors, environments."""
