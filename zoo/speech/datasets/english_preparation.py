"""From the public originals of the English corpus to the clips that a mirror holds.

Texts, speakers, splits and lengths are those of the pinned files. The audio is not the same to the
byte: libsndfile encodes it here, at about 14 kbit/s, and ffmpeg encoded the pinned files. The tests
compare the two on originals of LibriSpeech and speechocean762; Common Voice is tested on files made
in the formats of its tables, since a mirror has none of the originals.
"""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import soundfile

from zoo.datasets.base import CommitArchive, Resource, ZipResource
from zoo.errors import DataError
from zoo.speech.audio import SAMPLE_RATE, read_audio
from zoo.speech.datasets.english_clips import Clip
from zoo.speech.datasets.english_splits import (
    Place,
    common_voice_clips,
    place_speechocean,
    place_test_clean,
    place_test_other,
    place_train_clean,
)

OPUS_COMPRESSION = 0.968
"""libsndfile makes ``256000 - 250000 * compression`` bits a second of it: 14,000."""

_LIBRISPEECH = "https://www.openslr.org/resources/12"
TRAIN_CLEAN_100 = Resource(
    f"{_LIBRISPEECH}/train-clean-100.tar.gz",
    "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
)
TEST_CLEAN = Resource(
    f"{_LIBRISPEECH}/test-clean.tar.gz",
    "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
)
TEST_OTHER = Resource(
    f"{_LIBRISPEECH}/test-other.tar.gz",
    "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
)
SPEECHOCEAN = ZipResource(
    "https://github.com/jimbozhang/speechocean762/archive/"
    "613968e3b0b789fc33936fb5eba1973176ba7d11.zip",
    "0853c4ed7580951f4c8f6fcf228345188659d3da97c0147f8fd61dbae06e0165",
    ("train/text", "train/utt2spk", "train/spk2gender", "train/spk2age"),
)
COMMON_VOICE = {
    name: CommitArchive(f"https://github.com/{name}/archive/{commit}.zip")
    for name, commit in {
        "korliu/whisper": "d03c14561ed7e5e354d76259a7606df7b6e68b0c",
        "shubhra-cv/17": "c6eb4f89ac49c509366afc829ba503cc93aad8a2",
        "shubhra-cv/18": "4ca775acc03a0f21aed07c3d2570fcb3e39fabab",
        "shubhra-cv/19": "497ac20ecec581d1bbb9c700b99ad2750db7aa67",
        "omnilingo/rsample-100-cv-corpus-6.1-2020-12-11": (
            "6785f863fec9770151abfe50a5e3e3787fd20ba2"
        ),
        "puri-gagan/speechdataset": "4b7ec8a6084853c3d73b69a418a4394b64c8d988",
    }.items()
}
"""Repositories with clips of Common Voice 6.1, 13.0, 18.0, 19.0 and 20.0 and their tables."""

ORIGINALS = (TRAIN_CLEAN_100, TEST_CLEAN, TEST_OTHER, SPEECHOCEAN, *COMMON_VOICE.values())
"""All archives that the corpus is made of."""

_PLACES: dict[Resource, Callable[[Iterable[str]], dict[str, Place]]] = {
    TRAIN_CLEAN_100: place_train_clean,
    TEST_CLEAN: place_test_clean,
    TEST_OTHER: place_test_other,
}
_GENDERS = {
    "f": "female",
    "m": "male",
    "female_feminine": "female",
    "male_masculine": "male",
}
_CLIP = re.compile(r"common_voice_en_(\d+)\.mp3")
_NO_HEADER = ("client_id", "path", "sentence", "up_votes", "down_votes")
# An apostrophe is one between letters, after a plural's s, and in 'em; others are quotation marks.
_NO_APOSTROPHE = re.compile(r"(?!(?<=[a-z])'(?=[a-z])|(?<=s)'(?= )|'(?=em\b))[^a-z ]")


