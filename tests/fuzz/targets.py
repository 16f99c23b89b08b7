"""What is fed with damaged files, and what it may do: give a result, warn, or raise a ZooError."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import shutil
import socket
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError, ZooWarning

ROOT = Path(__file__).resolve().parents[2]
_CASES = ROOT / "tests" / "handwriting" / "cases"


@dataclass(frozen=True)
class Target:
    """A reader of files.

    Args:
        seeds: gives files as they should be.
        run: reads a file; anything that it raises but :class:`ZooError` is a fault.
        slow: whether TensorFlow is imported.
    """

    seeds: Callable[[], list[bytes]]
    run: Callable[[bytes], object]
    slow: bool = False


def attempt(target: Target, data: bytes) -> bool:
    """Read a file and tell whether it was taken.

    Warnings of other packages are faults, too.

    Raises:
        Exception: what the reader raised, if it is no :class:`ZooError`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ZooWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            target.run(data)
        except ZooError as error:
            str(error)
            return False
    return True


@functools.cache
def _folder() -> Path:
    """A folder of this process."""
    made = tempfile.TemporaryDirectory(prefix="fuzz-")
    _KEPT.append(made)
    return Path(made.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _file(data: bytes, name: str) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def _files(*patterns: str) -> list[bytes]:
    return [path.read_bytes() for each in patterns for path in sorted(ROOT.glob(each))]


def _layout(data: bytes) -> None:
    from zoo.handwriting.image import OrientedImage
    from zoo.handwriting.line_cutter import cut_line
    from zoo.handwriting.page_fitting import fit_page
    from zoo.handwriting.page_xml import read_layouts

    grey = np.tile(np.arange(0, 255, 3, dtype=np.uint8), (36, 1))
    for page in read_layouts(data):
        page.with_texts(dict.fromkeys(range(len(page.lines)), ("é<", 0.5)))
        for orientation in (1, 3, 6):
            with contextlib.suppress(ZooError):
                fitted = fit_page(page, OrientedImage(grey, orientation))
                for line in fitted.layout.lines[:20]:
                    cut_line(grey, line)


def _ink(data: bytes) -> None:
    from zoo.handwriting.ink import InkNormaliser
    from zoo.handwriting.ink_files import read_ink_file

    for ink in read_ink_file(_file(data, "a.inkml"))[:20]:
        with contextlib.suppress(ZooError):
            InkNormaliser().features(ink.strokes)


def _image_seeds() -> list[bytes]:
    from PIL import Image

    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (9, 31, 4)).astype(np.uint8)
    seeds = []
    exif = Image.Exif()
    exif[274] = 6
    for kind, mode, options in (
        ("PNG", "RGBA", {"exif": exif}),
        ("PNG", "I;16", {}),
        ("PNG", "P", {"transparency": 3}),
        ("JPEG", "RGB", {"exif": exif}),
        ("JPEG", "CMYK", {"progressive": True}),
        ("TIFF", "F", {"compression": "tiff_lzw"}),
        ("TIFF", "RGB", {"compression": "tiff_deflate", "exif": exif}),
        ("TIFF", "1", {"compression": "group4"}),
        ("BMP", "RGB", {}),
        ("GIF", "P", {}),
        ("WEBP", "RGBA", {}),
        ("PPM", "L", {}),
        ("JPEG2000", "RGB", {}),
    ):
        stream = io.BytesIO()
        source = Image.fromarray(colours)
        if mode == "I;16":
            source = Image.fromarray(colours[..., 0].astype(np.uint16) * 257)
        elif mode == "F":
            source = Image.fromarray(colours[..., 0].astype(np.float32))
        (source if source.mode == mode else source.convert(mode)).save(stream, kind, **options)
        seeds.append(stream.getvalue())
    return seeds


def _image(data: bytes) -> None:
    from zoo.handwriting.image import read_oriented
    from zoo.handwriting.line_finder import find_lines
    from zoo.handwriting.line_image import LineNormaliser

    grey = read_oriented(data).grey
    LineNormaliser().normalise(grey)
    if grey.size < 4_000_000:
        find_lines(grey)


def _scans_seeds() -> list[bytes]:
    from PIL import Image

    stream = io.BytesIO()
    pages = [Image.new("L", (9, 7 + number), 99) for number in range(3)]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        "<</Length 14>>stream\n0 g 1 1 4 4 re f\nendstream",
    )
    body = "".join(f"{number} 0 obj{each}endobj\n" for number, each in enumerate(objects, 1))
    return [stream.getvalue(), f"%PDF-1.4\n{body}trailer<</Size 5/Root 1 0 R>>\n".encode()]


def _scans(data: bytes) -> None:
    from zoo.handwriting.scans import open_scans

    with open_scans(_file(data, "a.pdf" if data.startswith(b"%PDF") else "a.tif")) as scans:
        for page in range(1, min(scans.pages, 4) + 1):
            scans.read(page)


def _report(data: bytes) -> None:
    from zoo.handwriting.archive_report import REPORT, Report, summary

    _file(data, REPORT)
    with Report(_folder(), {"model": "a"}) as report:
        summary(list(report.outcomes.values()))


