"""The LibriSpeech recipe through TFDS's own builder, on a few utterances in the corpus's layout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
import tensorflow_datasets as tfds

layout, out = Path(sys.argv[1]), Path(sys.argv[2])

def split_folders(self, urls):
    return {split: layout / split for split in urls}

tfds.download.DownloadManager.download_and_extract = split_folders

import zoo
from zoo.speech.datasets import load_speech
from zoo.recipes import ctc_speech
from zoo.speech.training import scenes

scenes._NOISES = 1  # of each kind
corpus = load_speech("librispeech")
assert {name: len(rows) for name, rows in corpus.items()} == {
    "train": 12, "validation": 4, "test": 4
}
first = corpus["train"][0]
assert first.samples.max() > 0.01 and first.text.isupper() and first.speaker.isdigit()

name = "ctc_lstm.librispeech"
values = ctc_speech.MODELS[name]
small = values.network | {"units": 24, "layers": 2, "channels": 4}
ctc_speech.MODELS[name] = replace(
    values, network=small, seconds=20.0, plans=values.plans[1:]
)
folder = ctc_speech.train(name, out, epochs=1)
model = zoo.load_model(folder)
assert model.card["dataset"] == "librispeech"
figures = ctc_speech.evaluate(model, str(folder))
assert {figure.metric for figure in figures} == {"wer", "cer"}
assert figures[0].extra["units"] == sum(len(row.text.split()) for row in corpus["test"])
assert "greedy, streamed" in {figure.decoding for figure in figures}
print("done")
"""
SPLITS = ("train-clean-100", "train-clean-360", "train-other-500", "dev-clean", "test-clean")


def make_layout(sample: Path, root: Path) -> None:
    """The sample's utterances in LibriSpeech's folders, four a split; there are 20 of them."""
    rows = [
        line.split("\t")
        for line in (sample / "transcripts.tsv").read_text(encoding="utf-8").splitlines()
    ]
    ordered = sorted(rows, key=lambda row: (sample / row[0]).stat().st_size)[:20]
    for number, split in enumerate((*SPLITS, "dev-other", "test-other")):
        name = split.replace("clean-", "clean").replace("other-", "other").replace("-", "_")
        top = root / name / "LibriSpeech"
        first = 4 * (number % len(SPLITS))
        for file, text in ordered[first : first + 4]:
            speaker, chapter, _ = file.split("-")
            folder = top / split / speaker / chapter
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).symlink_to(sample / file)
            with open(folder / f"{speaker}-{chapter}.trans.txt", "a", encoding="utf-8") as lines:
                lines.write(f"{file.removesuffix('.flac')} {text}\n")
        top.mkdir(parents=True, exist_ok=True)
        for table in ("SPEAKERS.TXT", "CHAPTERS.TXT"):
            (top / table).write_text(";\n")


def test_the_recipe_trains_and_scores_on_a_few_utterances(
    data_mirror: Path, tmp_path: Path
) -> None:
    make_layout((data_mirror / "prepared/speech/librispeech_sample").resolve(), tmp_path / "raw")
    env = os.environ | {"TFDS_DATA_DIR": str(tmp_path / "tfds"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "raw"), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout.strip().endswith("done")
