"""Objects: procedural families, mesh files, appearance."""