def _audio_seeds() -> list[bytes]:
    import soundfile

    samples = np.random.default_rng(0).uniform(-0.3, 0.3, (1600, 2)).astype(np.float32)
    seeds = _files("tests/speech/recordings/*")
    for kind, subtype in (
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("WAV", "IMA_ADPCM"),
        ("RF64", "PCM_24"),
        ("W64", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("AU", "ULAW"),
        ("CAF", "ALAC_16"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
        ("VOC", "PCM_16"),
        ("NIST", "PCM_16"),
        ("SDS", "PCM_16"),
        ("MAT5", "PCM_16"),
        ("PVF", "PCM_16"),
        ("XI", "DPCM_16"),
        ("SVX", "PCM_16"),
        ("AVR", "PCM_16"),
        ("HTK", "PCM_16"),
        ("MPC2K", "PCM_16"),
        ("PAF", "PCM_16"),
        ("IRCAM", "PCM_16"),
        ("WVE", "ALAW"),
    ):
        stream = io.BytesIO()
        mono = kind in ("SDS", "XI", "HTK", "WVE", "SVX")
        rate = 8000 if kind == "WVE" else 16_000
        with contextlib.suppress(soundfile.SoundFileError, ValueError):
            sound = samples[:, 0] if mono else samples
            soundfile.write(stream, sound, rate, format=kind, subtype=subtype)
            seeds.append(stream.getvalue())
    return seeds


def _audio(data: bytes) -> None:
    from zoo.speech.audio import audio_seconds, iter_audio_blocks
    from zoo.speech.features import LogMel

    path = _file(data, "a.audio")
    audio_seconds(path)
    for number, block in enumerate(iter_audio_blocks(path, 5.0)):
        LogMel().features(block)
        if number == 8:  # a small file may hold hours
            return


def _transcripts(data: bytes) -> None:
    from zoo.speech.training.recordings import read_transcripts

    folder = _folder() / "recordings"
    if not folder.exists():
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.wav").write_bytes(b"RIFF")
    (folder / "transcripts.tsv").write_bytes(data)
    read_transcripts(folder)


def _lines(data: bytes) -> None:
    from zoo.ctc.alphabet import Alphabet
    from zoo.handwriting.line_image import LineNormaliser
    from zoo.handwriting.processor import Lines
    from zoo.handwriting.training.folder import read_folder

    folder = _folder() / "lines"
    if not folder.exists():
        folder.mkdir()
        (folder / "a.png").write_bytes(_image_seeds()[0])
        (folder / "b.png").write_bytes(_image_seeds()[3])
    (folder / "lines.tsv").write_bytes(data)
    for line in read_folder(folder, Lines(LineNormaliser(), Alphabet(("", "a", "b")))):
        _ = line.to_learn, line.to_score


def _pairs(data: bytes) -> None:
    from zoo.translation.training.pairs import read_pairs

    read_pairs(_file(data, "pairs.tsv"))


def _messages(data: bytes) -> None:
    from zoo.dialogue.messages import read_message_lines
    from zoo.files import read_text

    list(read_message_lines(read_text([_file(data, "a.jsonl")]).splitlines(), "a.jsonl"))


def _ontology(data: bytes) -> None:
    from zoo.dialogue.tracking.ontology_file import read_ontology

    _ = read_ontology(_file(data, "a.json")).candidates


def _ngram_seeds() -> list[bytes]:
    from zoo.language_models.character_ngram import CharacterNgram
    from zoo.language_models.word_ngram import WordNgram

    texts = ["the quick brown fox", "the lazy dog", "a quick dog"]
    return [CharacterNgram.train(texts, 3).to_bytes(), WordNgram.train(texts, 2).to_bytes()]


def _ngram(data: bytes) -> None:
    from zoo.language_models.loading import load_language_model

    model = load_language_model(data)
    bound = model.bind(("", *" abcdefghijklmnopqrstuvwxyz"))
    state, _ = bound.start()
    for label in (2, 3, 1, 20, 1):
        (state,), _ = bound.advance([state], np.array([label]))
    bound.finish([state])


def _subwords_seeds() -> list[bytes]:
    from zoo.translation.processor import Subwords

    texts = ["the cat sees the dog", "le chat voit le chien", "ein Hund und eine Katze"] * 20
    return [Subwords.train(texts, 330, (("en", "fr"), ("fr", "en"))).model]


def _subwords(data: bytes) -> None:
    from zoo.translation.processor import Subwords

    subwords = Subwords(data, (("en", "fr"), ("fr", "en")))
    ids = subwords.encode("the cat")
    subwords.decode(ids)


_FORMAT_1 = ROOT / "tests" / "folder" / "fixtures" / "format_1"
_FOLDER_FILES = (
    "config.json",
    "manifest.json",
    "metrics.json",
    "vocab.json",
    "model.safetensors",
    "golden.safetensors",
)


def _folder_seeds() -> list[bytes]:
    """Each file of a model folder behind a byte that says which one it is."""
    return [
        bytes([number]) + (_FORMAT_1 / name).read_bytes()
        for number, name in enumerate(_FOLDER_FILES)
    ]


def _model_folder(data: bytes) -> None:
    """A folder with one file damaged and a manifest that fits."""
    from zoo.folder.manifest import FileEntry, Manifest, parse_manifest, sha256_of
    from zoo.loading import load_model

    name = _FOLDER_FILES[data[0] % len(_FOLDER_FILES)] if data else _FOLDER_FILES[0]
    folder = _folder() / "model"
    if not folder.exists():
        shutil.copytree(_FORMAT_1, folder)
    for each in _FORMAT_1.iterdir():
        (folder / each.name).write_bytes(each.read_bytes())
    (folder / name).write_bytes(data[1:])
    if name != "manifest.json":
        before = parse_manifest((_FORMAT_1 / "manifest.json").read_bytes())
        files = dict(before.files)
        files[name] = FileEntry(sha256_of(data[1:]), len(data) - 1)
        (folder / "manifest.json").write_bytes(Manifest(files).to_bytes())
    model: Any = load_model(folder)
    model.check()
    model.generate(model.processor.vocabulary[0], length=4, seed=1)


def _checkpoint_seeds() -> list[bytes]:
    stream = io.BytesIO()
    facts = np.asarray(json.dumps({"epoch": 3, "history": [1.0, 0.5]}))
    np.savez(stream, a=np.arange(12.0).reshape(3, 4), b=np.zeros(0, np.int32), facts=facts)
    packed = io.BytesIO()
    np.savez_compressed(packed, a=np.zeros(1000), facts=facts)
    return [stream.getvalue(), packed.getvalue()]


def _checkpoint(data: bytes) -> None:
    from zoo.training.rundir import RunDirectory

    with RunDirectory(_folder() / "run", {"epochs": 3}) as run:
        run.save_checkpoint({"a": np.zeros(1)}, {})
        (path,) = run.training.glob("*.npz")
        path.write_bytes(data)
        run.load_checkpoint()


def _answer_seeds() -> list[bytes]:
    manifest = (_FORMAT_1 / "manifest.json").read_bytes()
    head = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(manifest)
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part) for part in (manifest[:100], manifest[100:])
    )
    return [
        b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + manifest,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/20\r\n" + head + b"\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n",
        b"HTTP/1.0 503 Busy\r\nRetry-After: 1\r\n\r\n",
    ]


