"""Moods of messages in their conversation."""
