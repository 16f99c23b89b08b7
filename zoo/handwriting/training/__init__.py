"""Training of handwriting recognisers."""
