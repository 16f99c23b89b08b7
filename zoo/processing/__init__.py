"""Raw text, audio and images to arrays. NumPy and field libraries only, no TensorFlow."""
