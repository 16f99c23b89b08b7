"""Reads pen strokes with NumPy and ONNX Runtime alone: python example.py strokes.json

The file is a list of strokes, each a list of points [x, y], y downwards. It lies beside the graph
of an exported model; without a file the golden input is read.
"""

import argparse
import json
import pathlib

import numpy as np
from front_end.ink import InkNormaliser, check_strokes
from front_end.standalone import GreedyText, whole

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("strokes", nargs="?", type=pathlib.Path)
    arguments = parser.parse_args()
    front_end = json.loads((HERE / "front_end.json").read_text("utf-8"))
    if arguments.strokes:
        strokes = [s for s in check_strokes(json.loads(arguments.strokes.read_text())) if len(s)]
        features = InkNormaliser(**front_end["features"]).features(strokes).features
    else:
        features = np.load(HERE / "golden.npz")["whole/in/features"][0]
    text = GreedyText(front_end["labels"], front_end["blank"])
    print(text(whole(HERE, features)))


if __name__ == "__main__":
    main()
