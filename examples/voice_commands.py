"""Prints a line for every command that is spoken into a microphone.

arecord -q -f S16_LE -r 16000 -c 1 -t raw | python examples/voice_commands.py commands.txt
"""

import sys

import numpy as np

import zoo

SURE = 0.8  # of the answer, 0 to 1: below it, ask again

model = zoo.load_model("ctc_lstm.an4")
if len(sys.argv) != 2:
    sys.exit("usage: voice_commands.py PHRASES < raw 16-bit samples at 16 kHz")
stream = model.open_stream(sample_rate=16_000, phrases=sys.argv[1], endpoint_seconds=0.6)


def act(result):
    """What a program does with an utterance."""
    if result.text and result.confidence >= SURE and not result.doubts:
        print("do:", result.text, result.slots, flush=True)
    elif result.text:
        print("did you mean:", result.text, "or", result.alternatives[1], flush=True)
    elif result.doubts:
        print("not a command:", result.doubts[0], flush=True)


while data := sys.stdin.buffer.read(2 * 1600):  # a tenth of a second
    stream.feed(np.frombuffer(data, "<i2"))
    if stream.endpoint:
        act(stream.flush())
act(stream.finish())
