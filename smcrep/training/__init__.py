"""The loop: recipes say what is trained, `step` is its pure centre, `fit` runs it. Import each from its own file."""
