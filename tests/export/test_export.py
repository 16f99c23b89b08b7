"""Exported folders run with NumPy and ONNX Runtime alone, and give what the model gives."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.export.running import run_example
from zoo.errors import UsageError, ZooError
from zoo.export import writing
from zoo.export.checking import OnnxFile, all_outputs, run_on_files
from zoo.export.quantisation import int8_codes, rounded, weight_only_int8
from zoo.export.writing import FORMATS, export
from zoo.handwriting.ink_files import ink_of_any

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def loaded() -> Any:
    models: dict[str, Any] = {}
    return lambda name: models.setdefault(name, zoo.load_model(name))


@pytest.fixture(scope="module")
def exported(loaded: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Gives the exported folder of a model, moved to another place."""
    folders: dict[tuple[str, str], Path] = {}

    def get(name: str, kind: str) -> Path:
        if (name, kind) not in folders:
            made, _ = export(loaded(name), tmp_path_factory.mktemp("made") / "model", kind)
            moved = tmp_path_factory.mktemp("moved") / "elsewhere"
            shutil.move(made, moved)
            folders[name, kind] = moved
        return folders[name, kind]

    return get


@pytest.mark.parametrize("kind", ["onnx", "onnx-int8"])
def test_the_example_writes_what_the_model_writes(loaded: Any, exported: Any, kind: str) -> None:
    folder = exported("char_lstm.shakespeare", kind)
    text = run_example(folder, "ROMEO:", "--length", 20, "--temperature", 0)
    wanted = loaded("char_lstm.shakespeare").generate("ROMEO:", length=20, temperature=0)
    assert text == str(wanted)


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_the_example_recognises_what_the_model_recognises(
    loaded: Any, exported: Any, options: tuple[str, ...]
) -> None:
    recording = SAMPLES / "census.wav"
    wanted = loaded("ctc_lstm.an4").transcribe(recording, beam_size=1).text
    assert run_example(exported("ctc_lstm.an4", "onnx"), recording, *options) == wanted


def test_the_example_reads_what_the_model_reads(loaded: Any, exported: Any, tmp_path: Path) -> None:
    line = SAMPLES / "line.png"
    wanted = loaded("crnn.latin").read(line, beam_size=1).text
    assert run_example(exported("crnn.latin", "onnx"), line) == wanted
    strokes = [stroke.tolist() for stroke in ink_of_any(SAMPLES / "word.inkml")]
    (tmp_path / "strokes.json").write_text(json.dumps(strokes))
    wanted = loaded("pen_bilstm.unipen").read(strokes, beam_size=1).text
    folder = exported("pen_bilstm.unipen", "onnx")
    assert run_example(folder, tmp_path / "strokes.json") == wanted


def test_the_example_translates(exported: Any) -> None:
    folder = exported("seq2seq_lstm.tatoeba", "onnx-int8")
    assert run_example(folder, "fr", "Where is the station?") == "Où est la gare ?"


def test_golden_outputs_and_names_are_those_of_the_graphs(exported: Any) -> None:
    folder = exported("ctc_lstm.an4", "onnx")
    facts = json.loads((folder / "model.json").read_text("utf-8"))
    golden = np.load(folder / "golden.npz")
    import onnxruntime

    for name, graph in facts["graphs"].items():
        session = onnxruntime.InferenceSession(folder / graph["file"])
        assert [one.name for one in session.get_inputs()] == [
            one["name"] for one in graph["inputs"]
        ]
        inputs = {one["name"]: golden[f"{name}/in/{one['name']}"] for one in graph["inputs"]}
        names = [one["name"] for one in graph["outputs"]]
        for output, array in zip(names, session.run(names, inputs), strict=True):
            np.testing.assert_allclose(array, golden[f"{name}/out/{output}"], atol=1e-5)
    assert set(facts["graphs"]) == {"whole", "chunk"}
    assert "ONNX" not in (folder / "front_end.json").read_text("utf-8")


def test_every_channel_has_its_own_scale() -> None:
    rng = np.random.default_rng(0)
    array = (rng.standard_normal((50, 6)) * 10.0 ** np.arange(6)).astype(np.float32)
    codes, scales = int8_codes(array, (-1,))
    assert codes.dtype == np.int8
    assert scales.shape == (1, 6)
    assert np.all(np.abs(codes * scales - array) <= scales * 0.501)
    codes, scales = int8_codes(np.zeros((3, 4), np.float32), (0,))
    assert not codes.any()
    assert np.isfinite(scales).all()


