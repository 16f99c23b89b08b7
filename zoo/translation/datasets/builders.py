"""Builders of the corpora of translations."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from zoo.datasets.base import Resource, RowCorpus, fetch
from zoo.errors import DataError
from zoo.translation.datasets import Sentence

HELD_OUT = 2000
"""English sentences of Tatoeba's test set, and as many of its validation set."""

_MULTI30K = (
    "https://raw.githubusercontent.com/multi30k/dataset/"
    "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw"
)


class TranslationCorpus(RowCorpus, skip_registration=True):  # type: ignore[call-arg]
    """A corpus with one example for each English sentence.

    A subclass sets ``LANGUAGES``, the others beside English, and what a
    :class:`~zoo.datasets.base.RowCorpus` needs.
    """

    LANGUAGES: tuple[str, ...]

    def features(self) -> dict[str, Any]:
        """See :class:`~zoo.datasets.base.Corpus`."""
        others = {code: tfds.features.Sequence(tfds.features.Text()) for code in self.LANGUAGES}
        return {"en": tfds.features.Text(), **others}

    def example(self, row: Sentence) -> dict[str, Any]:
        """See :class:`~zoo.datasets.base.RowCorpus`."""
        others = {code: list(row.translations.get(code, ())) for code in self.LANGUAGES}
        return {"en": row.english, **others}


class Tatoeba(TranslationCorpus):
    """Short everyday sentences in English, with French, German and Spanish translations.

    Three files of manythings.org/anki. Of the 240,283 English sentences in them the 2,000 whose
    sha256 comes first are the test set and the next 2,000 the validation set; see
    :func:`split_by_hash`.
    """

    LANGUAGES = ("de", "es", "fr")
    RESOURCES = {  # noqa: RUF012
        "de": Resource(
            "https://raw.githubusercontent.com/rioyshky/translation/"
            "de48b7027f7318d77010a6e08ed928c10748c23d/deu-eng.zip",
            "b7688f84f99fa33c17397c14d8bd9cef1fdeb2ee0bf50074767023aee8926e28",
        ),
        "es": Resource(
            "https://raw.githubusercontent.com/Hoangduc212001/hoang/"
            "2cfd26f9551f5c2d614e8000500891801840a438/spa-eng.zip",
            "f80e581ae291aa34dd3aba7bd98b5e9505234da4318e2f3295df70a1520c7f61",
        ),
        "fr": Resource(
            "https://raw.githubusercontent.com/modelexlab/data/"
            "adddaf33ac35572bcfeb421efec29435e7ea9332/fra-eng.zip",
            "161c93f18da3a7e6df611ed961426613260de8af06ccf8c79c977afe5135ac44",
        ),
    }
    SUMMARY = "Sentence pairs English-French, English-German and English-Spanish from Tatoeba."
    HOMEPAGE = "https://www.manythings.org/anki/"
    CITATION = "Sentence pairs from tatoeba.org, selected by manythings.org/anki."
    LICENSE = "CC BY 2.0 FR, attribution: tatoeba.org and manythings.org/anki"

    def read_splits(self, downloads: Any) -> dict[str, list[Sentence]]:
        """Test, validation and training sentences of all three files together."""
        files = {code: fetch(resource, downloads) for code, resource in self.RESOURCES.items()}
        return split_by_hash({code: list(read_pairs(path)) for code, path in files.items()})


