"""Speech recognition: recordings and streams to text."""
