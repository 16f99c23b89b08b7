"""The model folder: strict reading, whole writing, and what hostile folders meet."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import make_model
from zoo import load_model
from zoo.errors import FolderError, UsageError, ZooError
from zoo.folder.bundle import describe_folder, read_bundle
from zoo.folder.figures import Figure
from zoo.folder.layout import CONFIG, GOLDEN, WEIGHTS
from zoo.folder.manifest import (
    MANIFEST,
    MAX_TEXT_BYTES,
    FileEntry,
    Manifest,
    parse_json,
    parse_manifest,
    sha256_of,
)
from zoo.folder.model_folder import ModelFolder
from zoo.folder.weights_file import parse_safetensors
from zoo.folder.writing import write_bundle

FORMAT_1 = Path(__file__).parent / "fixtures" / "format_1"


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def reseal(folder: Path) -> None:
    """Write a manifest that fits the folder's files, as someone hostile would."""
    files = {}
    for path in folder.iterdir():
        if path.name != MANIFEST and path.is_file():
            data = path.read_bytes()
            files[path.name] = FileEntry(sha256_of(data), len(data))
    (folder / MANIFEST).write_bytes(Manifest(files).to_bytes())


def change_config(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((folder / CONFIG).read_text())
    change(content)
    (folder / CONFIG).write_text(json.dumps(content))
    reseal(folder)


def test_a_folder_of_format_version_1_still_loads() -> None:
    model = load_model(FORMAT_1)
    assert model.check() < 2e-3
    # Written down when the fixture was made.
    expected = json.loads((FORMAT_1.parent / "format_1_expected.json").read_text())
    score = model.score(expected["text"])
    assert score.nats_per_character == pytest.approx(expected["nats_per_character"], abs=1e-4)


def test_weights_in_eight_bits_are_read_back_within_half_a_step(
    tiny_model: Any, tmp_path: Path
) -> None:
    folder = tiny_model.save(tmp_path / "eight", int8=True)
    assert json.loads((folder / CONFIG).read_text())["format_version"] == 2
    assert json.loads((folder / MANIFEST).read_text())["format_version"] == 2
    stored = safetensors.numpy.load_file(folder / WEIGHTS)
    assert stored["recurrent_1/lstm_cell/kernel"].dtype == np.int8
    assert stored["recurrent_1/lstm_cell/kernel.scale"].shape == (1, 96)
    assert stored["embedding/embeddings.scale"].shape == (30, 1)
    assert stored["logits/bias"].dtype == np.float16
    again: Any = load_model(folder)
    assert again.check() < 1e-4
    for path, before in tiny_model.weights().items():
        step = stored[path + ".scale"] if path + ".scale" in stored else np.float32(1e-7)
        assert (np.abs(again.weights()[path] - before) <= 0.501 * step + 1e-3 * abs(before)).all()
    # Written once more, they are the same: nothing is rounded twice.
    twice: Any = load_model(again.save(tmp_path / "twice", int8=True))
    for path, array in again.weights().items():
        np.testing.assert_allclose(twice.weights()[path], array, rtol=2e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("logits/kernel.scale"), r"in int8 and has no logits/kernel\.scale"),
        (lambda s: s.update({"a.scale": np.ones(1, np.float32)}), "the scale of nothing in int8"),
        (
            lambda s: s.update({"logits/kernel.scale": np.ones((2, 30), np.float32)}),
            "does not fit logits/kernel",
        ),
        (
            lambda s: s.update({"logits/kernel.scale": np.full((1, 30), np.inf, np.float32)}),
            "NaN",
        ),
    ],
)
def test_damaged_weights_in_eight_bits_are_refused(
    tiny_model: Any, tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    folder = tiny_model.save(tmp_path / "eight", int8=True)
    stored = safetensors.numpy.load_file(folder / WEIGHTS)
    change(stored)
    safetensors.numpy.save_file(stored, folder / WEIGHTS)
    reseal(folder)
    with pytest.raises(FolderError, match=message):
        load_model(folder)


def test_weights_in_eight_bits_need_format_version_2(tiny_model: Any, tmp_path: Path) -> None:
    folder = tiny_model.save(tmp_path / "eight", int8=True)
    change_config(folder, lambda content: content.update(format_version=1))
    with pytest.raises(FolderError, match="is not of type F16 or F32"):
        load_model(folder)


def test_what_is_written_reads_back_the_same(tiny_model: Any, tmp_path: Path) -> None:
    again = load_model(tiny_model.save(tmp_path / "copy"))
    for before, after in zip(tiny_model.network.weights, again.network.weights, strict=True):
        np.testing.assert_array_equal(before.numpy(), after.numpy())
    assert again.card == tiny_model.card
    assert again.processor == tiny_model.processor


def test_weights_are_stored_as_float16_by_variable_path(tiny_folder: Path) -> None:
    stored = safetensors.numpy.load_file(tiny_folder / WEIGHTS)
    assert stored["recurrent_1/lstm_cell/kernel"].shape == (8, 96)
    assert {array.dtype for array in stored.values()} == {np.dtype(np.float16)}


def test_a_large_part_of_the_search_is_read_back_and_one_too_large_not_written(
    tiny_model: Any, tmp_path: Path
) -> None:
    part = bytes(MAX_TEXT_BYTES + 1)
    bundle = replace(tiny_model.bundle(), files={"language_model.safetensors": part})
    again = read_bundle(write_bundle(tmp_path / "large", bundle))
    assert again.files == bundle.files
    with pytest.raises(ZooError, match="would be larger than"):
        write_bundle(tmp_path / "text", replace(bundle, files={"vocab.txt": part}))
    assert not (tmp_path / "text").exists()


def test_nothing_is_written_over_a_model(tiny_model: Any, folder: Path) -> None:
    before = (folder / MANIFEST).read_bytes()
    with pytest.raises(UsageError, match="already holds a model"):
        tiny_model.save(folder)
    assert (folder / MANIFEST).read_bytes() == before


def test_the_card_has_hub_front_matter_that_parses(tiny_folder: Path) -> None:
    from huggingface_hub import ModelCard

    text = (tiny_folder / "README.md").read_text()
    data = yaml.safe_load(text.split("---")[1])
    assert data["pipeline_tag"] == "text-generation"
    assert data["license"] == "apache-2.0"
    assert data["language"] == ["en"]
    assert ModelCard(text).data.pipeline_tag == "text-generation"


def test_a_bar_in_a_figure_does_not_break_the_cards_table(tmp_path: Path) -> None:
    model = make_model()
    figure = Figure("bleu", 41.26, "BLEU", "d", "test", scorer="a|b", command="zoo evaluate x")
    model.metrics = [figure]
    model.save(tmp_path / "model")
    text = (tmp_path / "model" / "README.md").read_text()
    assert "| bleu | 41.3 BLEU | d, test | a\\|b | `zoo evaluate x` |" in text


def test_the_golden_outputs_notice_a_changed_weight(folder: Path) -> None:
    stored = safetensors.numpy.load_file(folder / WEIGHTS)
    stored["recurrent_2/lstm_cell/kernel"] = stored["recurrent_2/lstm_cell/kernel"] + 0.5
    safetensors.numpy.save_file(stored, folder / WEIGHTS)
    reseal(folder)
    with pytest.raises(FolderError, match="differ from the golden"):
        load_model(folder).check()


@pytest.mark.parametrize(
    "golden",
    [
        {"input.0": np.zeros((2, 3, 4), np.int32)},
        {"input.1": np.zeros((2, 3), np.int32)},
        {"output.0": np.zeros(3, np.float32)},
        {"input.0": np.zeros((2, 3), np.float32), "output.0": np.zeros(3, np.float32)},
    ],
)
def test_golden_arrays_that_do_not_fit_are_refused(
    folder: Path, golden: dict[str, np.ndarray]
) -> None:
    safetensors.numpy.save_file(golden, folder / GOLDEN)
    reseal(folder)
    with pytest.raises(FolderError, match="golden"):
        load_model(folder).check()


@pytest.mark.parametrize("decoder", [{"temperature": -1}, {"top_k": "many"}, {"top_p": 2}])
def test_settings_of_the_decoder_out_of_range_are_the_folders_fault(
    folder: Path, decoder: dict[str, Any]
) -> None:
    change_config(folder, lambda content: content.update(decoder=decoder))
    with pytest.raises(FolderError, match=next(iter(decoder))):
        load_model(folder)


def test_a_nan_weight_is_refused(folder: Path) -> None:
    stored = safetensors.numpy.load_file(folder / WEIGHTS)
    stored["logits/bias"][0] = np.nan
    safetensors.numpy.save_file(stored, folder / WEIGHTS)
    reseal(folder)
    with pytest.raises(FolderError, match="NaN"):
        load_model(folder)


def test_a_weight_that_overflows_sums_is_refused_by_name(folder: Path) -> None:
    halves = safetensors.numpy.load_file(folder / WEIGHTS)
    stored = {name: array.astype(np.float32) for name, array in halves.items()}
    stored["logits/bias"][0] = 3e38
    safetensors.numpy.save_file(stored, folder / WEIGHTS)
    reseal(folder)
    with pytest.raises(FolderError, match="hold 3e\\+38 in logits/bias"):
        load_model(folder)


def test_outputs_that_are_not_finite_fail_the_check(tiny_folder: Path) -> None:
    model: Any = load_model(tiny_folder)
    bias = model.network.get_layer("logits").bias
    bias.assign(np.full(bias.shape, np.nan, np.float32))
    with pytest.raises(FolderError, match=r"golden input: .* became NaN"):
        model.check()
    with pytest.raises(ZooError, match="NaN or infinite"):
        model.generate("the ", 20, seed=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1" * 400, "a whole number of 400 digits"),
        ("-" + "1" * 5000, "a whole number of 5001 digits"),
        ("1e999", "the number 1e999 is not finite"),
        ("NaN", "NaN is not a finite number"),
        ("[-Infinity]", "-Infinity is not a finite number"),
        ('["\\ud800"]', "half a character"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_what_json_cannot_hold_is_refused_where_it_is_read(text: str, message: str) -> None:
    with pytest.raises(FolderError, match=re.escape(message)) as caught:
        parse_json(text.encode(), "here")
    str(caught.value).encode()
    assert parse_json(b'["\\u00e9", "\\ud83d\\ude00", 12345678901234567890]', "here") == [
        "é",
        "😀",
        12345678901234567890,
    ]


def test_shapes_of_huge_numbers_are_refused_at_once() -> None:
    for shape in ([10**15], [2**40] * 8, [1] * 100_000, [-1], [True]):
        header = {"a": {"dtype": "F16", "shape": shape, "data_offsets": [0, 2]}}
        text = json.dumps(header).encode()
        data = len(text).to_bytes(8, "little") + text + b"\0\0"
        with pytest.raises(FolderError, match="no valid shape"):
            parse_safetensors(data, {"F16": np.float16}, "here")


def test_a_weight_too_large_for_float16_is_not_written(tmp_path: Path) -> None:
    model = make_model()
    bias = model.network.get_layer("logits").bias
    bias.assign(np.full(bias.shape, 1e6, np.float32))
    with pytest.raises(ZooError, match="float16"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model" / MANIFEST).exists()


def test_differing_weights_are_listed(folder: Path) -> None:
    stored = safetensors.numpy.load_file(folder / WEIGHTS)
    bias = stored.pop("logits/bias")
    stored["logits/bais"] = bias
    stored["logits/kernel"] = np.ascontiguousarray(stored["logits/kernel"].T)
    safetensors.numpy.save_file(stored, folder / WEIGHTS)
    reseal(folder)
    with pytest.raises(FolderError) as caught:
        load_model(folder)
    message = str(caught.value)
    assert "missing: logits/bias (30,)" in message
    assert "unknown: logits/bais (30,)" in message
    assert "logits/kernel: the file has (30, 24), the network (24, 30)" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format_version=3), "newer than this zoo reads"),
        (lambda c: c.pop("format_version"), "format_version is None"),
        (lambda c: c.update(architecture="char_lstn"), "did you mean 'char_lstm'"),
        (lambda c: c.update(architecture="os:system"), "unknown model"),
        (lambda c: c.update(architecture=7), "not text"),
        (lambda c: c.update(task="translation"), "is not 'text-generation'"),
        (lambda c: c.update(config=[]), "not a table"),
        (lambda c: c["config"].update(units=10**9), "units must be a whole number"),
        (lambda c: c["config"].update(units=True), "units must be a whole number"),
        (lambda c: c["config"].update(units=8192, layers=16), "holds .* weights"),
        (lambda c: c["config"].update(cell="__import__"), "cell must be one of"),
        (lambda c: c["config"].update(unit=3), "did you mean 'units'"),
        (lambda c: c["config"].update(hidden_dropout=float("nan")), "NaN is not a finite"),
        (lambda c: c["config"].pop("vocabulary_size"), "vocabulary_size"),
        (lambda c: c["config"].update(vocabulary_size=29), "vocabulary_size is 29, but must be 30"),
        (lambda c: c["card"].update(name=[]), "'name' is \\[\\], not a str"),
        (lambda c: c["card"].update(languages=5), "'languages' is 5, not a list"),
        (lambda c: c["card"].update(languages=[5]), "not a list of texts"),
        (lambda c: c["card"].update(comparison=[{"what": "x"}]), "'unit' is None"),
    ],
)
def test_a_wrong_config_is_a_clear_error(
    folder: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    change_config(folder, change)
    with pytest.raises(FolderError, match=message):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("{}", "not a list of tables"),
        ("[3]", "3 is not a table"),
        ("[{}]", "'metric' is None"),
        ('[{"metric": "x", "dataset": [1], "split": "test", "value": 1}]', "'dataset' is"),
        ('[{"metric": "x", "dataset": "d", "split": "test", "value": "1"}]', "'value' is '1'"),
        (
            '[{"metric": "x", "dataset": "d", "split": "s", "value": 1, "interval_95": [0, "a"]}]',
            "'interval_95' is 'a', not a float",
        ),
        (
            '[{"metric": "x", "dataset": "d", "split": "s", "value": 1, "interval_95": [0]}]',
            "not two numbers",
        ),
        ('[{"metric": "x", "dataset": "d", "split": "s", "value": NaN}]', "NaN is not a finite"),
        (f'[{{"metric": "x", "dataset": "d", "split": "s", "value": 1{"0" * 400}}}]', "401 digits"),
    ],
)
def test_wrong_figures_are_a_clear_error(folder: Path, metrics: str, message: str) -> None:
    (folder / "metrics.json").write_text(metrics)
    reseal(folder)
    for read in (read_bundle, describe_folder):
        with pytest.raises(FolderError, match=message):
            read(ModelFolder.open(folder))


