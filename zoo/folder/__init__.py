"""The model folder: its manifest, reading and writing, and the model card."""
