"""Readers of other formats, one file each."""
