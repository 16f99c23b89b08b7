"""From the public originals of the English corpus to its clips."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.speech.toy import speech_like
from zoo.datasets.base import CommitArchive
from zoo.errors import DataError
from zoo.speech.audio import read_audio
from zoo.speech.datasets.english import English, LibrispeechText
from zoo.speech.datasets.english_clips import Clip, read_clips, read_recordings, write_clips
from zoo.speech.datasets.english_preparation import (
    encode,
    plain_text,
    prepare_common_voice,
    prepare_librispeech,
    prepare_speechocean,
    read_validated,
    training_texts,
)
from zoo.speech.datasets.english_splits import (
    common_voice_clips,
    place_speechocean,
    place_test_clean,
    place_test_other,
    place_train_clean,
)

SPEAKERS = """\
;ID  |SEX| SUBSET           |MINUTES| NAME
32   | F | train-clean-100  | 24.01 | Someone
1088 | F | train-clean-100  | 25.10 | Christabel
1089 | M | test-clean       | 8.00  | Peter Bobbe
367  | M | test-other       | 8.00  | Vince Dee
"""


def recording(kind: str, upsampled: int = 1, channels: int = 1) -> bytes:
    """A second of something like speech in a file."""
    samples = np.repeat(speech_like(1.0), upsampled)
    stream = io.BytesIO()
    soundfile.write(stream, np.stack([samples] * channels, axis=1), 16_000 * upsampled, format=kind)
    return stream.getvalue()


def make_tar(path: Path, part: str, files: dict[str, bytes]) -> Path:
    """A part of LibriSpeech with some of its files, which lie in ``LibriSpeech/PART/``."""
    named = {"SPEAKERS.TXT": SPEAKERS.encode()}
    named |= {f"{part}/{name}": data for name, data in files.items()}
    with tarfile.open(path, "w:gz") as archive:
        for name, data in named.items():
            entry = tarfile.TarInfo(f"LibriSpeech/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    """A repository's archive, all of it in a folder."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"repository-1/{name}", data)
    return path


def prepared(mirror: Path) -> dict[str, Clip]:
    return {clip.identity: clip for clip in read_clips(English.TRANSCRIPTS.in_mirror(mirror))}


def assert_the_like(made: list[tuple[Clip, bytes]], mirror: Path) -> None:
    """What was made of originals is what the mirror has, but for the origin and the coding."""
    known = prepared(mirror)
    archives = {path.in_mirror(mirror).stem: path.in_mirror(mirror) for path in English.ARCHIVES}
    for clip, encoded in made:
        (_, pinned), *_ = read_recordings([known[clip.identity]], archives)
        likeness = np.corrcoef(*map(spectrum, (encoded, pinned)))[0, 1]
        assert likeness > 0.9, clip
        assert 0.5 < len(encoded) / len(pinned) < 2.0
        assert clip == Clip(**(vars(known[clip.identity]) | {"origin": clip.origin}))


def spectrum(encoded: bytes) -> np.ndarray:
    """Log power in windows of 25 ms, all in a row."""
    samples = read_audio(encoded)
    windows = samples[: len(samples) // 400 * 400].reshape(-1, 400) * np.hanning(400)
    return np.log(np.abs(np.fft.rfft(windows)) ** 2 + 1e-6).ravel()


def test_librispeech_gives_the_like_of_the_prepared_clips(
    data_mirror: Path, tmp_path: Path
) -> None:
    (root,) = (data_mirror / "raw.githubusercontent.com/zhangrui0712/Voice-Age").iterdir()
    folder = root / "LibriSpeech/train-clean-5"
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert len(files) == 3
    archive = make_tar(tmp_path / "train.tar.gz", "train-clean-100", files)
    made = sorted(prepare_librispeech(archive, place_train_clean), key=lambda row: row[0].identity)
    assert [clip.identity for clip, _ in made] == ["1088-134315-0000", "1088-134315-0001"]
    assert_the_like(made, data_mirror)


def test_speechocean762_gives_the_like_of_the_prepared_clips(
    data_mirror: Path, tmp_path: Path
) -> None:
    (root,) = (data_mirror / "raw.githubusercontent.com/jimbozhang/speechocean762").iterdir()
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }
    (wave,) = (data for name, data in files.items() if name.endswith(".WAV"))
    files["WAVE/SPEAKER0003/000030012.WAV"] = wave  # of the corpus's test part
    files["WAVE/SPEAKER0001/000010168.WAV"] = wave  # left out
    made = list(prepare_speechocean(make_zip(tmp_path / "a.zip", files)))
    assert [clip.identity for clip, _ in made] == ["so000010011"]
    assert_the_like(made, data_mirror)


