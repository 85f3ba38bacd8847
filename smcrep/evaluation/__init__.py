"""What a trained model knows: a store is seen through it once, and the probes are put to what it says."""
