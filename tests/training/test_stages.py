"""Plans that a model is trained by one after the other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from zoo.errors import UsageError
from zoo.folder.figures import Measure
from zoo.training.plan import FinetuneOptions, Plan, stages
from zoo.training.run import grown_vocabulary, mix_with_start

PLANS = (Plan(epochs=3), Plan(epochs=5, learning_rate=1e-3))


def finish(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text("{}")


def test_each_plan_starts_from_what_the_last_one_made(tmp_path: Path) -> None:
    seen = []
    for stage in stages(PLANS, tmp_path / "run", "zoo train", seed=7):
        finish(stage.folder)
        seen.append(stage)
    first, second = seen
    assert (first.plan, first.start, first.last) == (Plan(epochs=3, seed=7), None, False)
    assert second.plan == Plan(epochs=5, learning_rate=1e-3, seed=7)
    assert (second.folder, second.start, second.last) == (tmp_path / "run", first.folder, True)
    assert first.command == second.command == "zoo train"


def test_finished_stages_are_left_out(tmp_path: Path) -> None:
    before = next(iter(stages(PLANS, tmp_path)))
    finish(before.folder)
    (left,) = stages(PLANS, tmp_path)
    assert (left.start, left.last) == (before.folder, True)


def test_a_single_plan_trains_in_the_folder_itself(tmp_path: Path) -> None:
    (stage,) = stages(PLANS[:1], tmp_path)
    assert (stage.folder, stage.start, stage.last) == (tmp_path, None, True)


class _Far:
    """An objective whose loss is how far the network's only weight is from what is best."""

    validation_figure = Measure("distance", "")

    def __init__(self, value: float, best: float) -> None:
        self.network = keras.Sequential([keras.layers.Dense(1, use_bias=False)])
        self.network.build((1, 1))
        self._best = best
        self.weight.assign([[value]])

    @property
    def weight(self) -> Any:
        return self.network.trainable_variables[0]

    def validate(self) -> float:
        return abs(float(self.weight.numpy()[0, 0]) - self._best)


@pytest.mark.parametrize(
    ("best", "expected"), [(1.0, 0.75), (1.4, 1.5), (0.0, 0.0), (-3.0, 0.0), (9.0, 1.5)]
)
def test_the_start_is_mixed_in_as_far_as_validation_likes_it(best: float, expected: float) -> None:
    objective: Any = _Far(0.0, best)
    before = [np.full((1, 1), 3.0, np.float32)]
    reached = mix_with_start(objective, before, (0.25, 0.5), objective.validate())
    assert float(objective.weight.numpy()[0, 0]) == expected
    assert reached == pytest.approx(abs(expected - best))


def test_without_shares_the_trained_weights_stay() -> None:
    objective: Any = _Far(0.0, 3.0)
    assert mix_with_start(objective, [np.full((1, 1), 3.0, np.float32)], (), 3.0) == 3.0
    assert float(objective.weight.numpy()[0, 0]) == 0.0


def test_the_options_of_fine_tuning_make_a_plan() -> None:
    options = FinetuneOptions(epochs=4, patience=2, learning_rate=0.1, seed=5)
    assert options.plan() == Plan(epochs=4, patience=2, learning_rate=0.1, seed=5, average=0.99)
    for values in ({"validation": 0.0}, {"validation": 1.0}, {"epochs": 0}, {"seed": -1}):
        with pytest.raises(UsageError):
            FinetuneOptions(**values)


def test_a_vocabulary_grows_by_what_it_lacks() -> None:
    processor = SimpleNamespace(vocabulary=("", "b", "a"))
    assert grown_vocabulary(processor, ["cab", "da"]) == ("", "b", "a", "c", "d")
    assert grown_vocabulary(processor, ["ab", ""]) is None
    assert grown_vocabulary(SimpleNamespace(), []) is None  # a processor without characters
