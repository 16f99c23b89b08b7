"""Training of character language models."""
