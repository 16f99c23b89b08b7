"""Dialogue: entities, moods and states of conversations, message by message."""