def test_a_folder_without_a_manifest_is_no_model(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    with pytest.raises(FolderError, match="no manifest"):
        load_model(folder)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FolderError, match=name):
        load_model(folder)
    reseal(folder)
    with pytest.raises(FolderError, match=f"has no {name}"):
        load_model(folder)


def test_a_missing_vocabulary_is_named(folder: Path) -> None:
    (folder / "vocab.json").unlink()
    reseal(folder)
    with pytest.raises(FolderError, match=r"no vocab\.json"):
        load_model(folder)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, GOLDEN, "vocab.json", "README.md"])
def test_one_changed_byte_is_noticed(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(FolderError, match="damaged or was changed"):
        load_model(folder)


def test_a_truncated_weights_file_is_noticed_with_and_without_a_manifest(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[:-100])
    with pytest.raises(FolderError, match="bytes, its manifest says"):
        load_model(folder)
    reseal(folder)
    with pytest.raises(FolderError, match="is damaged"):
        load_model(folder)


def test_a_header_that_claims_too_much_is_refused(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", 2**60) + data[8:])
    reseal(folder)
    with pytest.raises(FolderError, match="header claims"):
        load_model(folder)


@pytest.mark.parametrize("entry", ['{"dtype": [], "shape": [1]}', '{"shape": [1]}', "5"])
def test_a_header_without_a_type_is_refused(folder: Path, entry: str) -> None:
    header = ('{"a": ' + entry + "}").encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header)
    reseal(folder)
    with pytest.raises(FolderError, match="is not of type"):
        load_model(folder)


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"languages": "en"}, "'languages' is 'en', not a list"),
        ({"license": None}, "'license' is None"),
        ({"note": float("nan")}, "JSON cannot hold"),
        ({"note": Path("x")}, "JSON cannot hold"),
    ],
)
def test_a_card_that_could_not_be_read_is_not_written(
    tiny_model: Any, tmp_path: Path, card: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        tiny_model.save(tmp_path / "out", **card)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["x" * 300, "runs/" + "x" * 300, "./" + "x" * 300])
