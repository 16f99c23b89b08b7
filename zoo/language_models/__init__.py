"""Language models for beam search. NumPy only, no TensorFlow."""
