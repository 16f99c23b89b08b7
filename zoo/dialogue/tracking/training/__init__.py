"""Training of trackers."""