def prepare_english(fetched: Callable[[Resource], Path]) -> Iterator[tuple[Clip, bytes]]:
    """All clips of the corpus out of the public originals, encoded.

    Args:
        fetched: gives the file of each of :data:`ORIGINALS`.

    Raises:
        DataError: an original cannot be had or is damaged.
    """
    # All before the first is encoded: what is missing shows at once.
    paths = {original: fetched(original) for original in ORIGINALS}
    for original, place in _PLACES.items():
        yield from prepare_librispeech(paths[original], place)
    yield from prepare_speechocean(paths[SPEECHOCEAN])
    yield from prepare_common_voice(
        {name: paths[original] for name, original in COMMON_VOICE.items()}
    )


def prepare_librispeech(
    archive: Path, place: Callable[[Iterable[str]], dict[str, Place]]
) -> Iterator[tuple[Clip, bytes]]:
    """Clips of a part of LibriSpeech.

    Args:
        archive: the part's public ``.tar.gz``.
        place: which utterances to take, and where they belong.

    Raises:
        DataError: the archive is damaged.
    """
    texts, genders = read_librispeech(archive)
    places = place(texts)
    for file, audio in _tar_files(archive, lambda name: name.removesuffix(".flac") in places):
        name = file.removesuffix(".flac")
        speaker = name.partition("-")[0]
        yield _clip(
            f"librispeech/{name}",
            audio,
            places[name],
            speaker=f"ls{speaker}",
            text=texts[name],
            gender=genders.get(speaker, ""),
            origin="openslr.org/12",
        )


