"""The corpora of speech."""
