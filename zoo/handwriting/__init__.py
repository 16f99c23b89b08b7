"""Handwriting recognition: lines, pages and pen strokes to text."""
