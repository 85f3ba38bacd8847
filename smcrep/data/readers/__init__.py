"""Foreign formats read as transitions, one file a format."""