class Multi30k(TranslationCorpus):
    """Captions of pictures in English, German and French (Elliott et al. 2016 and 2017)."""

    LANGUAGES = ("de", "fr")
    FILES = {  # noqa: RUF012
        "train": ("train", 29_000),
        "validation": ("val", 1014),
        "test_2016_flickr": ("test_2016_flickr", 1000),
        "test_2017_flickr": ("test_2017_flickr", 1000),
        "test_2017_mscoco": ("test_2017_mscoco", 461),
    }
    SHA256 = {  # noqa: RUF012
        "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
        "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        "test_2016_flickr.fr": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
        "test_2017_flickr.de": "a2c89666db00c495cd8513b9d708d5a3acc205d7de312ef2bf5fb7ebc1540aee",
        "test_2017_flickr.en": "76a444ee25172e72695cddb13ae4a3bda59430617be88e0bb46b60504f054074",
        "test_2017_flickr.fr": "3ba671ceb2299f3304ffafefea7a833d08632fbaf0ba18546f8a2ec2391af496",
        "test_2017_mscoco.de": "799e4854c25d601cb6cb6be29eabe5667734c61ace2f495e03e429031a0bc338",
        "test_2017_mscoco.en": "aab300bfb4427697987e02cd0aacd44bfe8aa50456231b6474c08038bbed2b58",
        "test_2017_mscoco.fr": "754f3072ba9f124569ba5258b32730fc1d214bbf8e0c6dfb2b74401676220db0",
        "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        "train.fr": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
        "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        "val.fr": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
    }
    SUMMARY = "30,000 captions of Flickr pictures with German and French translations."
    HOMEPAGE = "https://github.com/multi30k/dataset"
    CITATION = "Elliott et al., Multi30K: Multilingual English-German Image Descriptions, 2016."
    LICENSE = "for research only"

    def read_splits(self, downloads: Any) -> dict[str, list[Sentence]]:
        """Training, validation and the three test sets, as published."""
        return {
            split: self._read(name, count, downloads) for split, (name, count) in self.FILES.items()
        }

    def _read(self, name: str, count: int, downloads: Any) -> list[Sentence]:
        texts = {}
        for code in ("en", *self.LANGUAGES):
            file = f"{name}.{code}"
            path = fetch(Resource(f"{_MULTI30K}/{file}.gz", self.SHA256[file]), downloads)
            with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
                texts[code] = [line.strip() for line in stream]
            if len(texts[code]) != count:
                raise DataError(f"{path} has {len(texts[code])} lines, not {count}")
        return [
            Sentence(texts["en"][i], {code: (texts[code][i],) for code in self.LANGUAGES})
            for i in range(count)
        ]


def read_pairs(path: Path) -> Iterator[tuple[str, str]]:
    """English sentence and translation of each line of a zipped file of manythings.org/anki.

    Raises:
        DataError: the file is damaged or a line does not hold two texts.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (
                name
                for name in archive.namelist()
                if name.endswith(".txt") and not name.rpartition("/")[2].startswith(("_", "."))
            )
            lines = archive.read(name).decode("utf-8").splitlines()
    except (zipfile.BadZipFile, OSError, ValueError, zlib.error) as error:
        raise DataError(f"{path} is not a valid archive of sentence pairs: {error}") from None
    for number, line in enumerate(lines, 1):
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) < 2 or not all(columns[:2]):
            raise DataError(f"{path}: line {number} of {name} does not hold two texts")
        yield columns[0], columns[1]


def split_by_hash(
    files: dict[str, list[tuple[str, str]]], held_out: int = HELD_OUT
) -> dict[str, list[Sentence]]:
    """Split by the hash of the English side, so that no English sentence is in two splits.

    The ``held_out`` English sentences of all files together whose sha256 comes first are the test
    set, the next ones the validation set. What remains is trained on, but for pairs of which one
    side is the same as that side of a held-out pair in the same language; letter case, spaces and
    punctuation do not count as a difference.

    Args:
        files: English sentences and translations for each language.
        held_out: sentences of the test set, and as many of the validation set.

    Returns:
        ``train``, ``validation`` and ``test``, each in the order of the hashes.
    """
    sentences: dict[str, dict[str, list[str]]] = {}
    for code, pairs in files.items():
        for english, other in pairs:
            known = sentences.setdefault(english, {}).setdefault(code, [])
            if other not in known:
                known.append(other)
    order = sorted(sentences, key=lambda text: hashlib.sha256(text.encode()).digest())
    held = order[: 2 * held_out]
    english_keys = {_key(english) for english in held}
    other_keys = {
        (code, _key(other))
        for english in held
        for code, others in sentences[english].items()
        for other in others
    }
    train = []
    for english in order[2 * held_out :]:
        if _key(english) in english_keys:
            continue
        kept = {
            code: tuple(other for other in others if (code, _key(other)) not in other_keys)
            for code, others in sentences[english].items()
        }
        if any(kept.values()):
            train.append(
                Sentence(english, {code: others for code, others in kept.items() if others})
            )

    def whole(names: list[str]) -> list[Sentence]:
        return [
            Sentence(name, {code: tuple(others) for code, others in sentences[name].items()})
            for name in names
        ]

    return {
        "train": train,
        "validation": whole(held[held_out:]),
        "test": whole(held[:held_out]),
    }


def _key(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
