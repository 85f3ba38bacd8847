"""What a run leaves for people: figures (`figures`) and one self-contained page (`page`)."""
