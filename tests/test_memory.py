"""The ceiling on memory."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zoo.ctc.task import CTCRecogniser
from zoo.errors import FolderError, UsageError, ZooError
from zoo.folder.bundle import read_bundle
from zoo.loading import assemble
from zoo.memory import VARIABLE, activation_bytes, check_memory, memory_limit
from zoo.speech.networks import CTCLSTMConfig


def test_what_is_above_the_ceiling_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    check_memory(2**30, "this")
    with pytest.raises(ZooError, match=r"a table would take 4,096 MB.*ZOO_MEMORY_LIMIT_MB"):
        check_memory(2**32, "a table")


def test_the_ceiling_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "8000")
    assert memory_limit() == 8000 * 2**20
    check_memory(2**32, "a table")
    for wrong in ("0", "-1", "many", "9" * 12, "²"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(UsageError, match=VARIABLE):
            check_memory(1, "a table")


def test_the_largest_array_of_a_network_is_estimated() -> None:
    recurrent, convolution = (128, 4 * 256), (3, 3, 32, 64)
    ids, frames = (2, 50), (4, 100, 80)
    assert activation_bytes([recurrent], [ids]) == 4 * 100 * 1024
    assert activation_bytes([recurrent, ()], [frames, (4, 100)]) == 4 * 400 * 1024
    assert activation_bytes([recurrent, convolution], [frames]) == 4 * 32_000 * 64 // 4
    assert activation_bytes([], [ids]) == activation_bytes([recurrent], []) == 0


def recogniser(labels: int) -> Any:
    """A recogniser of so many labels, whose inference only says how it was asked."""
    bins = 8
    config = CTCLSTMConfig(bins=bins, labels=labels, channels=2, layers=1, units=4)

    class Inference:
        def __init__(self) -> None:
            self.asked: list[tuple[int, ...]] = []

        def log_probs(self, features: np.ndarray, frames: np.ndarray) -> np.ndarray:
            self.asked.append(features.shape)
            return np.zeros((len(features), -(-features.shape[1] // 4), labels), np.float32)

    class Recogniser(CTCRecogniser):
        def __init__(self) -> None:
            self.config = config
            self.processor = SimpleNamespace(vocabulary=range(labels))  # type: ignore[assignment]
            self.fake = Inference()

        inference = property(lambda self: self.fake)  # type: ignore[assignment]

    return Recogniser()


def test_many_labels_are_read_in_small_batches_or_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "8")
    few, many = recogniser(10), recogniser(2000)
    pieces = [np.zeros((200, 8), np.float32)] * 16
    few.outputs(pieces)
    assert few.fake.asked == [(16, 200, 8)]
    many.outputs(pieces)
    assert {shape[1:] for shape in many.fake.asked} == {(200, 8)}
    assert max(shape[0] for shape in many.fake.asked) * 200 * 2000 * 4 <= 8 * 2**20
    with pytest.raises(ZooError, match=r"outputs of 8,000 frames by 2,000 would take 15 MB"):
        many.outputs([np.zeros((8000, 8), np.float32)])
    with pytest.raises(ZooError, match=r"the network for 2,000 frames would take 15 MB"):
        many.outputs([np.zeros((2000, 8), np.float32)])


def test_a_golden_input_that_costs_too_much_is_the_folders_fault(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    bundle = read_bundle(tiny_folder)
    ids = np.zeros((1, 100_000), np.int32)
    model = assemble(replace(bundle, golden={"input.0": ids}), "here")
    monkeypatch.setenv(VARIABLE, "4")
    with pytest.raises(FolderError, match=r"the golden input of 100,000 numbers would take"):
        model.check()