CLIENT = "0e0501c09d84645ee7418e6bebbb87d5"
VALIDATED = {  # as the tables of the versions are: with and without quoting, and without a header
    "en/validated.tsv": (
        "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccent\tlocale\tsegment\n"
        f"{CLIENT}\tcommon_voice_en_23376208.mp3\t"
        '"These feasts were of two kinds, ""public"" and ""private""."\t2\t0\t\t\t\ten\t\n'
        f"{CLIENT}\tcommon_voice_en_146280.mp3\tAnd that's another thing.\t3\t0\ttwenties\tmale"
        "\tus\ten\t\n"
    ),
    "cv-corpus-19.0-delta-2024-09-13/en/validated.tsv": (
        "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes\tage\t"
        "gender\taccents\tvariant\tlocale\tsegment\r\n"
        f"{CLIENT}\tcommon_voice_en_41029620.mp3\tf003\t"
        '"Pituriaspida" is often translated as "hallucinogenic shield.\t\t2\t0\tsixties\t\t'
        "United States English\t\ten\t\r\n"
        f"{CLIENT}\tcommon_voice_en_40953264.mp3\tef7d\tHe was the son of Cherubino Bartoli.\t\t3"
        "\t0\tfifties\tfemale_feminine\tUnited States English,Washington State\t\ten\t\r\n"
    ),
    "validated.tsv": (
        f"{CLIENT}\tcommon_voice_en_3.mp3\t"
        '"""I\'m a woman of the desert,"" she said, averting her face."\t1185\t52\n'
    ),
}
DESCRIPTIONS = {
    "cv23376208": ("these feasts were of two kinds public and private", "", "", ""),
    "cv146280": ("and that's another thing", "male", "twenties", "us"),
    "cv41029620": (
        "pituriaspida is often translated as hallucinogenic shield",
        "",
        "sixties",
        "United States English",
    ),
    "cv40953264": (
        "he was the son of cherubino bartoli",
        "female",
        "fifties",
        "United States English,Washington State",
    ),
    "cv3": ("i'm a woman of the desert she said averting her face", "", "", ""),
}


@pytest.mark.parametrize("table", VALIDATED)
def test_every_kind_of_common_voice_table_is_read(
    tmp_path: Path, table: str, request: pytest.FixtureRequest
) -> None:
    rows = read_validated(VALIDATED[table].encode())
    folder = table.removesuffix("validated.tsv")
    files = {f"{folder}clips/{name}": recording("MP3", 3, channels=2) for name in rows}
    files[f"{folder}clips/common_voice_en_999.mp3"] = b"not one of the corpus's"
    archive = make_zip(tmp_path / "a.zip", files | {table: VALIDATED[table].encode()})
    made = list(prepare_common_voice({"somewhere": archive, "a copy": archive}))
    assert len(made) == len(rows)
    wanted = common_voice_clips()
    for clip, encoded in made:
        number = int(clip.identity.removeprefix("cv"))
        assert (clip.speaker, clip.split) == wanted[number]
        assert (clip.set, clip.origin) == ("cv_en", "somewhere")
        assert clip.seconds == pytest.approx(1.0, abs=0.1)  # an MP3 has silence at its ends
        assert read_audio(encoded).std() > 0.01
    described = {clip.identity: (clip.text, clip.gender, clip.age, clip.accent) for clip, _ in made}
    assert described == {name: DESCRIPTIONS[name] for name in described}
    if os.environ.get("ZOO_DATA_MIRROR"):
        known = prepared(request.getfixturevalue("data_mirror"))
        for clip, _ in made:
            same = {"seconds": clip.seconds, "origin": clip.origin}
            assert clip == Clip(**(vars(known[clip.identity]) | same))


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("Our customers’ likes", "our customers' likes"),
        ("simply referred to as 'Wells'.", "simply referred to as wells"),
        ("You didn't say 'this sucks' anymore.", "you didn't say this sucks' anymore"),
        ("A hat they talk to 'em, you know.", "a hat they talk to 'em you know"),
        ("It is a basic side-tap, side-tap.", "it is a basic side tap side tap"),
        ('labelled "A" and "B".', "labelled a and b"),
        ("The café is now closed.", "the cafe is now closed"),
    ],
)
def test_a_sentence_becomes_plain_words(sentence: str, text: str) -> None:
    assert plain_text(sentence) == text