def test_a_name_too_long_for_a_file_is_a_clear_error(name: str) -> None:
    with pytest.raises(ZooError, match=r"unknown model|cannot read|no model folder"):
        load_model(name)


def test_files_get_the_permissions_of_the_users_mask(tiny_model: Any, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        tiny_model.save(tmp_path / "out")
        assert os.umask(0o027) == 0o027  # it was not changed
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()} == {0o640}


def test_a_weights_file_of_another_type_is_refused(folder: Path) -> None:
    stored = safetensors.numpy.load_file(folder / WEIGHTS)
    doubles = {name: array.astype(np.float64) for name, array in stored.items()}
    safetensors.numpy.save_file(doubles, folder / WEIGHTS)
    reseal(folder)
    with pytest.raises(FolderError, match="not of type F16 or F32"):
        load_model(folder)


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/b", ".hidden", "", "a\\b", "x" * 200]
)
def test_a_manifest_cannot_name_a_path(name: str) -> None:
    files = {name: {"sha256": "0" * 64, "size": 1}}
    with pytest.raises(FolderError, match="plain file name"):
        parse_manifest(json.dumps({"format_version": 1, "files": files}).encode())


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"sha256": "0" * 64},
        {"sha256": "x", "size": 1},
        {"sha256": "0" * 64, "size": -1},
        {"sha256": "0" * 64, "size": 2**50},
        {"sha256": "0" * 64, "size": True},
    ],
)
def test_a_malformed_manifest_entry_is_refused(entry: Any) -> None:
    content = {"format_version": 1, "files": {"a": entry}}
    with pytest.raises(FolderError):
        parse_manifest(json.dumps(content).encode())


