"""A task of its own: which language a line of text is written in."""
