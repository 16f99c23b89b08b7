"""Text generation: character language models."""
