"""What speech and handwriting recognition share: network parts, search, the task's base."""
