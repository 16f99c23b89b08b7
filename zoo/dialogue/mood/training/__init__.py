"""Training of mood readers."""
