"""Language models for a beam search. NumPy only, no TensorFlow."""