@contextlib.contextmanager
def _server(answer: bytes) -> Iterator[str]:
    """A server on this machine that gives one answer to everything; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5.0)

    def serve() -> None:
        for _ in range(20):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2.0)
                connection.recv(1 << 16)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _answer(data: bytes) -> None:
    from zoo.folder.manifest import sha256_of
    from zoo.store import download
    from zoo.store.sources import WebSource

    folder = _folder() / "partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    before: Any = (download.PAUSE_SECONDS, download.TRIES)
    download.PAUSE_SECONDS, download.TRIES = 0.0, 2
    sha256 = sha256_of((_FORMAT_1 / "manifest.json").read_bytes())
    try:
        with _server(data) as address:
            download.complete(folder, "a", sha256, WebSource(address), progress=False)
    finally:
        download.PAUSE_SECONDS, download.TRIES = before


TARGETS: dict[str, Target] = {
    "layout": Target(lambda: _files("tests/handwriting/cases/pages/*.xml"), _layout),
    "inkml": Target(lambda: _files("tests/handwriting/cases/ink/*.inkml"), _ink),
    "unipen": Target(lambda: _files("tests/handwriting/cases/ink/*.dat"), _ink),
    "image": Target(_image_seeds, _image),
    "scans": Target(_scans_seeds, _scans),
    "report": Target(
        lambda: [
            b'{"settings": {"model": "a"}}\n'
            b'{"page": "a.png", "file": "a.xml", "size": 9, "changed": 8, "lines": 2, '
            b'"confidence": 0.5, "doubts": ["bent"], "error": null}\n'
            b'{"page": "b.png", "error": "gone"}\n'
        ],
        _report,
    ),
    "audio": Target(_audio_seeds, _audio),
    "transcripts": Target(lambda: [b"0.wav\tone two\n1.wav\tthree\n2.wav\tx\n"], _transcripts),
    "lines": Target(
        lambda: [b"file\ttext\tsplit\na.png\tab\ttrain\nb.png\tba\tval\n", b"a.png\ta\nb.png\tb\n"],
        _lines,
        slow=True,
    ),
    "pairs": Target(lambda: [b"en\tfr\nThe cat.\tLe chat.\nA dog.\tUn chien.\n"], _pairs),
    "ontology": Target(
        lambda: [
            b'{"slots": {"food": ["thai"], "name": []}, "requests": ["phone"], "open": ["name"]}'
        ],
        _ontology,
    ),
    "messages": Target(lambda: [b'{"text": "hi", "speaker": "user"}\n{"text": "ok"}\n'], _messages),
    "ngram": Target(_ngram_seeds, _ngram),
    "subwords": Target(_subwords_seeds, _subwords),
    "folder": Target(_folder_seeds, _model_folder, slow=True),
    "checkpoint": Target(_checkpoint_seeds, _checkpoint),
    "answer": Target(_answer_seeds, _answer),
}
