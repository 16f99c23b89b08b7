"""Tells the mood of messages, with NumPy and ONNX Runtime alone:
python example.py "ana: Great, thanks!" "ben: This is awful"

It lies beside the graph of an exported model. The messages are those of one conversation; what
stands before the first ": " is the speaker.
"""

import argparse
import pathlib

import numpy as np
from front_end.results import Mood
from front_end.speakers import speaker_number
from front_end.standalone import Folder


def follow(messages, folder):
    """The mood of each message, a pair of text and speaker."""
    graph, facts = folder.session("step"), folder.model["graphs"]["step"]
    settings = folder.model["decoder"]
    valences, weight = settings.get("valence", {}), settings.get("weight", 0.4)
    state = {
        one["name"]: np.zeros((1, one["shape"][1]), np.float32)
        for one in facts["inputs"]
        if one["name"] in facts["states"]
    }
    speakers, levels = [], {}
    for text, speaker in messages:
        number, speakers = speaker_number(speaker, speakers)
        _, inputs = folder.encode(text)
        inputs |= {"speaker": np.array([number], np.int32), **state}
        logits, *after = graph.run(["moods", *facts["states"].values()], inputs)
        state = dict(zip(facts["states"], after, strict=True))
        scaled = logits[0].astype(np.float64) / settings.get("temperature", 1.0)
        shares = np.exp(scaled - scaled.max())
        shares = dict(zip(folder.front_end["moods"], (shares / shares.sum()).tolist(), strict=True))
        valence = sum(share * valences.get(name, 0.0) for name, share in shares.items())
        before = levels.get(speaker)
        level = valence if before is None else before + weight * (valence - before)
        levels[speaker] = level
        trend = level - (0.0 if before is None else before)
        best = max(shares, key=shares.get)
        escalate = level < settings.get("threshold", -0.3)
        yield Mood(text, speaker, best, shares, valence, level, trend, escalate)


def main():
    parser = argparse.ArgumentParser(description="Tells the mood of the messages of a conversation")
    parser.add_argument("messages", nargs="*", default=["ana: Great, thanks!", "ben: Awful!"])
    arguments = parser.parse_args()
    messages = []
    for one in arguments.messages:
        speaker, colon, text = one.partition(": ")
        messages.append((text, speaker) if colon else (one, ""))
    for mood in follow(messages, Folder(pathlib.Path(__file__).resolve().parent)):
        print(mood)


if __name__ == "__main__":
    main()
