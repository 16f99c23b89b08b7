"""Training of speech recognisers."""
