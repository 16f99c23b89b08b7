"""Tags messages with NumPy and ONNX Runtime alone: python example.py "Hi, I'm Ana Lopez"

It lies beside the graph of an exported model. Values in a standard form, such as dates, are not
told here.
"""

import argparse
import pathlib

import numpy as np
from front_end.crf import Chain
from front_end.joining import code_tokens, entity_spans
from front_end.standalone import Folder


def softmax(logits):
    """Probabilities of ``(intents,)`` logits."""
    raised = np.exp(logits - logits.max())
    return raised / raised.sum()


def likely_intent(logits, front_end, settings):
    """The intent's name, or nothing if none is likely enough."""
    probabilities = softmax(logits / settings.get("intent_temperature", 1.0))
    if settings.get("outside") in front_end["intents"]:
        probabilities[front_end["intents"].index(settings["outside"])] = 0.0
    best = int(probabilities.argmax())
    is_likely = probabilities[best] >= settings.get("intent_threshold", 0.0)
    return front_end["intents"][best] if is_likely else ""


def tag(text, folder, graph):
    """The message with its entities in brackets, and before it what it is for."""
    tokens, inputs = folder.encode(text)
    names = [one["name"] for one in folder.model["graphs"]["whole"]["outputs"]]
    outputs = dict(zip(names, graph.run(names, inputs), strict=True))
    marked, end, intent = "", 0, ""
    if "emissions" in outputs and tokens:
        chain = Chain(
            *(np.array(folder.front_end["chain"][n]) for n in ("between", "start", "end"))
        )
        tags, _ = chain.viterbi(outputs["emissions"][0], code_tokens(tokens))
        for label, first, after, _ in entity_spans(tags, tokens):
            start, stop = tokens[first].start, tokens[after - 1].end
            marked += f"{text[end:start]}[{text[start:stop]}]({folder.front_end['labels'][label]})"
            end = stop
    if "intents" in outputs and tokens:
        intent = likely_intent(outputs["intents"][0], folder.front_end, folder.model["decoder"])
    return (f"{intent}: " if intent else "") + marked + text[end:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("messages", nargs="*", default=["Hi, I'm Ana Lopez"])
    arguments = parser.parse_args()
    folder = Folder(pathlib.Path(__file__).resolve().parent)
    graph = folder.session("whole")
    for text in arguments.messages:
        print(tag(text, folder, graph))


if __name__ == "__main__":
    main()
