"""Decoding: from network outputs to readable results. NumPy only, no TensorFlow."""
