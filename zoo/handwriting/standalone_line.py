"""Reads the image of a line: python example.py line.png

It lies beside the graph of an exported model, with NumPy, ONNX Runtime and, for images, Pillow.
Without an image the golden input is read.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
from front_end.standalone import GreedyText, whole

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", nargs="?", type=pathlib.Path)
    arguments = parser.parse_args()
    front_end = json.loads((HERE / "front_end.json").read_text("utf-8"))
    if arguments.image:
        from front_end.line_image import LineNormaliser
        from PIL import Image

        grey = np.asarray(Image.open(arguments.image).convert("L"))
        columns = LineNormaliser(**front_end["features"]).normalise(grey).columns
    else:
        print("no image was given: this is what the golden input reads", file=sys.stderr)
        columns = np.load(HERE / "golden.npz")["whole/in/features"][0]
    text = GreedyText(front_end["labels"], front_end["blank"])
    print(text(whole(HERE, columns)) if len(columns) else "")


if __name__ == "__main__":
    main()
