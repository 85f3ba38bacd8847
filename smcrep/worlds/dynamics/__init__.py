"""What actions do to objects: bodies, contact, simulation."""
