"""Builders of the corpora of dialogues with states."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow_datasets as tfds

from zoo.datasets.base import Resource, fetch

_WOZ = (
    "https://raw.githubusercontent.com/nmrksic/neural-belief-tracker/"
    "63b5933d867fd9dacc2bfadcc5f6be3a3ef8ee77"
)
_REPAIRS = {"center": "centre", "east side": "east"}
"""Values of a few labels that the ontology writes otherwise."""


class Woz(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """Dialogues of people who look for a restaurant, typed (Wen et al. 2017, WOZ 2.0).

    Each example is a turn: what the system said, what the user answers, the slots that the answer
    gives a value, the slots of the state after it, and what the answer asks for.
    """

    VERSION = tfds.core.Version("1.0.0")
    FILES = {  # noqa: RUF012
        "train": Resource(
            f"{_WOZ}/data/woz/woz_train_en.json",
            "7cd9e971553e5f3e80bb0c93164bf4c619c7f49f45d636a0512474cdeb074485",
        ),
        "validation": Resource(
            f"{_WOZ}/data/woz/woz_validate_en.json",
            "ae1ea9067fd05c0179d349f140b38de1b2db587d5bfcb4f99ef0d77474ab00ad",
        ),
        "test": Resource(
            f"{_WOZ}/data/woz/woz_test_en.json",
            "3673e433b21a6b0d74e9144bd059e64b29bc3e1c5dc0e18654a98ec597c0d72c",
        ),
    }
    ONTOLOGY = Resource(
        f"{_WOZ}/ontologies/ontology_dstc2_en.json",
        "7b8bed8b0b3d32934984c2fe4efff76ba23799f41bd968a55fbb9169a38fc6ae",
    )

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text
        pairs = tfds.features.Sequence({"slot": text(), "value": text()})
        return tfds.core.DatasetInfo(
            builder=self,
            description="1,200 dialogues about restaurants with slots and requests.",
            features=tfds.features.FeaturesDict(
                {
                    "dialogue": text(),
                    "system": text(),
                    "user": text(),
                    "said": pairs,
                    "state": pairs,
                    "requests": tfds.features.Sequence(text()),
                }
            ),
            homepage="https://github.com/nmrksic/neural-belief-tracker",
            citation="Wen et al., A Network-based End-to-End Trainable Task-oriented Dialogue "
            "System, EACL 2017; Mrkšić et al., Neural Belief Tracker, ACL 2017.",
            license="Apache-2.0",
            metadata=tfds.core.MetadataDict({"ontology": {}}),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        path = fetch(self.ONTOLOGY, dl_manager)
        self.info.metadata["ontology"] = json.loads(path.read_text(encoding="utf-8"))["informable"]
        return {
            split: self._generate_examples(
                json.loads(fetch(resource, dl_manager).read_text(encoding="utf-8"))
            )
            for split, resource in self.FILES.items()
        }

    def _generate_examples(
        self, dialogues: Iterable[dict[str, Any]]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for dialogue in dialogues:
            for turn in dialogue["dialogue"]:
                number = f"{dialogue['dialogue_idx']}"
                label = turn["turn_label"]
                state = [
                    pair
                    for act in turn["belief_state"]
                    if act["act"] == "inform"
                    for pair in act["slots"]
                ]
                yield (
                    f"{number}.{turn['turn_idx']}",
                    {
                        "dialogue": number,
                        "system": turn["system_transcript"],
                        "user": turn["transcript"],
                        "said": [_pair(one) for one in label if one[0] != "request"],
                        "state": [_pair(one) for one in state],
                        "requests": [value for slot, value in label if slot == "request"],
                    },
                )


def _pair(told: list[str]) -> dict[str, str]:
    slot, value = told
    value = value.strip()
    return {"slot": slot, "value": _REPAIRS.get(value, value)}
