#!/usr/bin/env python3
"""Scores a tracker under ontologies that it was not trained with, for the documents.

    scripts/benchmarks/ontologies.py                     # writes docs/benchmarks/ontologies.csv
    scripts/benchmarks/ontologies.py --split validation  # to choose on

The dialogues are those of WOZ 2.0. `unseen values` puts an invented word in the place of each food,
in the texts, the states and the ontology; `a thousand more` adds a thousand invented foods that
nobody asks for; `copied` lists no food at all, so that it is copied from the message, and counts
as right if it is written as in the corpus but for capitals.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.dialogue.datasets import DialogueTurn, load_dialogues
from zoo.dialogue.messages import Message
from zoo.dialogue.scores import interval, share
from zoo.dialogue.tracking.ontology import Ontology
from zoo.dialogue.tracking.training.examples import by_dialogue
from zoo.loading import load_model

ROOT = Path(__file__).resolve().parents[2]
SLOT = "food"
COLUMNS = ("ontology", "split", "turns", "joint_goal_(%)", "95_%_interval", f"{SLOT}_(%)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="tracker_lstm.woz")
    parser.add_argument("--split", default="test")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/ontologies.csv")
    args = parser.parse_args()
    model: Any = load_model(args.model)
    known: Ontology = model.ontology
    turns = load_dialogues("woz", args.split)
    invented = dict(zip(known.slots[SLOT], words(), strict=False))
    more = tuple(itertools.islice(words(), len(invented), len(invented) + 1_000))
    cases: list[tuple[str, Ontology, Sequence[DialogueTurn]]] = [
        ("as trained", known, turns),
        (
            "unseen values",
            with_foods(known, tuple(invented.values())),
            [renamed(turn, invented) for turn in turns],
        ),
        ("a thousand more", with_foods(known, (*known.slots[SLOT], *more)), turns),
        ("copied", with_foods(known, (), is_open=True), turns),
    ]
    with args.out.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, ontology, told in cases:
            model.ontology = ontology
            row = (name, args.split, len(told), *scores(model, told))
            writer.writerow(row)
            print(*row, flush=True)


def words() -> Iterator[str]:
    """Invented words, all different."""
    consonants, endings = "bdfgklmnprstvz", ("ando", "elli", "ivar", "oru", "umba")
    for vowel, ending, first, last in itertools.product("oi", endings, consonants, consonants):
        yield f"{first}{vowel}{last}{ending}"


def with_foods(ontology: Ontology, foods: tuple[str, ...], is_open: bool = False) -> Ontology:
    """The ontology with other foods."""
    return replace(ontology, slots={**ontology.slots, SLOT: foods}, open=(SLOT,) if is_open else ())


def renamed(turn: DialogueTurn, names: dict[str, str]) -> DialogueTurn:
    """A turn with other words for the foods."""
    longest = sorted(names, key=len, reverse=True)
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, longest))})\b", re.IGNORECASE)

    def text(old: str) -> str:
        return pattern.sub(lambda found: names[found.group().lower()], old)

    def table(old: dict[str, str]) -> dict[str, str]:
        return {s: names.get(v, v) if s == SLOT else v for s, v in old.items()}

    return replace(
        turn,
        system=text(turn.system),
        user=text(turn.user),
        said=table(turn.said),
        state=table(turn.state),
    )


def scores(model: Any, turns: Sequence[DialogueTurn]) -> tuple[str, str, str]:
    """Joint goal with its interval, and accuracy of the food."""
    joint, food, groups = [], [], []
    for dialogue in by_dialogue(turns):
        conversation = model.open_conversation()
        for turn in dialogue:
            if turn.system:
                conversation.feed(Message(turn.system, "system"))
            state = conversation.feed(Message(turn.user, "user"))
            found = {slot: value.casefold() for slot, value in state.slots.items()}
            joint.append(found == turn.state)
            food.append(found.get(SLOT) == turn.state.get(SLOT))
            groups.append(turn.dialogue)
    rows = np.asarray([[int(one), 1] for one in joint])
    low, high = interval(rows, groups, share)
    return f"{100 * share(rows):.1f}", f"{low:.1f} to {high:.1f}", f"{100 * np.mean(food):.1f}"


if __name__ == "__main__":
    main()
