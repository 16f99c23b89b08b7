"""Translates with NumPy and ONNX Runtime alone: python example.py fr "Where is the station?"

It lies beside the graphs of an exported model. The likeliest token is taken at each step; the model
itself searches with a beam and reranks by the backward model, which is better.
"""

import argparse
import itertools
import json
import pathlib
import unicodedata

import numpy as np
from front_end.runner import open_graph

HERE = pathlib.Path(__file__).resolve().parent
LONGEST = 200


class Subwords:
    """Text to ids of pieces and back: byte-pair encoding, joined in the order of the scores."""

    def __init__(self, front_end):
        self.pieces = [piece for piece, _, _ in front_end["pieces"]]
        self.ids = {piece: number for number, piece in enumerate(self.pieces)}
        self.scores = {
            piece: score for piece, score, kind in front_end["pieces"] if kind == "normal"
        }
        self.fixed = {piece for piece, _, kind in front_end["pieces"] if kind == "fixed"}
        self.longest = max(map(len, self.fixed), default=1)
        self.begin, self.end = front_end["begin"], front_end["end"]

    def encode(self, text):
        """Ids of a text."""
        text = "▁" + " ".join(unicodedata.normalize("NFC", text).split()).replace(" ", "▁")
        parts, place = [], 0
        while place < len(text):  # punctuation and the like are pieces of their own
            lengths = range(min(self.longest, len(text) - place), 0, -1)
            length = next((n for n in lengths if text[place : place + n] in self.fixed), 1)
            parts.append(text[place : place + length])
            place += length
        while True:
            pairs = [
                (-self.scores[a + b], place)
                for place, (a, b) in enumerate(itertools.pairwise(parts))
                if a + b in self.scores and a not in self.fixed and b not in self.fixed
            ]
            if not pairs:
                break
            _, place = min(pairs)
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        ids = []
        for part in parts:  # what is not a piece is written as the bytes of UTF-8
            spelled = [part] if part in self.ids else [f"<0x{b:02X}>" for b in part.encode()]
            ids += [self.ids[piece] for piece in spelled]
        return ids

    def decode(self, ids):
        """The text of ids."""
        data = b""
        for piece in (self.pieces[number] for number in ids):
            is_byte = piece.startswith("<0x") and len(piece) == 6
            data += bytes([int(piece[3:5], 16)]) if is_byte else piece.encode()
        return data.decode(errors="replace").replace("▁", " ").strip()


def translate(text, target, front_end, model):
    """The translation of one sentence."""
    subwords = Subwords(front_end)
    source = [subwords.ids[f"<2{target}>"], *subwords.encode(text), subwords.end]
    graphs = model["graphs"]
    names = [one["name"] for one in graphs["encoder"]["outputs"]]
    values = open_graph(HERE, "encoder").run(names, {"source": np.array([source], np.int32)})
    inputs = dict(zip(names, values, strict=True))
    for one in graphs["step"]["inputs"]:  # what begins as zeros, such as the last answer
        if one["name"] in graphs["step"]["states"] and one["name"] not in inputs:
            inputs[one["name"]] = np.zeros([1, one["shape"][1]], np.float32)
    step, written, token = open_graph(HERE, "step"), [], subwords.begin
    states = graphs["step"]["states"]
    while len(written) < LONGEST:
        inputs["tokens"], inputs["k"] = np.array([token], np.int32), np.array([1], np.int64)
        best, *after = step.run(["best_tokens", *states.values()], inputs)
        inputs.update(zip(states, after, strict=True))
        token = int(best[0, 0])
        if token == subwords.end:
            break
        written.append(token)
    return subwords.decode(written)


def main():
    front_end = json.loads((HERE / "front_end.json").read_text("utf-8"))
    model = json.loads((HERE / "model.json").read_text("utf-8"))
    targets = sorted({target for _, target in front_end["directions"]})
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="?", choices=targets, default=targets[0])
    parser.add_argument("text", nargs="?", default="Where is the station?")
    arguments = parser.parse_args()
    print(translate(arguments.text, arguments.target, front_end, model))


if __name__ == "__main__":
    main()