def test_deeply_nested_json_is_refused(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"[" * 200_000)
    with pytest.raises(FolderError):
        load_model(folder)


def test_a_named_pipe_does_not_block(folder: Path) -> None:
    (folder / "vocab.json").unlink()
    os.mkfifo(folder / "vocab.json")
    with pytest.raises(FolderError):
        load_model(folder)
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)
    with pytest.raises(FolderError, match="not a regular file"):
        load_model(folder)


_random = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_random
@given(data=st.binary(max_size=400))
def test_random_bytes_as_a_manifest_end_in_a_folder_error(data: bytes) -> None:
    with pytest.raises(FolderError):
        parse_manifest(data)


@_random
@given(
    name=st.sampled_from([CONFIG, WEIGHTS, GOLDEN, "vocab.json", "metrics.json"]), data=st.data()
)
def test_random_bytes_in_a_sealed_file_end_in_a_folder_error_or_load(
    folder: Path, tiny_folder: Path, name: str, data: st.DataObject
) -> None:
    original = bytearray((tiny_folder / name).read_bytes())
    how = data.draw(st.sampled_from(["replace", "overwrite", "cut"]))
    if how == "replace":
        changed = data.draw(st.binary(max_size=300))
    elif how == "cut":
        changed = bytes(original[: data.draw(st.integers(0, len(original) - 1))])
    else:
        start = data.draw(st.integers(0, min(len(original) - 1, 600)))
        piece = data.draw(st.binary(min_size=1, max_size=16))
        changed = bytes(original[:start]) + piece + bytes(original[start + len(piece) :])
    try:
        (folder / name).write_bytes(changed)
        reseal(folder)
        # Any other exception, another ZooError included, fails the test.
        with contextlib.suppress(FolderError):
            read_bundle(folder)
    finally:
        (folder / name).write_bytes(bytes(original))
