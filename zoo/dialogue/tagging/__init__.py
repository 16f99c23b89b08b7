"""Entities and intents of messages."""