def read_librispeech(archive: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Transcripts of a part of LibriSpeech in small letters, and the speakers' genders.

    Args:
        archive: the part's public ``.tar.gz``.

    Raises:
        DataError: the archive is damaged.
    """
    texts: dict[str, str] = {}
    genders: dict[str, str] = {}
    for file, data in _tar_files(archive, lambda name: name.lower().endswith(".txt")):
        lines = data.decode("utf-8").splitlines()
        if file.endswith(".trans.txt"):
            texts |= {line.split()[0]: line.partition(" ")[2].strip().lower() for line in lines}
        elif file == "SPEAKERS.TXT":
            cells = (line.split("|") for line in lines if not line.startswith(";"))
            genders |= {
                row[0].strip(): _GENDERS.get(row[1].strip().lower(), "")
                for row in cells
                if len(row) > 1
            }
    return texts, genders


def training_texts(archive: Path) -> dict[str, str]:
    """Transcripts of train-clean-100 by utterance, without those of the validation clips.

    Args:
        archive: its public ``.tar.gz``.

    Raises:
        DataError: the archive is damaged.
    """
    texts, _ = read_librispeech(archive)
    held_out = {name for name, (_, split) in place_train_clean(texts).items() if split == "dev"}
    return {name: text for name, text in texts.items() if name not in held_out}


def prepare_speechocean(archive: Path) -> Iterator[tuple[Clip, bytes]]:
    """Clips of speechocean762's training part.

    Args:
        archive: the repository's zip.

    Raises:
        DataError: the archive is damaged.
    """
    tables = {
        name.removeprefix("train/"): dict(
            line.split(None, 1) for line in data.decode("utf-8").splitlines()
        )
        for name, data in SPEECHOCEAN.files(archive)
    }
    for file, audio in _zip_files(archive, lambda name: name.endswith(".WAV")):
        name = file.removesuffix(".WAV")
        speaker = tables["utt2spk"].get(name, "").strip()
        place = place_speechocean(name, speaker) if speaker else None  # others: its test part
        if place is not None:
            yield _clip(
                f"speechocean762/so{name}",
                audio,
                place,
                speaker=f"so{speaker}",
                text=" ".join(tables["text"][name].lower().split()),
                gender=_GENDERS.get(tables["spk2gender"][speaker].strip(), ""),
                age=tables["spk2age"][speaker].strip(),
                accent="Mandarin L1",
                origin="jimbozhang/speechocean762",
            )


def prepare_common_voice(archives: Mapping[str, Path]) -> Iterator[tuple[Clip, bytes]]:
    """Clips of Common Voice.

    Args:
        archives: zips with ``common_voice_en_NUMBER.mp3`` and ``validated.tsv`` by their origin.

    Raises:
        DataError: an archive is damaged, or has no sentence for a clip.
    """
    wanted = common_voice_clips()
    for origin, archive in archives.items():
        rows: dict[str, dict[str, str]] = {}
        for _, data in _zip_files(archive, lambda name: name == "validated.tsv"):
            rows |= read_validated(data)
        for file, audio in _zip_files(archive, lambda name: _number(name) in wanted):
            number = _number(file)
            if file not in rows:
                raise DataError(f"{archive} has no sentence for {file}")
            speaker, split = wanted.pop(number)  # once, even if there are copies
            row = rows[file]
            gender = row.get("gender", "")
            yield _clip(
                f"commonvoice/cv{number}",
                audio,
                ("cv_en", split),
                speaker=speaker,
                text=plain_text(row["sentence"]),
                gender=_GENDERS.get(gender, gender),
                age=row.get("age", ""),
                accent=row.get("accents", row.get("accent", "")),
                origin=origin,
            )


def _number(file: str) -> int:
    match = _CLIP.fullmatch(file)
    return int(match[1]) if match else -1


def read_validated(data: bytes) -> dict[str, dict[str, str]]:
    """Rows of a table of Common Voice by their file, by column name; some tables have no header.

    Quotation marks are left as they are: older tables quote cells, newer ones do not.
    """
    rows = [line.rstrip("\r").split("\t") for line in data.decode("utf-8").split("\n") if line]
    header: Iterable[str] = _NO_HEADER
    if rows and "path" in rows[0]:
        header = rows.pop(0)
    named = (dict(zip(header, row, strict=False)) for row in rows)
    return {row["path"]: row for row in named if "path" in row and "sentence" in row}


def plain_text(sentence: str) -> str:
    """A sentence in small letters a to z without accents, apostrophes and spaces between words."""
    spaced = unicodedata.normalize("NFKD", sentence.lower()).replace("’", "'")
    letters = "".join(sign for sign in spaced if not unicodedata.combining(sign))
    return " ".join(_NO_APOSTROPHE.sub(" ", letters).split())


def encode(audio: bytes) -> tuple[bytes, float]:
    """A recording as Ogg/Opus, 16 kHz mono, and its length in seconds.

    Raises:
        DataError: it is damaged or no recording.
    """
    samples = read_audio(audio)
    written = io.BytesIO()
    soundfile.write(
        written,
        samples,
        SAMPLE_RATE,
        format="OGG",
        subtype="OPUS",
        compression_level=OPUS_COMPRESSION,
    )
    return written.getvalue(), len(samples) / SAMPLE_RATE


def _clip(
    name: str,
    audio: bytes,
    place: Place,
    *,
    speaker: str,
    text: str,
    gender: str,
    age: str = "",
    accent: str = "",
    origin: str,
) -> tuple[Clip, bytes]:
    encoded, seconds = encode(audio)
    clip = Clip(
        file=f"{name}.opus",
        speaker=speaker,
        split=place[1],
        text=text,
        set=place[0],
        seconds=round(seconds, 2),
        gender=gender,
        age=age,
        accent=accent,
        origin=origin,
    )
    return clip, encoded


def _tar_files(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and content of files, by their name without folders; nothing is unpacked to the disk."""
    try:
        with tarfile.open(archive, "r|*") as opened:
            for entry in opened:
                name = posixpath.basename(entry.name)
                stream = opened.extractfile(entry) if entry.isfile() and wanted(name) else None
                if stream is not None:
                    yield name, stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{archive} is a damaged archive: {error}") from None


def _zip_files(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and content of files, by their name without folders; nothing is unpacked to the disk."""
    try:
        with zipfile.ZipFile(archive) as opened:
            for path in opened.namelist():
                name = posixpath.basename(path)
                if wanted(name):
                    yield name, opened.read(path)
    except (zipfile.BadZipFile, OSError, zlib.error) as error:
        raise DataError(f"{archive} is a damaged archive: {error}") from None
