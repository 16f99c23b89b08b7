"""Plans that a model is trained by one after the other."""

from __future__ import annotations

from pathlib import Path

from zoo.training.plan import Plan, stages

PLANS = (Plan(epochs=3), Plan(epochs=5, learning_rate=1e-3))


def finish(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text("{}")


def test_each_plan_starts_from_what_the_last_one_made(tmp_path: Path) -> None:
    seen = []
    for stage in stages(PLANS, tmp_path / "run", seed=7):
        finish(stage.folder)
        seen.append(stage)
    first, second = seen
    assert (first.plan, first.start, first.last) == (Plan(epochs=3, seed=7), None, False)
    assert second.plan == Plan(epochs=5, learning_rate=1e-3, seed=7)
    assert (second.folder, second.start, second.last) == (tmp_path / "run", first.folder, True)


def test_finished_stages_are_left_out(tmp_path: Path) -> None:
    before = next(iter(stages(PLANS, tmp_path)))
    finish(before.folder)
    (left,) = stages(PLANS, tmp_path)
    assert (left.start, left.last) == (before.folder, True)


def test_a_single_plan_trains_in_the_folder_itself(tmp_path: Path) -> None:
    (stage,) = stages(PLANS[:1], tmp_path)
    assert (stage.folder, stage.start, stage.last) == (tmp_path, None, True)
