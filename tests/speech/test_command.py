"""``zoo run`` and ``zoo finetune`` on recordings: files, pipes, subtitles, exit codes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.cli.test_cli import ZOO, in_a_process
from tests.conftest import CommandLine
from tests.speech.toy import RATE, make_recogniser, speech_like, write_wav
from zoo import load_model


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model folders of both kinds."""
    root = tmp_path_factory.mktemp("recognisers")
    return {name: make_recogniser(name).save(root / name) for name in ("ctc_bilstm", "ctc_lstm")}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("audio") / "a.wav", speech_like(2.0))


@pytest.fixture(scope="module")
def wanted(folders: dict[str, Path], recording: Path) -> dict[str, Any]:
    return {name: load_model(folder).transcribe(recording) for name, folder in folders.items()}


def pcm(samples: np.ndarray) -> bytes:
    return (samples * 32768).astype("<i2").tobytes()


def test_one_recording_prints_its_text(
    folders: dict[str, Path], recording: Path, wanted: dict[str, Any]
) -> None:
    env = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    run = in_a_process("run", folders["ctc_bilstm"], recording, env=env)
    assert run.stdout == f"{wanted['ctc_bilstm']}\n"
    assert run.stderr == ""


def test_several_recordings_print_json_with_their_words(
    cli: CommandLine,
    folders: dict[str, Path],
    recording: Path,
    wanted: dict[str, Any],
    tmp_path: Path,
) -> None:
    other = write_wav(tmp_path / "b.wav", speech_like(0.7, seed=2))
    shown = cli("run", folders["ctc_bilstm"], recording, other, "--json", "--n-best", 2).stdout
    first, second = json.loads(shown)
    assert first["recording"] == str(recording)
    assert first["seconds"] == pytest.approx(2.0)
    assert [word["text"] for word in first["words"]] == first["text"].split()
    assert len(second["alternatives"]) == 2
    lines = cli("run", folders["ctc_bilstm"], recording, other).stdout.splitlines()
    assert lines[0] == f"{recording}\t{wanted['ctc_bilstm']}"


def test_a_bad_recording_does_not_lose_the_others(
    cli: CommandLine,
    folders: dict[str, Path],
    recording: Path,
    wanted: dict[str, Any],
    tmp_path: Path,
) -> None:
    missing = tmp_path / "missing.wav"
    run = cli("run", folders["ctc_bilstm"], missing, recording, code=1)
    assert run.stdout == f"{recording}\t{wanted['ctc_bilstm']}\n"
    assert run.stderr.count("missing.wav") == 1
    run = cli("run", folders["ctc_bilstm"], missing, recording, "--json", code=1)
    first, second = json.loads(run.stdout)
    assert set(first) == {"recording", "error"}
    assert second["text"] == wanted["ctc_bilstm"].text


def test_a_wrong_option_is_told_once_for_several_recordings(
    cli: CommandLine, folders: dict[str, Path], recording: Path
) -> None:
    run = cli("run", folders["ctc_bilstm"], recording, recording, "--beam-size", 0, code=2)
    assert run.stderr.count("beam") == 1


