#!/usr/bin/env python3
"""Times many conversations side by side: milliseconds per message and conversations per core.

    scripts/benchmarks/conversations.py              # writes docs/benchmarks/conversations.csv

On one core, each model has many conversations open and gets their messages in turns, the user's
typed messages of WOZ 2.0's validation dialogues. A state goes through JSON now and then, as it does
where conversations wait in a database. Times are processor time. Conversations per core are those
that can go on at once if each of them brings a message every ten seconds.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("tagger_bilstm.chat", "sentiment_lstm.topical_chat", "tracker_lstm.woz")
OPEN, MESSAGES, EVERY = 1_000, 3_000, 10  # conversations, messages, one state in so many is saved
PAUSE_SECONDS = 10.0  # between the messages of a conversation
COLUMNS = (
    *("model", "open", "messages", "words", "median_milliseconds", "p99_milliseconds"),
    *("state_milliseconds", "state_bytes", "conversations", "versions", "processor"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/conversations.csv")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["ZOO_THREADS"] = "1"
    from zoo.dialogue.datasets import load_dialogues

    texts = [turn.user for turn in load_dialogues("woz", "validation")]
    rows = [measure(name, [texts[i % len(texts)] for i in range(MESSAGES)]) for name in args.models]
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def measure(name: str, texts: list[str]) -> dict[str, Any]:
    """One row: the messages of one model."""
    from zoo.folder.provenance import processor_name
    from zoo.loading import load_model

    model: Any = load_model(name)
    states = [model.open_conversation().state] * OPEN
    messages, saves, sizes = [], [], []
    for number, text in enumerate(texts):
        place = number % OPEN
        conversation = model.open_conversation(states[place])
        started = time.process_time()
        conversation.feed(text, speaker="user")
        messages.append(time.process_time() - started)
        states[place] = conversation.state
        if number % EVERY == 0:
            started = time.process_time()
            stored = conversation.state.to_json()
            states[place] = model.open_conversation(stored).state
            saves.append(time.process_time() - started)
            sizes.append(len(stored))
    ordered = sorted(messages)
    mean = statistics.mean(messages)
    row = {
        "model": name,
        "open": OPEN,
        "messages": len(messages),
        "words": f"{statistics.mean(len(text.split()) for text in texts):.1f}",
        "median_milliseconds": f"{1e3 * statistics.median(messages):.2f}",
        "p99_milliseconds": f"{1e3 * ordered[int(0.99 * len(ordered))]:.2f}",
        "state_milliseconds": f"{1e3 * statistics.median(saves):.2f}",
        "state_bytes": round(statistics.mean(sizes)),
        "conversations": int(PAUSE_SECONDS / mean),
        "versions": f"onnxruntime {version('onnxruntime')}, numpy {version('numpy')}",
        "processor": processor_name(),
    }
    print(*row.values(), flush=True)
    return row


if __name__ == "__main__":
    main()
