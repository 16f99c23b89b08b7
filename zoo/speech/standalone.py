"""Speech to text with NumPy and a runtime alone: python example.py recording.wav [--stream]

It lies beside the graphs of an exported model and reads what they need from ``front_end.json``. A
recording is 16-bit PCM WAV at the model's sample rate; without one, the golden input is recognised.
"""

import argparse
import json
import pathlib
import sys
import wave

import numpy as np
from front_end.runner import open_graph
from front_end.standalone import GreedyText, whole

HERE = pathlib.Path(__file__).resolve().parent


def read_wav(path, rate):
    """The first channel of a WAV file, float32 in [-1, 1]."""
    try:
        stream = wave.open(str(path), "rb")  # noqa: SIM115
    except (OSError, EOFError, wave.Error) as error:
        raise SystemExit(f"{path} is no WAV file that can be read: {error}") from None
    with stream:
        if stream.getsampwidth() != 2 or stream.getframerate() != rate:
            raise SystemExit(f"{path} must be 16-bit PCM at {rate} Hz")
        pcm = np.frombuffer(stream.readframes(stream.getnframes()), "<i2")
        return pcm[:: stream.getnchannels()].astype(np.float32) / 32768


def log_mel(samples, front_end):
    """Log-mel energies ``(frames, bins)`` of ``(samples,)``."""
    window, hop, size = (front_end[name] for name in ("window", "hop", "fft"))
    count = max(0, 1 + (len(samples) - window) // hop)
    places = np.arange(count)[:, None] * hop + np.arange(window)
    frames = np.asarray(samples, np.float64)[places]
    frames -= frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames -= front_end["pre_emphasis"] * before
    turn = 2 * np.pi * np.arange(window) / (window - 1)
    frames *= (0.5 - 0.5 * np.cos(turn)) ** front_end["povey_exponent"]
    power = np.abs(np.fft.rfft(frames, size)) ** 2
    energies = np.zeros((count, len(front_end["filters"])))
    for number, one in enumerate(front_end["filters"]):
        first, weights = one["first"], np.asarray(one["weights"])
        energies[:, number] = power[:, first : first + len(weights)] @ weights
    return np.log(np.maximum(energies, front_end["energy_floor"]))


class Normaliser:
    """Brings each bin to mean 0 and deviation 1."""

    def __init__(self, front_end):
        self.settings = front_end
        self.count = front_end["prior_frames"]
        self.mean = np.array(front_end["prior_mean"])
        self.variance = np.square(front_end["prior_deviation"])

    def __call__(self, frames):
        floor, kind = self.settings["deviation_floor"], self.settings["normalisation"]
        if kind == "fixed":
            return ((frames - self.mean) / np.maximum(np.sqrt(self.variance), floor)).astype("f4")
        if kind == "utterance":
            return ((frames - frames.mean(0)) / np.maximum(frames.std(0), floor)).astype("f4")
        result = np.empty(frames.shape, np.float32)
        for row, frame in enumerate(frames):  # running mean and variance
            self.count = min(self.count + 1, self.settings["memory_frames"])
            before = frame - self.mean
            self.mean = self.mean + before / self.count
            after = frame - self.mean
            self.variance = self.variance + (before * after - self.variance) / self.count
            result[row] = after / np.maximum(np.sqrt(self.variance), floor)
        return result


def streamed(features, front_end, model):
    """The same a few frames at a time: log-probabilities as soon as they are known."""
    graph = model["graphs"]["chunk"]
    chunk, step = open_graph(HERE, "chunk"), front_end["subsampling"]
    state = {
        one["name"]: np.zeros([1 if size == "batch" else size for size in one["shape"]], np.float32)
        for one in graph["inputs"]
        if one["name"] in graph["states"]
    }
    ahead = model["config"]["look_ahead"]
    steps = -(-len(features) // step)
    padded = np.zeros((steps * step, features.shape[1]), np.float32)
    padded[: len(features)] = features
    silence = np.zeros((step, features.shape[1]), np.float32)
    for number in range(steps + ahead):
        real = number < steps
        frames = padded[number * step : (number + 1) * step] if real else silence
        inputs = {"features": frames[None], "real": np.full((1, 1), real, np.float32), **state}
        log_probs, *after = chunk.run(["log_probs", *graph["states"].values()], inputs)
        state = dict(zip(graph["states"], after, strict=True))
        if number >= ahead:
            yield log_probs[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", nargs="?", type=pathlib.Path)
    parser.add_argument("--stream", action="store_true", help="a step at a time")
    arguments = parser.parse_args()
    front_end = json.loads((HERE / "front_end.json").read_text("utf-8"))
    model = json.loads((HERE / "model.json").read_text("utf-8"))
    if arguments.recording:
        samples = read_wav(arguments.recording, front_end["sample_rate"])
        features = Normaliser(front_end)(log_mel(samples, front_end))
    else:
        print("no recording was given: this is what the golden input reads", file=sys.stderr)
        golden = np.load(HERE / "golden.npz")
        features = golden[f"{next(iter(model['graphs']))}/in/features"][0]
    text = GreedyText(front_end["labels"], front_end["blank"])
    if "whole" in model["graphs"] and not arguments.stream:
        print(text(whole(HERE, features)))
        return
    for log_probs in streamed(features, front_end, model):
        print(text(log_probs), end="", flush=True)
    print()


if __name__ == "__main__":
    main()