def test_the_places_are_those_of_the_prepared_set(data_mirror: Path) -> None:
    clips = prepared(data_mirror)
    sets: dict[str, dict[str, tuple[str, str]]] = {}
    for name, clip in clips.items():
        sets.setdefault(clip.set, {})[name] = (clip.set, clip.split)
    with gzip.open(LibrispeechText.PREPARED.in_mirror(data_mirror), "rt") as lines:
        texts = {line.partition("\t")[0] for line in lines}
    ours = sets["ls_train5"] | sets["ls_tc100_one"]
    assert place_train_clean(texts | ours.keys()) == ours
    chapters = {name.rpartition("-")[0] for name in sets["ls_test_other100"]} | {"1-2"}
    other = {f"{chapter}-{number:04d}" for chapter in chapters for number in range(30)}
    assert place_test_other(other) == sets["ls_test_other100"]
    assert {f"cv{number}": place for number, place in common_voice_clips().items()} == {
        name: (clips[name].speaker, clips[name].split) for name in sets["cv_en"]
    }
    (root,) = (data_mirror / "raw.githubusercontent.com/jimbozhang/speechocean762").iterdir()
    speakers = dict(line.split() for line in (root / "train/utt2spk").read_text().splitlines())
    places = {f"so{name}": place_speechocean(name, who) for name, who in speakers.items()}
    assert {name: place for name, place in places.items() if place} == sets["so762_train"]


def test_every_tenth_utterance_in_the_order_of_names_is_a_test_clip() -> None:
    names = [f"1089-134686-{number:04d}" for number in range(21)]
    assert list(place_test_clean(reversed(names))) == [
        "1089-134686-0000",
        "1089-134686-0010",
        "1089-134686-0020",
    ]


def test_texts_of_validation_clips_are_not_for_language_models(tmp_path: Path) -> None:
    files = {
        "32/21631/32-21631.trans.txt": b"32-21631-0000 OF THE VALIDATION CLIPS\n",
        "32/4137/32-4137.trans.txt": b"32-4137-0000 THE FIRST OF A SPEAKER IS NEVER ONE\n",
        "1088/134315/1088-134315.trans.txt": b"1088-134315-0000 IT'S OF THE TRAINING CLIPS\n",
    }
    archive = make_tar(tmp_path / "a.tar.gz", "train-clean-100", files)
    assert training_texts(archive) == {
        "32-4137-0000": "the first of a speaker is never one",
        "1088-134315-0000": "it's of the training clips",
    }


@pytest.mark.parametrize("seconds", [0.02, 1.0, 31.7])
def test_a_recording_keeps_its_length_through_the_coding(seconds: float) -> None:
    samples = speech_like(seconds)
    stream = io.BytesIO()
    soundfile.write(stream, samples, 16_000, format="FLAC")
    encoded, length = encode(stream.getvalue())
    assert length == pytest.approx(seconds, abs=1e-4)
    assert len(read_audio(encoded)) == len(samples)
    assert soundfile.info(io.BytesIO(encoded)).samplerate == 16_000


def test_clips_come_back_as_they_were_written(tmp_path: Path) -> None:
    values = {"split": "train", "set": "cv_en", "gender": "", "age": "", "origin": "here"}
    clips = [
        (
            Clip(f"{archive}/{name}.opus", "cv1", text="a b", seconds=1.5, accent='"x', **values),
            name,
        )
        for archive, name in (("b", "2"), ("a", "9"), ("b", "1"))
    ]
    write_clips([(clip, name.encode()) for clip, name in clips], tmp_path / "made")
    known = read_clips(tmp_path / "made/transcripts.tsv")
    assert known == sorted((clip for clip, _ in clips), key=lambda clip: clip.file)
    archives = {name: tmp_path / f"made/{name}.zip" for name in ("a", "b")}
    assert [data for _, data in read_recordings(known, archives)] == [b"9", b"1", b"2"]


