"""Foreign formats, one file a format."""
