"""Probes of frozen embeddings: functions of arrays and a seeded generator. Import each from its own file."""
