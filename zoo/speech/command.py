"""``zoo run`` and ``zoo finetune`` for the task ``automatic-speech-recognition``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from zoo.cli.inputs import STANDARD_INPUT, print_each, progress_bar, run_each
from zoo.cli.options import MODEL, OUT, search_options, training_options
from zoo.cli.output import command_line
from zoo.errors import DataError, UsageError
from zoo.store.locate import Reference

if TYPE_CHECKING:
    from zoo.speech.recognition import SpeechRecognition

_READ_BYTES = 3200  # a tenth of a second at 16 kHz
_SUBTITLE_WORDS = 8
_SUBTITLE_GAP = 1.0


@click.command(
    "run",
    epilog="Examples:\n\n\b\n  zoo run ctc_bilstm.an4 a.wav b.flac --json\n"
    "  arecord -q -f S16_LE -r 16000 -c 1 -t raw | zoo run ctc_lstm.an4 -",
)
@MODEL
@click.argument("recordings", nargs=-1, required=True)
@search_options
@click.option("--rate", default=16_000, show_default=True, help="Sample rate of the stream in Hz.")
@click.option(
    "--endpoint",
    default=0.8,
    show_default=True,
    help="Seconds of silence that end a streamed utterance.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON with words, times, confidences.")
@click.option("--srt", "as_srt", is_flag=True, help="Print subtitles (SubRip).")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="Plot log-mel features, posteriors and words, as PNG, SVG or PDF.",
)
def run(
    model: Reference,
    recordings: tuple[str, ...],
    rate: int,
    endpoint: float,
    as_json: bool,
    as_srt: bool,
    picture: Path | None,
    **search: Any,
) -> None:
    """Transcribe RECORDINGS (wav, flac, ogg, mp3).

    "-" reads raw 16-bit little-endian mono PCM from standard input; a streaming model prints words
    as they are recognised, one line per utterance. Several recordings print one line each: name,
    tab, text.
    """
    from zoo.loading import load_model

    if as_json and as_srt:
        raise UsageError("give --json or --srt, not both")
    if len(recordings) > 1 and (STANDARD_INPUT in recordings or as_srt or picture):
        raise UsageError("standard input, --srt and --picture need a single recording")
    loaded = cast("SpeechRecognition", load_model(model))
    if recordings == (STANDARD_INPUT,) and loaded.streams and not as_srt and picture is None:
        _run_stream(loaded.open_stream(rate, endpoint_seconds=endpoint, **search), as_json)
        return
    sources: list[Any] = list(recordings)
    given = None
    if recordings == (STANDARD_INPUT,):
        sources, given = [_read_standard_input()], rate
    results = _transcribe(loaded, sources, given, search)
    if picture is not None:
        loaded.plot(sources[0], picture, given, **search)
    if as_srt:
        click.echo(_subtitles(results[0].words), nl=False)
    else:
        print_each(recordings, results, as_json, "recording")


def _transcribe(
    loaded: Any, sources: list[Any], rate: int | None, search: dict[str, Any]
) -> list[Any]:
    from zoo.speech.audio import audio_seconds

    def transcribe(some: list[Any]) -> list[Any]:
        known = [audio_seconds(source) for source in some]
        total = sum(seconds for seconds in known if seconds) if all(known) else None
        with progress_bar("transcribing", "s", total) as update:
            results: list[Any] = loaded.transcribe(some, rate, on_progress=update, **search)
        return results

    return run_each(transcribe, sources)


def _run_stream(stream: Any, as_json: bool) -> None:
    """Print words as they are recognised, and a line break after each utterance."""
    shown = ""
    grows = stream.greedy  # the text of a beam search may change until the utterance ends
    try:
        for samples in _standard_input():
            stream.feed(samples)
            if grows and not as_json:
                text = stream.partial()
                click.echo(text[len(shown) :], nl=False)
                shown = text
            if stream.endpoint:
                _print_utterance(stream.flush(), shown, as_json)
                shown = ""
    finally:  # what was heard is told even if the input broke off
        last = stream.finish()
        if last.text or shown:
            _print_utterance(last, shown, as_json)


def _print_utterance(result: Any, shown: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result.to_dict(), ensure_ascii=False))
    else:
        click.echo(result.text[len(shown) :])


def _standard_input() -> Iterator[Any]:
    """Stream the samples of the PCM on standard input."""
    from zoo.speech.audio import PcmReader

    reader = PcmReader()
    stream: Any = sys.stdin.buffer
    while data := stream.read1(_READ_BYTES):
        yield reader.feed(data)
    reader.finish()


def _read_standard_input() -> Any:
    import numpy as np

    parts = list(_standard_input())
    if not parts:
        raise DataError("there is nothing on standard input")
    return np.concatenate(parts)


def _subtitles(words: tuple[Any, ...]) -> str:
    """Words as SubRip: a few at a time, a new subtitle after each longer silence."""
    groups: list[list[Any]] = []
    for word in words:
        near = groups and word.start - groups[-1][-1].end < _SUBTITLE_GAP
        if near and len(groups[-1]) < _SUBTITLE_WORDS:
            groups[-1].append(word)
        else:
            groups.append([word])
    return "".join(
        f"{number}\n{_clock(group[0].start)} --> {_clock(group[-1].end)}\n"
        f"{' '.join(word.text for word in group)}\n\n"
        for number, group in enumerate(groups, 1)
    )


def _clock(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d},{rest % 1000:03d}"


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n  zoo finetune ctc_bilstm.an4 --audio recordings --out runs/mine",
)
@MODEL
@click.option(
    "--audio",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder of recordings with transcripts.tsv (file name, tab, transcript).",
)
@OUT
@training_options(
    epochs=30,
    patience=8,
    learning_rate=3e-4,
    seed="Random seed of dropout, augmentation and order.",
)
@click.option("--batch", default=16, show_default=True, help="Recordings per batch.")
def finetune(model: Reference, audio: Path, out: Path, **options: Any) -> None:
    """Fine-tune MODEL on your own recordings.

    Some recordings are held out for validation, and characters that the model does not know are
    added to its alphabet. Repeat the command to resume an interrupted run.
    """
    from zoo.speech.training.run import RecogniserOptions, finetune_recogniser

    chosen = RecogniserOptions(**options)
    click.echo(finetune_recogniser(model, audio, out, chosen, command=command_line()))
