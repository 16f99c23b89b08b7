"""Follows what is asked for, with NumPy and ONNX Runtime alone:
python example.py "Cheap food in the north" "system: What food would you like?" "thai"

It lies beside the graphs of an exported model. The messages are those of one dialogue; those that
begin with "system: " are what the next one answers.
"""

import argparse
import pathlib

import numpy as np
from front_end.ontology import CARELESS, DONT_CARE, NOTHING, RULED_OUT, Ontology
from front_end.results import DialogueState
from front_end.standalone import Folder
from front_end.tokens import word_key
from front_end.word_ids import UNKNOWN

SYSTEM = "system: "
MOST_ANSWERED = 2_000  # characters of what the next message answers


def likeness(token, word, front_end):
    """How far two words look alike, from 0 to 1: by edit distance if they begin alike."""
    if token == word:
        return 1.0
    if len(token) < front_end["shortest"] or not word or token[0] != word[0]:
        return 0.0
    row = np.arange(len(word) + 1)
    for number, letter in enumerate(token, 1):
        before, row[0] = row.copy(), number
        for place, other in enumerate(word, 1):
            changed = before[place - 1] + (letter != other)
            row[place] = min(changed, before[place] + 1, row[place - 1] + 1)
    alike = 1 - row[-1] / max(len(token), len(word))
    return float(alike) if alike >= front_end["like"] else 0.0


class Tracker:
    """The graphs of a folder, and where the dialogue stands."""

    def __init__(self, folder):
        self.folder, self.settings = folder, folder.model["decoder"]
        self.ontology = Ontology.from_values(folder.front_end["ontology"])
        self.text, self.scores = folder.session("text"), folder.session("scores")
        found = self.ontology.candidates
        inputs = {
            "value_words": self.rows([one.words for one in found]),
            "slot_words": self.rows([tuple(one.slot.lower().split()) for one in found]),
            "kinds": np.array([one.kind for one in found], np.int32),
        }
        names = ("subject", "slot")
        outputs = folder.session("candidates").run(names, inputs)
        self.subject = dict(zip(names, outputs, strict=True))
        self.slots, self.sure, self.reply_to = {}, {}, ""

    def rows(self, names):
        """Ids of words, ``(candidates, words)``, padded with 0."""
        most = self.folder.front_end["candidate_words"]
        ids = np.zeros((len(names), min(max(map(len, names)), most) or 1), np.int32)
        for row, words in enumerate(names):
            found = [self.folder.words.get(word, UNKNOWN) for word in words[:most]]
            ids[row, : len(found)] = found
        return ids

    def hear(self, text, name):
        """A text as the scores see it, and whether there is anything in it."""
        tokens, inputs = self.folder.encode(text)
        arrays = self.text.run(["tokens", "real"], inputs)
        found = self.ontology.candidates
        keys = [word_key(token.text) for token in tokens]
        different = {word for one in found for word in one.words}
        alike = {
            word: [likeness(key, word, self.folder.front_end) for key in keys] for word in different
        }
        match = np.zeros((1, max(len(keys), 1), len(found)), np.float32)
        covered = np.zeros((1, len(found)), np.float32)
        for number, one in enumerate(found):
            if keys and one.words:
                nearest = np.array([alike[word] for word in one.words])
                match[0, :, number] = nearest.max(axis=0)
                covered[0, number] = nearest.max(axis=1).mean()
        arrays += [match, covered]
        names = [f"{name}_{part}" for part in ("tokens", "real", "match", "covered")]
        return dict(zip(names, arrays, strict=True)), bool(keys)

    def held(self):
        """1 for the values that the state has, ``(1, candidates)``."""
        held = []
        for one in self.ontology.candidates:
            value = self.slots.get(one.slot)
            wanted = DONT_CARE if one.kind == CARELESS else one.value
            held.append(value is None if one.kind == NOTHING else value == wanted)
        held = np.array([held], np.float32)
        held[:, self.ontology.questions] = 0.0
        return held

    def read(self, text):
        """The state after a message."""
        if text.startswith(SYSTEM):
            text = text.removeprefix(SYSTEM)
            self.reply_to = "\n".join(filter(None, (self.reply_to, text)))[-MOST_ANSWERED:]
            return DialogueState(text, "system", dict(self.slots), dict(self.sure))
        message, spoken = self.hear(text, "message")
        replied, _ = self.hear(self.reply_to, "reply_to")
        inputs = {**message, **replied, **self.subject, "held": self.held()}
        self.reply_to, requests = "", ()
        if spoken:
            (logits,) = self.scores.run(["scores"], inputs)
            covered = message["message_covered"][0], replied["reply_to_covered"][0]
            logits[0, self.ontology.half_said(*covered)] = RULED_OUT
            requests = self.decide(logits[0].astype(np.float64))
        return DialogueState(text, "", dict(self.slots), dict(self.sure), requests)

    def decide(self, logits):
        """Change the state by the scores of the candidates, and tell what is asked for."""
        for slot, place in self.ontology.groups.items():
            scores = logits[place].copy()
            scores[0] += self.settings.get("slot_margin", 0.0)
            best, raised = int(scores.argmax()), np.exp(scores - scores.max())
            one = self.ontology.candidates[place.start + best]
            if one.kind != NOTHING:
                self.slots[slot] = DONT_CARE if one.kind == CARELESS else one.value
                self.sure[slot] = float(raised[best] / raised.sum())
        asked = 1 / (1 + np.exp(-logits[self.ontology.questions]))
        least = self.settings.get("request_threshold", 0.5)
        names = zip(self.ontology.requests, asked, strict=True)
        return tuple(name for name, share in names if share >= least)


def main():
    parser = argparse.ArgumentParser(description="Follows what is asked for in a dialogue")
    parser.add_argument("messages", nargs="+")
    arguments = parser.parse_args()
    tracker = Tracker(Folder(pathlib.Path(__file__).resolve().parent))
    for text in arguments.messages:
        print(tracker.read(text))


if __name__ == "__main__":
    main()
