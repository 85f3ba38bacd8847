"""Embeddings on disk: `shards` makes one shard, `extract` makes those that are missing, `verify` checks all."""
