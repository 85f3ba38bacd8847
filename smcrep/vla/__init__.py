"""Embeddings into policies: language alignment, action tokens and heads, fine-tuning, tokens beside a frozen tower, and
adapters to how others take encoders in. `pip install 'smcrep[vla]'`."""