def test_damaged_originals_and_missing_sentences_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"no archive")
    for prepare in (
        lambda: prepare_librispeech(broken, place_test_clean),
        lambda: prepare_speechocean(broken),
        lambda: prepare_common_voice({"x": broken}),
    ):
        with pytest.raises(DataError, match="damaged archive"):
            list(prepare())
    with pytest.raises(DataError, match="is not a valid zip archive"):
        CommitArchive("https://example.org/COMMIT.zip").check(broken)
    whole = make_tar(tmp_path / "a.tar.gz", "train-clean-100", {"x.flac": bytes(100_000)})
    broken.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(DataError, match="damaged archive"):
        list(prepare_librispeech(broken, place_test_clean))
    archive = make_zip(tmp_path / "a.zip", {"clips/common_voice_en_3.mp3": b""})
    with pytest.raises(DataError, match=r"no sentence for common_voice_en_3\.mp3"):
        list(prepare_common_voice({"x": archive}))


LOAD = """
import json, sys
from pathlib import Path
from zoo.datasets import load_texts
from zoo.speech.datasets import load_speech
from zoo.speech.datasets import english
from zoo.speech.datasets import english_preparation as english_prepare

folder = Path(sys.argv[1])
files = {
    english_prepare.TRAIN_CLEAN_100: "train.tar.gz",
    english_prepare.TEST_CLEAN: "clean.tar.gz",
    english_prepare.TEST_OTHER: "other.tar.gz",
    english_prepare.SPEECHOCEAN: "so.zip",
    **dict.fromkeys(english_prepare.COMMON_VOICE.values(), "cv.zip"),
}
english.fetch = lambda original, downloads: folder / files[original]
type(english_prepare.SPEECHOCEAN).files = lambda self, path: iter([])
english.English.CLIPS = int(sys.argv[2])
corpus = load_speech("english")
found = {
    split: [(row.identity, row.text, row.speaker, row.source, dict(row.facts)) for row in rows]
    for split, rows in corpus.items()
}
assert all(row.samples.std() > 0.01 for rows in corpus.values() for row in rows)
print("\\n" + json.dumps([found, load_texts("librispeech_text")]))
"""


def test_without_a_mirror_the_corpus_is_made_of_the_originals(tmp_path: Path) -> None:
    flac = recording("FLAC")
    make_tar(
        tmp_path / "train.tar.gz",
        "train-clean-100",
        {
            "1088/134315/1088-134315-0000.flac": flac,
            "1088/134315/1088-134315.trans.txt": b"1088-134315-0000 AS YOU KNOW\n",
            "32/21631/32-21631-0000.flac": flac,
            "32/21631/32-21631.trans.txt": b"32-21631-0000 IT'S SO\n",
        },
    )
    for part, name in (("clean", "1089-134686-0000"), ("other", "367-130732-0003")):
        folder = name.replace("-", "/").rpartition("/")[0]
        text = f"{name} OF THE {part.upper()} PART\n"
        files = {
            f"{folder}/{name}.flac": flac,
            f"{folder}/{name.rpartition('-')[0]}.trans.txt": text.encode(),
        }
        make_tar(tmp_path / f"{part}.tar.gz", f"test-{part}", files)
    make_zip(tmp_path / "so.zip", {})
    table = VALIDATED["en/validated.tsv"].encode()
    clip = {"en/clips/common_voice_en_146280.mp3": recording("MP3", 2)}
    make_zip(tmp_path / "cv.zip", {"en/validated.tsv": table} | clip)
    env = {key: value for key, value in os.environ.items() if key != "ZOO_DATA_MIRROR"}
    env |= {"TFDS_DATA_DIR": str(tmp_path / "tfds"), "TF_CPP_MIN_LOG_LEVEL": "2"}

    def load(clips: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", LOAD, str(tmp_path), str(clips)]
        return subprocess.run(command, capture_output=True, text=True, env=env, check=False)

    assert "has 5 clips, not 6" in load(6).stderr
    run = load(5)
    assert run.returncode == 0, run.stderr[-3000:]
    found, texts = json.loads(run.stdout.splitlines()[-1])
    woman, man = {"gender": "female"}, {"gender": "male"}
    facts = man | {"age": "twenties", "accent": "us"}
    assert found == {
        "train": [["1088-134315-0000", "AS YOU KNOW", "ls1088", "ls_train5", woman]],
        "validation": [["32-21631-0000", "IT'S SO", "ls32", "ls_train5", woman]],
        "test_clean": [
            ["1089-134686-0000", "OF THE CLEAN PART", "ls1089", "ls_test_clean_tenth", man]
        ],
        "test_other": [["367-130732-0003", "OF THE OTHER PART", "ls367", "ls_test_other100", man]],
        "test_common_voice": [["cv146280", "AND THAT'S ANOTHER THING", "cv371", "cv_en", facts]],
    }
    assert texts == ["AS YOU KNOW"]