def test_int8_files_are_a_quarter_and_equal_alone_and_in_a_batch(
    loaded: Any, exported: Any
) -> None:
    whole = [exported("ctc_lstm.an4", kind) / "whole.onnx" for kind in ("onnx", "onnx-int8")]
    assert whole[1].stat().st_size < 0.27 * whole[0].stat().st_size
    graph = loaded("ctc_lstm.an4").inference.sessions()["whole"].graph
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2, 60, 80)).astype(np.float32)
    inputs = {"features": features, "frames": np.array([60, 41], np.int32)}
    both = all_outputs(OnnxFile(whole[1]), graph, inputs)["log_probs"]
    inputs = {"features": features[1:, :41], "frames": np.array([41], np.int32)}
    alone = all_outputs(OnnxFile(whole[1]), graph, inputs)["log_probs"]
    np.testing.assert_array_equal(both[1, :11], alone[0])


def test_a_model_can_run_on_its_exported_files(loaded: Any, exported: Any) -> None:
    model = zoo.load_model("crnn.latin")  # whose weights are floats
    folder = exported("crnn.latin", "onnx-int8")
    whole = model.inference.sessions()["whole"].graph
    columns = model.golden_inputs()["input.0"][:1]
    (before,) = model.outputs(list(columns))
    run_on_files(model, {"whole": folder / "whole.onnx"})
    (after,) = model.outputs(list(columns))
    inputs = {"features": columns, "frames": np.array([columns.shape[1]], np.int32)}
    wanted = all_outputs(rounded(whole), whole, inputs)["log_probs"][0]
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(after, wanted[: len(after)], atol=1e-4)


def test_a_model_stored_in_eight_bits_is_exported_as_it_is(exported: Any) -> None:
    model = zoo.load_model("ctc_lstm.an4")
    folder = exported("ctc_lstm.an4", "onnx-int8")
    samples = np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * 0.1
    before = model.log_probs(samples, 16_000)
    run_on_files(model, {part: folder / f"{part}.onnx" for part in ("whole", "chunk")})
    np.testing.assert_allclose(model.log_probs(samples, 16_000), before, atol=1e-4)


def test_dynamic_int8_says_how_far_off_it_is(
    loaded: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, worst = export(loaded("crnn.latin"), tmp_path / "model", "onnx-int8-dynamic")
    assert 0 < worst < 4
    assert caplog.messages == []


def test_what_exists_is_not_touched(loaded: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="already exists"):
        export(loaded("crnn.latin"), tmp_path, "onnx")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(UsageError, match="already exists"):
        export(loaded("crnn.latin"), tmp_path / "link", "onnx")
    with pytest.raises(UsageError, match="onnx-int8"):
        export(loaded("crnn.latin"), tmp_path / "new", "onxx")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_differs_leaves_no_folder(
    loaded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(graph: Any) -> Any:
        one = weight_only_int8(graph)
        name = next(name for name in one.constants if name.endswith("/scales"))
        return weight_only_int8(
            graph.__class__(
                **{**vars(one), "constants": {**one.constants, name: one.constants[name] * 2}}
            )
        ).model()

    wrong = writing.ONNX_FORMATS["onnx-int8"].__class__(
        **{**vars(writing.ONNX_FORMATS["onnx-int8"]), "write": broken}
    )
    monkeypatch.setitem(writing.ONNX_FORMATS, "onnx-int8", wrong)
    with pytest.raises(ZooError, match="differ from the model's"):
        export(loaded("crnn.latin"), tmp_path / "model", "onnx-int8")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(
    loaded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ZooError, match="free some space"):
        export(loaded("crnn.latin"), tmp_path / "new" / "model", "onnx")
    with pytest.raises(ZooError, match="free some space"):
        loaded("crnn.latin").save(tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []


def test_a_model_folder_is_not_written_over_a_file(loaded: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(UsageError, match="is a file; choose another folder"):
        loaded("crnn.latin").save(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_the_formats_of_the_command_line_are_those_there_are() -> None:
    from zoo.cli.export import _FORMATS

    assert {*FORMATS, "folder"} == set(_FORMATS)
