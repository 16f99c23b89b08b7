"""Error rates of speech recognisers, whole and streamed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.ctc.search import OWN, OWN_MODEL
from zoo.folder.figures import Figure
from zoo.inference.threads import get_threads
from zoo.speech.processor import Utterance
from zoo.speech.training.examples import reading
from zoo.speech.training.groups import speaker_groups
from zoo.speech.training.recordings import Recordings, read_transcripts
from zoo.training.ahead import made_ahead
from zoo.training.error_rates import error_rates

if TYPE_CHECKING:
    from zoo.speech.recognition import SpeechRecognition


def evaluate_folder(
    model: SpeechRecognition,
    reference: str,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a folder of the user's recordings, see :func:`evaluate_recogniser`.

    Args:
        model: a speech recognition task.
        reference: its name, for the command in the figures.
        folder: recordings and ``transcripts.tsv``, see
            :func:`~zoo.speech.training.recordings.read_transcripts`.
        progress: called with the number of recordings decoded since the last call, and of all.

    Raises:
        DataError: the folder has no usable ``transcripts.tsv``, or a recording is damaged.
    """
    recordings = Recordings(folder, read_transcripts(folder, least=1), model.processor)
    command = f"zoo evaluate {reference} --data {folder}"
    return evaluate_recogniser(model, recordings, folder.name, "whole", command, progress)


def evaluate_recogniser(
    model: SpeechRecognition,
    utterances: Sequence[Utterance],
    dataset: str,
    split: str,
    command: str,
    progress: Callable[[int, int], None] | None = None,
    total: int | None = None,
    group: str = "",
) -> list[Figure]:
    """Word and character error rates, greedy and with the model's own language model.

    A model that streams is scored a second time as a stream, fed 0.1 s at a time. Where something
    is known of the speakers, word error rates by group follow, decoded as the model does best.

    Args:
        model: a speech recognition task.
        utterances: what to score on.
        dataset: its name in the figures.
        split: which part of it, in the figures.
        command: the command that gives the figures again.
        progress: called with the number of recordings decoded since the last call, and of all.
        total: of all recordings, where these are not all.
        group: what the speakers have in common, where the utterances are a part of the split.

    Returns:
        Figures in percent, each with a 95 % bootstrap interval; the first is
        the greedy word error rate.
    """
    ways: list[tuple[str, dict[str, Any], bool]] = [("greedy", {}, False)]
    if OWN_MODEL in model.files:
        ways.append(("beam with its own language model", {"language_model": OWN}, False))
    if model.streams:
        ways += [(f"{name}, streamed", values, True) for name, values, _ in ways]
    rate = model.processor.log_mel.sample_rate

    def decode(utterance: Utterance) -> tuple[str, Mapping[str, Any], list[str]]:
        texts = [
            _streamed(model, utterance.samples, values)
            if streamed
            else model.transcribe(utterance.samples, rate, **values).text
            for _, values, streamed in ways
        ]
        return utterance.text, utterance.facts, texts

    references, speakers, recognised = [], [], []
    given = utterances if progress else reading(utterances)
    with contextlib.closing(made_ahead(decode, given, get_threads())) as results:
        for reference, speaker, texts in results:
            references.append(reference)
            speakers.append(speaker)
            recognised.append(texts)
            if progress:
                progress(1, total or len(utterances))
    facts = {"dataset": dataset, "split": split, "command": command}
    decoded = {name: [texts[i] for texts in recognised] for i, (name, _, _) in enumerate(ways)}
    figures = error_rates(references, decoded, ("wer", "cer"), group=group, **facts)
    best = [name for name, _, streamed in ways if not streamed][-1]
    for name, members in speaker_groups(speakers).items():
        spoken = [references[i] for i in members]
        read = {best: [decoded[best][i] for i in members]}
        figures += error_rates(spoken, read, ("wer",), group=name, **facts)
    return figures


def _streamed(model: SpeechRecognition, samples: np.ndarray, values: dict[str, Any]) -> str:
    stream = model.open_stream(**values)
    step = model.processor.log_mel.sample_rate // 10
    for start in range(0, len(samples), step):
        stream.feed(samples[start : start + step])
    text: str = stream.finish().text
    return text
