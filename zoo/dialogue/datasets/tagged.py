"""Builders of the corpora of tagged messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from zoo.datasets.base import Resource, RowCorpus, fetch
from zoo.dialogue.datasets import Span, TaggedMessage, from_tokens
from zoo.errors import DataError

_GITHUB = "https://raw.githubusercontent.com"


class TaggedCorpus(RowCorpus, skip_registration=True):  # type: ignore[call-arg]
    """A corpus of messages with entities and intents."""

    def features(self) -> dict[str, Any]:
        """See :class:`~zoo.datasets.base.Corpus`."""
        features = tfds.features
        return {
            "text": features.Text(),
            "labels": features.Sequence(features.Text()),
            "starts": features.Sequence(features.Scalar(np.int32)),
            "ends": features.Sequence(features.Scalar(np.int32)),
            "intent": features.Text(),
            "dialogue": features.Text(),
        }

    def example(self, row: TaggedMessage) -> dict[str, Any]:
        """See :class:`~zoo.datasets.base.RowCorpus`."""
        return {
            "text": row.text,
            "labels": [span.label for span in row.entities],
            "starts": [span.start for span in row.entities],
            "ends": [span.end for span in row.entities],
            "intent": row.intent,
            "dialogue": row.dialogue,
        }


class Snips(TaggedCorpus):
    """Commands to a voice assistant with 39 kinds of slots and 7 intents (Coucke et al. 2018)."""

    PARTS = {"train": "train", "validation": "valid", "test": "test"}  # noqa: RUF012
    BASE = f"{_GITHUB}/MiuLab/SlotGated-SLU/61f0307c729b1fad479ef1de94aa5ac5dee601b0/data/snips"
    SHA256 = {  # noqa: RUF012
        "train/seq.in": "04ad1e3f2121d83c6478f9a4b17d2dbdc21d06d6127f73cb7af835ed733f9855",
        "train/seq.out": "fd5f2121d8055827e5d6b3d3bac30f3d7e94e82a5d437751960cbdd9e1b4f6d3",
        "train/label": "bfd7df6cf9dd76c5da5d8b61bc85f90386197bdd3d7510c1d324c051537b962f",
        "valid/seq.in": "64e0f6d8ad8aab3a3828164d7d53731a0993d3ca1aed437ceaca6d3d568d410e",
        "valid/seq.out": "712e6d34feb8d52d208b820a5f8bae6e6ff990f08374507dfde22de389088319",
        "valid/label": "9c1dd041216f647bcfca838aaf1a48eb5781e4404256d31ff07cd38a5436c52f",
        "test/seq.in": "c1e341173fcea2951a8ca371956a6f81c76de87b9583c62eb87edd6158fa3a7c",
        "test/seq.out": "58c07c9097d5e1f78889765c2a535a160f6455b90b3142055c8051847afcca47",
        "test/label": "37a26da3ad079bb41c42c85a3a8f827eb47efec4c5917ce5d08f4b2736e4f830",
    }
    SUMMARY = "13,784 commands to a voice assistant, with slots and intents."
    HOMEPAGE = "https://github.com/MiuLab/SlotGated-SLU"
    CITATION = "Coucke et al., Snips Voice Platform, 2018; split by Goo et al. 2018."
    LICENSE = "CC0"

    def read_splits(self, downloads: Any) -> dict[str, list[TaggedMessage]]:
        """Training, validation and test messages, as published by Goo et al. 2018."""
        return {split: self._read(part, downloads) for split, part in self.PARTS.items()}

    def _read(self, part: str, downloads: Any) -> list[TaggedMessage]:
        columns = []
        for file in ("seq.in", "seq.out", "label"):
            name = f"{part}/{file}"
            path = fetch(Resource(f"{self.BASE}/{name}", self.SHA256[name]), downloads)
            columns.append(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))
        return [
            from_tokens(words.split(), tags.split(), intent.strip())
            for words, tags, intent in zip(*columns, strict=True)
        ]


class Clinc(TaggedCorpus):
    """Questions to an assistant with 150 intents, and some out of scope (Larson et al. 2019)."""

    RESOURCE = Resource(
        f"{_GITHUB}/clinc/oos-eval/828f8093932c8fe6ca7936c3d2e52903b1c523de/data/data_full.json",
        "36923c3705a59e08fe9c3883d8bc2dd966ef93e22cb78ac41171782a698d56e0",
    )
    SPLITS = {"train": "train", "validation": "val", "test": "test"}  # noqa: RUF012
    SUMMARY = "23,700 questions to an assistant: 150 intents, and 1,200 out of scope (``oos``)."
    HOMEPAGE = "https://github.com/clinc/oos-eval"
    CITATION = "Larson et al., An Evaluation Dataset for Intent Classification, EMNLP 2019."
    LICENSE = "CC BY 3.0"

    def read_splits(self, downloads: Any) -> dict[str, list[TaggedMessage]]:
        """Each split with what is in scope first and what is out of scope after it."""
        content = json.loads(fetch(self.RESOURCE, downloads).read_text(encoding="utf-8"))
        return {
            split: [
                TaggedMessage(text, intent=intent)
                for text, intent in [*content[part], *content[f"oos_{part}"]]
            ]
            for split, part in self.SPLITS.items()
        }


class Restaurants(TaggedCorpus):
    """Messages to a restaurant: names, date, time and number of people (Coope et al. 2020)."""

    BASE = (
        f"{_GITHUB}/PolyAI-LDN/task-specific-datasets/57ec275d8078af65b7731c2a98be812d844a6d6b/"
        "span_extraction/restaurant8k"
    )
    SHA256 = {  # noqa: RUF012
        "train_0.json": "90cb03e1cdd3ee141829605955a54d946308e1558250ca1e7413f260443bc6a4",
        "test.json": "31dbbb2fa36319f9f1f2c3ed441619ebf6e081f82aefd484b98caf86cd826ab0",
    }
    SUMMARY = "11,929 messages of people who book a table, with five kinds of slots."
    HOMEPAGE = "https://github.com/PolyAI-LDN/task-specific-datasets"
    CITATION = "Coope et al., Span-ConveRT, ACL 2020."
    LICENSE = "CC BY 4.0"

    def read_splits(self, downloads: Any) -> dict[str, list[TaggedMessage]]:
        """The published test set; every tenth training message is the validation set."""
        rows = self._read("train_0.json", downloads)
        return {
            "train": [row for number, row in enumerate(rows) if number % 10],
            "validation": rows[::10],
            "test": self._read("test.json", downloads),
        }

    def _read(self, name: str, downloads: Any) -> list[TaggedMessage]:
        path = fetch(Resource(f"{self.BASE}/{name}", self.SHA256[name]), downloads)
        messages = []
        for row in json.loads(path.read_text(encoding="utf-8")):
            spans = []
            for label in row.get("labels", ()):
                span = label["valueSpan"]
                # A span that begins with the message has no start.
                spans.append(Span(label["slot"], span.get("startIndex", 0), span["endIndex"]))
            spans.sort(key=lambda span: span.start)
            messages.append(TaggedMessage(row["userInput"]["text"], tuple(spans)))
        return messages


class Multidogo(TaggedCorpus):
    """What customers write to a service in six domains (Peskov et al. 2019), with entities.

    Rows without labels, with more or fewer labels than words, or with labels that the published
    list does not have are left out. The intent is the domain and the intent, such as
    ``airline:bookflight``. Training has no dialogue that is in another split.
    """

    DOMAINS = ("airline", "fastfood", "finance", "insurance", "media", "software")
    PARTS = {"test": "test", "validation": "dev", "train": "train"}  # noqa: RUF012
    BASE = (
        f"{_GITHUB}/awslabs/multi-domain-goal-oriented-dialogues-dataset/"
        "baa30639c4b271f394b81443c842193407cdf26d/data/paper_splits/"
        "splits_annotated_at_sentence_level"
    )
    SHA256 = {  # noqa: RUF012
        "airline/train.tsv": "7cb37a9dbf3baa71211b63bcd774649c9a3503bddf6529e64d140f2c8bb931db",
        "airline/dev.tsv": "7fc401e1832323c8f688cb0237947e9050cd74a982519d0629817c4ec22a32fb",
        "airline/test.tsv": "38c9546683c07422c5bc05db70da652e2fb4ae92917b3a5edbb70ea18ef4c68d",
        "fastfood/train.tsv": "03d1a89af74aa937d23e28b81bfd1a9e1998390f90cc4b83ba06ad7bf6a8321d",
        "fastfood/dev.tsv": "e283b074fbeecd841d011413f3376b9ed5a13ea63a062fd9f058f7627165512c",
        "fastfood/test.tsv": "41b2874919825f8dde7f567afe0510c419e6373937c4ee96f956a77ee15a1dbd",
        "finance/train.tsv": "5b268d415e93cbf568e6ade6746ac35555c418d2f23842519932788e75989d6d",
        "finance/dev.tsv": "2714ad1ccb76d8932bdd5f48e6408d2ca92106e9f53d7b5ef647e58b3852c254",
        "finance/test.tsv": "9bbe646bd89650b3dc5b606e6d532c290db6557d1e22f06bd3a56fb70cc4071b",
        "insurance/train.tsv": "e4434960d8ec226f26b9434051dd533053eb8bb08c7efea78e1f102ea9ecc5e9",
        "insurance/dev.tsv": "14d30f1da0400bca76f9d068ee6cf42f9743074595faf448988fe5c9739095d7",
        "insurance/test.tsv": "6e1f57172c093b673051194f250346daa3dc602c092323a52734b8ee5a09c741",
        "media/train.tsv": "47ac3150b94989f183a99fced1e75892ae9c31eab1d5ad1bf8d194cc1ee00cbb",
        "media/dev.tsv": "2d0658e9f69ef9c6c9f7252defafea01f0250cd6bb44718a938f5366cebc7bb0",
        "media/test.tsv": "7665df26d07fcfb3b955c69b15ceb1de2df80bec9d9b4672c16336a9eaafe43c",
        "software/train.tsv": "0f9f8e14662a30af40581f636a86a3f5cf72aa8e27e441fb6e3c5c5d40d3ca4d",
        "software/dev.tsv": "6da2365c0943e53810588cced866a3b66279d47139a000281f04ae30aed92a7d",
        "software/test.tsv": "881a733cd2ca5a1634bbefa58e06a3750e13b04c0ea3deb04638604d2c3061cc",
    }
    LABELS = frozenset(
        re.findall(
            r"\w+",
            """
            account_id account_number address arrival_city arrival_time
            booking_confirmation_number car_brand car_model car_year card_number charge_amount
            charge_date charge_time claimid company_name cost current_city current_zipcode
            datacategoryvalues date departure_city departure_time drink_item email_address
            end_date excluded_ingredient expense_type flight_number food_item ingredient item_code
            item_name lastuseddate lastusedtime name new_seat_number number_of_passengers offer
            old_seat_number order_number password payment_type phone_number phonenumber
            police_notified policyid price quantity replacement_reason seat_type service_type size
            software_name ssn start_date target_account_number transferamount username
            """,
        )
    )
    SUMMARY = "Sentences of customers in six domains, with entities and intents."
    HOMEPAGE = "https://github.com/awslabs/multi-domain-goal-oriented-dialogues-dataset"
    CITATION = "Peskov et al., Multi-Domain Goal-Oriented Dialogues (MultiDoGO), EMNLP 2019."
    LICENSE = "CDLA-Permissive-1.0"

    def read_splits(self, downloads: Any) -> dict[str, list[TaggedMessage]]:
        """The published splits at the level of sentences, all domains together."""
        seen: set[str] = set()
        splits = {}
        for split, part in self.PARTS.items():
            rows = [row for name in self.DOMAINS for row in self._read(name, part, downloads)]
            if split == "train":
                rows = [row for row in rows if row.dialogue not in seen]
            seen |= {row.dialogue for row in rows}
            splits[split] = rows
        return splits

    def _read(self, domain: str, part: str, downloads: Any) -> Iterator[TaggedMessage]:
        name = f"{domain}/{part}.tsv"
        path = fetch(Resource(f"{self.BASE}/{name}", self.SHA256[name]), downloads)
        for line in path.read_text(encoding="utf-8").split("\n")[1:]:
            fields = line.split("\t")
            if len(fields) != 7:
                continue
            words, tags = fields[4].split(), fields[5].split()
            if len(words) == len(tags) > 0 and set(tags) <= self.LABELS | {"O"}:
                yield from_tokens(words, tags, f"{domain}:{fields[6].strip()}", fields[0])


class _Conll(TaggedCorpus):
    """A corpus in columns: a word, a tab, a tag; a blank line ends a message."""

    FILES: dict[str, Resource]

    def read_splits(self, downloads: Any) -> dict[str, list[TaggedMessage]]:
        """The published splits; messages of validation and test are not in training."""
        splits = {
            split: read_columns(fetch(resource, downloads))
            for split, resource in self.FILES.items()
        }
        held = {row.text for split, rows in splits.items() if split != "train" for row in rows}
        return {
            split: [row for row in rows if split != "train" or row.text not in held]
            for split, rows in splits.items()
        }


class Wnut17(_Conll):
    """Social media with rare and emerging entities of six kinds (Derczynski et al. 2017)."""

    BASE = f"{_GITHUB}/leondz/emerging_entities_17/e52a2d2a71ac1a051ca2d532eef28653c5c02603"
    FILES = {  # noqa: RUF012
        "train": Resource(
            f"{BASE}/wnut17train.conll",
            "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
        ),
        "validation": Resource(
            f"{BASE}/emerging.dev.conll",
            "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
        ),
        "test": Resource(
            f"{BASE}/emerging.test.annotated",
            "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
        ),
    }
    SUMMARY = "5,690 messages of social media with six kinds of entities."
    HOMEPAGE = "https://github.com/leondz/emerging_entities_17"
    CITATION = "Derczynski et al., WNUT2017 Shared Task on Novel and Emerging Entities, 2017."
    LICENSE = "CC BY 4.0"


class BroadTwitter(_Conll):
    """Tweets of several years and regions with persons, places and organisations."""

    BASE = (
        f"{_GITHUB}/GateNLP/broad_twitter_corpus/0c45ef7b1924a6b8115bceab388781590b1b553a/"
        "train_dev_test_conll"
    )
    FILES = {  # noqa: RUF012
        "train": Resource(
            f"{BASE}/btc.train",
            "2117732e744d8f1692786c7ebb919c52dadd406f082b43fe1e625a51f2cadd0f",
        ),
        "validation": Resource(
            f"{BASE}/btc.dev",
            "9f7d33bcd195cecf9767357a5f1fe0ba879af6c55ebb68b8e846bff23c4e7fa5",
        ),
        "test": Resource(
            f"{BASE}/btc.test",
            "3bd2387dfc98ebc9d8b77d8b9c59826262e9beadce71ce8edde272821b9c87c8",
        ),
    }
    SUMMARY = "9,340 tweets with persons, locations and organisations."
    HOMEPAGE = "https://github.com/GateNLP/broad_twitter_corpus"
    CITATION = "Derczynski, Bontcheva and Roberts, Broad Twitter Corpus, COLING 2016."
    LICENSE = "CC BY 4.0"


def read_columns(path: Path) -> list[TaggedMessage]:
    """Messages of a file in columns, the word first and the tag last; see :class:`_Conll`.

    Raises:
        DataError: a line has no tag.
    """
    messages: list[TaggedMessage] = []
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*path.read_text(encoding="utf-8").split("\n"), ""], 1):
        columns = re.split(r"[\t ]+", line.strip("\r\n "))
        if line.strip() and len(columns) < 2:
            # A word that is a space of another kind was lost from the file.
            if columns[0] == "O" or columns[0][:2] in ("B-", "I-"):
                continue
            raise DataError(f"{path}: line {number} has no tag")
        if line.strip():
            words.append(columns[0])
            tags.append(columns[-1])
        elif words:
            messages.append(from_tokens(words, tags))
            words, tags = [], []
    return messages
