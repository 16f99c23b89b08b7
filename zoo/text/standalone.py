"""Writes text with NumPy and a runtime alone: python example.py "ROMEO:" [--length 200]

It lies beside the graph of an exported model.
"""

import argparse
import json
import pathlib

import numpy as np
from front_end.runner import open_graph

HERE = pathlib.Path(__file__).resolve().parent


def choose(log_probs, temperature, top_k, top_p, random):
    """Draw an id from ``(vocabulary,)`` natural log-probabilities; temperature 0 takes the best."""
    if temperature == 0:
        return int(log_probs.argmax())
    scaled = log_probs / temperature
    order = np.argsort(-scaled, kind="stable")
    if top_k:
        order = order[:top_k]
    probs = np.exp(scaled[order] - scaled[order[0]])
    probs /= probs.sum()
    kept = max(1, int(np.searchsorted(np.cumsum(probs), top_p) + 1))
    probs = probs[:kept] / probs[:kept].sum()
    return int(random.choice(order[:kept], p=probs))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prompt", nargs="?", default="The ")
    parser.add_argument("--length", type=int, default=200, help="characters to write")
    parser.add_argument("--temperature", type=float, help="0 takes the likeliest character")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    model = json.loads((HERE / "model.json").read_text("utf-8"))
    characters = json.loads((HERE / "front_end.json").read_text("utf-8"))["characters"]
    settings = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, **model["decoder"]}
    if arguments.temperature is not None:
        settings["temperature"] = arguments.temperature
    unknown = sorted(set(arguments.prompt) - set(characters))
    if unknown or not arguments.prompt:
        raise SystemExit(f"the prompt must be of characters that the model knows, not {unknown}")

    graph = model["graphs"]["step"]
    step = open_graph(HERE, "step")
    state = {
        one["name"]: np.zeros([1 if size == "batch" else size for size in one["shape"]], np.float32)
        for one in graph["inputs"]
        if one["name"] in graph["states"]
    }
    random = np.random.default_rng(arguments.seed)
    ids = [characters.index(character) for character in arguments.prompt]
    print(arguments.prompt, end="")
    prompted = len(ids)
    for number in range(prompted + arguments.length - 1):
        inputs = {"ids": np.array([[ids[number]]], np.int32), **state}
        log_probs, *after = step.run(["log_probs", *graph["states"].values()], inputs)
        state = dict(zip(graph["states"], after, strict=True))
        if number < prompted - 1:
            continue
        best = choose(log_probs[0, -1].astype(np.float64), random=random, **settings)
        print(characters[best], end="", flush=True)
        ids.append(best)
    print()


if __name__ == "__main__":
    main()
