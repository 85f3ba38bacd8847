"""What a camera senses of objects: casting, shading, sensors, environments."""
