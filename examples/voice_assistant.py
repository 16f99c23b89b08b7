"""Follows a call to a restaurant: the words that are said, their tags, the state and the mood.

arecord -q -f S16_LE -r 16000 -c 1 -t raw | python examples/voice_assistant.py
"""

import sys

import numpy as np

import zoo

SPEECH = "ctc_lstm.an4"  # any recogniser that streams
TAGGER, TRACKER, MOOD = "tagger_bilstm.chat", "tracker_lstm.woz", "sentiment_lstm.topical_chat"
QUESTIONS = {
    "food": "What kind of food would you like?",
    "area": "In which part of town?",
    "price range": "Cheap, moderate or expensive?",
}


class Call:
    """A call: three conversations that hear the same words."""

    def __init__(self):
        names = (TAGGER, TRACKER, MOOD)
        self.conversations = [zoo.load_model(name).open_conversation() for name in names]

    def hear(self, text):
        """Read what the caller says; print it, and answer it."""
        tags, state, mood = (one.feed(text, speaker="caller") for one in self.conversations)
        print("words:", text)
        print("tags: ", ", ".join(f"{e.label}={e.value or e.text}" for e in tags.entities) or "-")
        print("state:", state)
        print("mood: ", mood.label, f"{mood.level:+.2f}")
        if mood.escalate:
            return self.say("I will put you through to a colleague.")
        missing = [question for slot, question in QUESTIONS.items() if slot not in state.slots]
        return self.say(missing[0] if missing else "Let me see what there is.")

    def say(self, text):
        """Say something; what the caller says next answers it."""
        for one in self.conversations:
            one.feed(text, speaker="system")
        print("say:  ", text, flush=True)
        return text


def main():
    """Read 16-bit samples, 16,000 a second, from standard input."""
    call = Call()
    stream = zoo.load_model(SPEECH).open_stream(sample_rate=16_000, endpoint_seconds=0.6)
    call.say("Good evening! What are you looking for?")
    while data := sys.stdin.buffer.read(2 * 1600):  # a tenth of a second
        stream.feed(np.frombuffer(data, "<i2"))
        if stream.endpoint and (text := stream.flush().text):
            call.hear(text.lower())
    if text := stream.finish().text:
        call.hear(text.lower())


if __name__ == "__main__":
    main()
