"""What is acted on: procedural families, meshes of files, their appearance."""