def test_subtitles_and_a_picture(
    cli: CommandLine,
    folders: dict[str, Path],
    recording: Path,
    wanted: dict[str, Any],
    tmp_path: Path,
) -> None:
    picture = tmp_path / "a.png"
    shown = cli("run", folders["ctc_bilstm"], recording, "--srt", "--picture", picture).stdout
    assert shown.startswith("1\n00:00:0")
    assert " --> " in shown
    words = [
        w for block in shown.split("\n\n") for line in block.split("\n")[2:] for w in line.split()
    ]
    assert words == wanted["ctc_bilstm"].text.split()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_pipe_is_transcribed_while_it_runs(
    folders: dict[str, Path], wanted: dict[str, Any]
) -> None:
    samples = speech_like(2.0)
    command = [*ZOO, "run", str(folders["ctc_lstm"]), "-", "--endpoint", "60"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdin
        assert run.stdout
        assert run.stderr
        run.stdin.write(pcm(samples[: 3 * RATE // 2]))
        run.stdin.flush()
        early = run.stdout.read(1)  # comes although the pipe is still open
        run.stdin.write(pcm(samples[3 * RATE // 2 :]))
        run.stdin.close()
        rest = run.stdout.read()
        assert run.wait(60) == 0, run.stderr.read()
    assert (early + rest).decode() == f"{wanted['ctc_lstm']}\n"


def test_a_pipe_into_a_model_of_whole_utterances_waits_for_the_end(
    cli: CommandLine, folders: dict[str, Path], wanted: dict[str, Any]
) -> None:
    run = cli("run", folders["ctc_bilstm"], "-", stdin=pcm(speech_like(2.0)))
    assert run.stdout == f"{wanted['ctc_bilstm']}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere.wav"], 1, "nowhere.wav"),
        (["README.md"], 1, "not readable audio"),
        (["a.wav", "--beam-size", "0"], 2, "beam_size"),
        (["a.wav", "--language-model", "own"], 2, "no language model of its own"),
        (["a.wav", "--json", "--srt"], 2, "not both json and srt"),
        (["a.wav", "--format", "vtt", "--json"], 2, "not both vtt and json"),
        (["a.wav", "--channel", "left"], 2, "channel must be a number"),
        (["a.wav", "--channel", "1"], 2, "has 1 channel, numbered from 0"),
        (["a.wav", "-"], 2, "single recording"),
        (["a.wav", "--rate", "8000"], 2, "read from standard input: - < FILE"),
        ([], 2, "Missing argument"),
    ],
)
def test_wrong_usage_exits_with_a_message(
    cli: CommandLine,
    folders: dict[str, Path],
    recording: Path,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    (recording.parent / "README.md").write_text("not audio")
    run = cli("run", folders["ctc_bilstm"], *arguments, code=code, cwd=recording.parent)
    assert message in run.stderr


@pytest.mark.parametrize(("name", "kind"), [("ctc_bilstm", "MP3"), ("ctc_lstm", "WAV")])
def test_standard_input_is_read_as_what_it_is(
    cli: CommandLine, folders: dict[str, Path], tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / "a"
    soundfile.write(path, speech_like(2.0), RATE, format=kind)
    command = ["run", folders[name], "-"]
    if name == "ctc_lstm":
        command += ["--endpoint", 60]
    else:
        run = cli(*command, "--endpoint", 1, stdin=path.read_bytes(), code=2)
        assert "--endpoint is for a stream" in run.stderr
    run = cli(*command, stdin=path.read_bytes())
    assert run.stdout == f"{load_model(folders[name]).transcribe(path)}\n"
    assert "zoo:" not in run.stderr
    run = cli(*command, "--rate", 8000, stdin=path.read_bytes(), code=2)
    assert f"--rate is for raw PCM; standard input is {kind.lower()}" in run.stderr


def test_a_raw_stream_of_another_rate_needs_its_rate(
    cli: CommandLine, folders: dict[str, Path]
) -> None:
    samples = speech_like(2.0)
    wanted = load_model(folders["ctc_bilstm"]).transcribe(samples, 8_000)
    assert wanted.seconds == pytest.approx(4.0)
    run = cli("run", folders["ctc_bilstm"], "-", "--rate", 8000, "--json", stdin=pcm(samples))
    (found,) = json.loads(run.stdout)
    assert found["text"] == wanted.text
    assert found["seconds"] == pytest.approx(4.0)


def test_process_substitution_and_other_formats(
    folders: dict[str, Path], recording: Path, wanted: dict[str, Any], tmp_path: Path
) -> None:
    picture = tmp_path / "a.png"
    line = f"{shlex.join(ZOO)} run {folders['ctc_bilstm']} <(cat {recording}) --picture {picture}"
    run = subprocess.run(["bash", "-c", f"{line} --format vtt"], capture_output=True, check=True)
    assert run.stdout.decode() == wanted["ctc_bilstm"].to_vtt()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_channels_of_a_recording(
    cli: CommandLine, folders: dict[str, Path], tmp_path: Path
) -> None:
    one, two = speech_like(2.0), speech_like(2.0, seed=2)
    model = load_model(folders["ctc_bilstm"])
    texts = [model.transcribe(samples, RATE).text for samples in (one, two)]
    assert texts[0] != texts[1]
    path, inverted = tmp_path / "two.wav", tmp_path / "inverted.wav"
    soundfile.write(path, np.stack([one, two], axis=1), RATE)
    soundfile.write(inverted, np.stack([one, -one], axis=1), RATE)
    for channel, text in enumerate(texts):
        run = cli("run", folders["ctc_bilstm"], path, "--channel", channel)
        assert run.stdout == f"{text}\n"
        assert "zoo:" not in run.stderr
        assert model.transcribe(path, channel=channel).text == text
    run = cli("run", folders["ctc_bilstm"], inverted)
    assert run.stdout == f"{texts[0]}\n"
    assert f"zoo: the channels of {inverted} cancel each other out" in run.stderr


def test_a_muted_microphone_is_told(cli: CommandLine, folders: dict[str, Path]) -> None:
    run = cli("run", folders["ctc_lstm"], "-", stdin=bytes(64_000))
    assert "zoo: standard input is silent" in run.stderr


def test_nothing_on_standard_input_is_a_failure(cli: CommandLine, folders: dict[str, Path]) -> None:
    run = cli("run", folders["ctc_lstm"], "-", stdin=b"", code=1)
    assert "zoo: standard input holds no samples" in run.stderr


def test_half_a_sample_on_standard_input_is_a_failure(
    cli: CommandLine, folders: dict[str, Path]
) -> None:
    samples = speech_like(0.5)
    run = cli("run", folders["ctc_lstm"], "-", "--json", stdin=pcm(samples) + b"\x01", code=1)
    assert "half a sample" in run.stderr
    # What was heard before is told all the same.
    assert json.loads(run.stdout)["seconds"] == pytest.approx(0.5)


def test_finetune_on_a_folder_of_recordings(
    cli: CommandLine, folders: dict[str, Path], tmp_path: Path
) -> None:
    audio, lines = tmp_path / "audio", []
    audio.mkdir()
    for number in range(12):
        write_wav(audio / f"{number}.wav", speech_like(1.0, seed=number))
        lines.append(f"{number}.wav\t{'ÄBCD'[number % 4]} bad  toad")
    (audio / "transcripts.tsv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    run = cli(
        "finetune", folders["ctc_bilstm"], "--audio", audio, "--out", out,
        "--epochs", 2, "--batch", 4,
    )  # fmt: skip
    assert run.stdout.strip().endswith(str(out))
    model = load_model(out)
    assert "Ä" in model.processor.vocabulary  # the alphabet grew, and the text is in capitals
    assert "b" not in model.processor.vocabulary
    (figure,) = model.metrics
    assert figure.value <= figure.extra["start"]
    assert model.transcribe(audio / "0.wav", language_model="own").text is not None
    scored = json.loads(cli("evaluate", out, "--data", audio, "--json").stdout)
    assert {(r["metric"], r["decoding"]) for r in scored} >= {("wer", "greedy"), ("cer", "greedy")}
    assert all(r["interval_95"][0] <= r["value"] <= r["interval_95"][1] for r in scored)


@pytest.mark.parametrize(
    ("transcripts", "message"),
    [
        (None, "transcripts.tsv"),
        ("", "transcripts.tsv"),
        ("0.wav\tA\n", "at least two"),
        ("0.wav\tA\nmissing.wav\tB\n", "missing.wav"),
        ("0.wav\tA\n0.wav\tB\n", "before"),
        ("0.wav\tA\n../0.wav\tB\n", "line 2: .* is outside the folder"),
        ("0.wav\tA\n/etc/hostname\tB\n", "line 2: .* is outside the folder"),
        (f"0.wav\tA\n{'a' * 300}.wav\tB\n", "line 2: there is no recording"),
        ("0.wav A\n", "line 1"),
        ("0.wav\tA\n1.wav\t \n", "line 2"),
    ],
)
def test_a_wrong_transcripts_file_is_a_clear_error(
    tmp_path: Path, transcripts: str | None, message: str
) -> None:
    from zoo.errors import DataError
    from zoo.speech.training.recordings import read_transcripts

    for number in range(2):
        write_wav(tmp_path / f"{number}.wav", speech_like(0.1))
    if transcripts is not None:
        (tmp_path / "transcripts.tsv").write_text(transcripts)
    with pytest.raises(DataError, match=message):
        read_transcripts(tmp_path)
