"""The corpora of handwriting."""
