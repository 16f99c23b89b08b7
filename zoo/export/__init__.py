"""A model as a folder for other runtimes: ONNX graphs, front end, golden outputs, an example."""
