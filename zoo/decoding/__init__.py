"""Network outputs to readable results. NumPy only, no TensorFlow."""
