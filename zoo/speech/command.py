"""``zoo run``, ``inspect`` and ``finetune`` for the task ``automatic-speech-recognition``."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from zoo.cli.inputs import (
    STANDARD_INPUT,
    print_doubts,
    print_each,
    progress_bar,
    run_each,
    standard_input,
)
from zoo.cli.inspection import inspect_input, inspection_options
from zoo.cli.options import MODEL, OUT, search_options, training_options
from zoo.cli.output import command_line
from zoo.errors import UsageError, ZooWarning
from zoo.speech.training.options import RecogniserOptions
from zoo.store.locate import Reference

_SUBTITLES = ("srt", "vtt")
_FORMATS = ("text", "json", *_SUBTITLES)


@click.command(
    "run",
    epilog="Examples:\n\n\b\n  zoo run ctc_bilstm.an4 a.wav b.flac --json\n"
    "  zoo run ctc_bilstm.an4 talk.mp3 --format vtt\n"
    "  arecord -q -f S16_LE -r 16000 -c 1 -t raw | zoo run ctc_lstm.an4 -\n"
    "  zoo run ctc_lstm.an4 - --phrases commands.txt",
)
@MODEL
@click.argument("recordings", nargs=-1, required=True)
@search_options
@click.option(
    "--hotword",
    "hotwords",
    multiple=True,
    metavar="WORD=WEIGHT",
    help="Expect a word, such as a name: each of its letters adds WEIGHT. May be repeated.",
)
@click.option(
    "--phrases",
    type=click.Path(path_type=Path),
    help="A file with what may be said: phrases or a grammar, one per line.",
)
@click.option("--repeat", is_flag=True, help="Several of the phrases may be said in a row.")
@click.option("--rate", type=int, help="Sample rate of raw PCM in Hz.  [default: the model's own]")
@click.option(
    "--channel",
    default="auto",
    show_default=True,
    metavar="[auto|mix|NUMBER]",
    help="A channel's number from 0, the mean of all, or the mean unless the channels cancel.",
)
@click.option(
    "--endpoint",
    type=float,
    help="Seconds of silence that end a streamed utterance.  [default: 0.8]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="What to print: text, JSON with words, times and confidences, or subtitles.",
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--srt", "as_srt", is_flag=True, help="Short for --format srt.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="Plot log-mel features, posteriors and words, as PNG, SVG or PDF.",
)
def run(
    model: Reference,
    recordings: tuple[str, ...],
    rate: int | None,
    channel: str,
    endpoint: float | None,
    form: str | None,
    as_json: bool,
    as_srt: bool,
    picture: Path | None,
    hotwords: tuple[str, ...],
    **search: Any,
) -> None:
    """Transcribe RECORDINGS (wav, flac, ogg, mp3; m4a, mp4, webm, wma, amr and aac with PyAV).

    "-" reads standard input: an audio file of these kinds, or else raw 16-bit little-endian mono
    PCM. A streaming model prints words as they are recognised, one line per utterance. Several
    recordings print one line each: name, tab, text. With --phrases an utterance that is none of
    them prints no line in a stream, and an empty one otherwise.
    """
    from zoo.loading import load_model
    from zoo.speech.audio import Peeked, live_blocks
    from zoo.speech.recognition import SpeechRecognition

    form = _one_format(form, as_json, as_srt)
    search["hotwords"] = _weights(hotwords)
    subtitles = form in _SUBTITLES
    if len(recordings) > 1 and (STANDARD_INPUT in recordings or subtitles or picture):
        raise UsageError("standard input, subtitles and --picture need a single recording")
    if rate is not None and recordings != (STANDARD_INPUT,):
        raise UsageError("--rate is for raw PCM, which is read from standard input: - < FILE")
    loaded = load_model(model, kind=SpeechRecognition)
    own_rate = loaded.processor.log_mel.sample_rate
    chosen: Any = int(channel) if channel.isdecimal() else channel
    sources: list[Any] = list(recordings)
    sample_rate = None
    if recordings == (STANDARD_INPUT,):
        incoming = Peeked(standard_input())
        if incoming.kind is None:
            sample_rate = rate or own_rate
        elif rate is not None:
            raise UsageError(f"--rate is for raw PCM; standard input is {incoming.kind}")
        if loaded.streams and not subtitles and picture is None:
            heard, blocks = live_blocks(incoming, sample_rate or own_rate, chosen, "standard input")
            if endpoint is not None:
                search["endpoint_seconds"] = endpoint
            stream = loaded.open_stream(heard, **search)
            _run_stream(stream, blocks, form == "json")
            return
        sources = [incoming]
    if endpoint is not None:
        raise UsageError("--endpoint is for a stream: standard input, a streaming model and text")
    if picture is not None:  # read once, since what is in a pipe cannot be read twice
        sources = [loaded.processor.read(sources[0], sample_rate, chosen)]
        sample_rate, chosen = own_rate, "auto"
    results = _transcribe(loaded, sources, sample_rate, {"channel": chosen, **search})
    if picture is not None:
        loaded.plot(sources[0], picture, sample_rate, **search)
    if subtitles:
        click.echo(getattr(results[0], f"to_{form}")(), nl=False)
        print_doubts(results[0])
    else:
        print_each(recordings, results, form == "json", "recording")


def _weights(hotwords: tuple[str, ...]) -> dict[str, float] | None:
    """Hot words from the command line."""
    found = {}
    for one in hotwords:
        word, _, weight = one.rpartition("=")
        try:
            found[word] = float(weight)
        except ValueError:
            raise UsageError(f"--hotword is WORD=WEIGHT, such as Hooker=2, not {one!r}") from None
    return found or None


def _one_format(form: str | None, as_json: bool, as_srt: bool) -> str:
    asked = [form] if form else []
    asked += [name for name, flag in (("json", as_json), ("srt", as_srt)) if flag]
    if len(set(asked)) > 1:
        raise UsageError(f"give one format, not both {' and '.join(asked)}")
    return asked[0] if asked else "text"


def _transcribe(
    loaded: Any, sources: list[Any], rate: int | None, search: dict[str, Any]
) -> list[Any]:
    from zoo.speech.audio import audio_seconds
    from zoo.speech.recognition import UNLIKE

    def transcribe(some: list[Any]) -> list[Any]:
        known = [audio_seconds(source) for source in some]
        total = sum(seconds for seconds in known if seconds) if all(known) else None
        with warnings.catch_warnings(), progress_bar("transcribing", "s", total) as update:
            warnings.filterwarnings("ignore", f".* is {UNLIKE}$", ZooWarning)  # a doubt as well
            results: list[Any] = loaded.transcribe(some, rate, on_progress=update, **search)
        return results

    return run_each(transcribe, sources)


def _run_stream(stream: Any, blocks: Iterable[Any], as_json: bool) -> None:
    """Print words as they come, and a line break at the end of each utterance."""
    shown = ""
    grows = stream.greedy  # the text of a beam search may change until the utterance ends
    try:
        for samples in blocks:
            stream.feed(samples)
            if grows and not as_json:
                text = stream.partial()
                if text.startswith(shown):  # it is not if what was heard turns out to be noise
                    click.echo(text[len(shown) :], nl=False)
                    shown = text
            if stream.endpoint:
                result = stream.flush()
                if result.text or shown or as_json:
                    _print_utterance(result, shown, as_json)
                shown = ""
    finally:  # what was heard is told even if the input broke off
        last = stream.finish()
        if last.text or shown or (as_json and last.doubts):
            _print_utterance(last, shown, as_json)


def _print_utterance(result: Any, shown: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result.to_dict(), ensure_ascii=False))
    else:
        click.echo(result.text[len(shown) :])
        print_doubts(result, f"{result.words[0].start:.1f} s: " if result.words else "")


@click.command(
    "inspect", epilog="Example:\n\n\b\n  zoo inspect ctc_lstm.an4 question.wav --plot gates.png"
)
@MODEL
@click.argument("recording", type=click.Path(path_type=Path))
@inspection_options
def inspect(model: Reference, recording: Path, **options: Any) -> None:
    """Look into MODEL while it hears RECORDING."""
    inspect_input(model, recording, **options)


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
    RecogniserOptions,
    seed="Random seed of dropout, augmentation and order.",
    batch="Recordings per batch.",
)
def finetune(model: Reference, audio: Path, out: Path, **options: Any) -> None:
    """Fine-tune MODEL on your own recordings.

    Some recordings are held out for validation, and characters that the model does not know are
    added to its alphabet. Repeat the command to resume an interrupted run.
    """
    from zoo.speech.training.run import finetune_recogniser

    chosen = RecogniserOptions(**options)
    click.echo(finetune_recogniser(model, audio, out, chosen, command=command_line()))
