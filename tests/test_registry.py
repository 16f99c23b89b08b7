"""The registry: names, wildcards, suggestions, duplicates, plug-ins."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import zoo
from zoo.architectures import ARCHITECTURES, TASKS
from zoo.catalogue import registry, with_plugins
from zoo.errors import UsageError, ZooError
from zoo.registry import Registry, Weights, natural_key


def entry(name: str) -> Weights:
    return Weights(
        name=name,
        task="text-generation",
        languages=("en",),
        license="apache-2.0",
        dataset="d",
        metric={"name": "cross_entropy", "value": 1.0, "unit": "nats/char", "split": "test"},
        size=1,
        parameters=1,
        manifest_sha256="0" * 64,
    )


@pytest.fixture
def models() -> Registry:
    made = Registry(tasks={task.name: task for task in TASKS})
    made.add_architecture(ARCHITECTURES[0])
    made.add_architecture(replace(ARCHITECTURES[0], name="word_lstm", default_weights=""))
    for tag in ("v10", "v2", "shakespeare"):
        made.add_weights(entry(f"char_lstm.{tag}"))
    return made


def test_names_come_in_natural_order(models: Registry) -> None:
    assert models.select("char_*") == ["char_lstm.shakespeare", "char_lstm.v2", "char_lstm.v10"]


def test_filters_by_wildcard_task_language_and_weights(models: Registry) -> None:
    assert models.select("*.v*") == ["char_lstm.v2", "char_lstm.v10"]
    assert models.select(pretrained=False) == ["char_lstm", "word_lstm"]
    assert "word_lstm" not in models.select(pretrained=True)
    assert models.select(language="fr") == []
    assert len(models.select(task="text-generation", language="en")) == 3


def test_an_unknown_task_suggests_the_nearest(models: Registry) -> None:
    with pytest.raises(UsageError, match="did you mean 'text-generation'"):
        models.select(task="text-generatoin")


def test_the_bare_name_means_the_default_weights(models: Registry) -> None:
    assert models.find("char_lstm")[1] == models.weights["char_lstm.shakespeare"]
    assert models.find("word_lstm")[1] is None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("char_lstn", "char_lstm"), ("char_lstm.shakespear", "char_lstm.shakespeare")],
)
def test_an_unknown_name_suggests_the_nearest(models: Registry, wrong: str, right: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean {right!r}"):
        models.find(wrong)


def test_a_duplicate_raises(models: Registry) -> None:
    with pytest.raises(UsageError, match="already registered"):
        models.add_architecture(ARCHITECTURES[0])
    with pytest.raises(UsageError, match="already registered"):
        models.add_weights(entry("char_lstm.v2"))
    with pytest.raises(UsageError, match="already registered"):
        models.add_task(TASKS[0])


@pytest.mark.parametrize("name", ["Char", "", "a.b", "../x", "a b"])
def test_a_malformed_architecture_name_raises(models: Registry, name: str) -> None:
    with pytest.raises(UsageError, match="architecture name"):
        models.add_architecture(replace(ARCHITECTURES[0], name=name))


def test_an_architecture_needs_a_registered_task(models: Registry) -> None:
    slotted = replace(ARCHITECTURES[0], name="slotted", task="slot-filling")
    with pytest.raises(UsageError, match="unknown task 'slot-filling'"):
        models.add_architecture(slotted)
    models.add_task(replace(TASKS[0], name="slot-filling"))
    models.add_architecture(slotted)
    assert models.select(task="slot-filling") == ["slotted"]


@pytest.mark.parametrize("name", ["Slot", "", "a_b", "a--b", "../x", "a b"])
def test_a_malformed_task_name_raises(models: Registry, name: str) -> None:
    with pytest.raises(UsageError, match="task name"):
        models.add_task(replace(TASKS[0], name=name))


def test_a_task_finds_its_commands() -> None:
    for task in registry().tasks.values():
        assert task.load("run").name == "run"
        assert task.load("finetune").name == "finetune"
    with pytest.raises(UsageError, match="has no command 'paint'"):
        registry().task("translation").load("paint")
    with pytest.raises(UsageError, match="has no command 'run'"):
        replace(TASKS[0], command="").load("run")
    with pytest.raises(ZooError, match=r"cannot import .zoo.missing."):
        replace(TASKS[0], command="zoo.missing").load("run")


def test_a_failed_plug_in_leaves_nothing_behind(models: Registry) -> None:
    class Point:
        def __init__(self, name: str, fails: bool) -> None:
            self.name, self.fails = name, fails

        def load(self) -> Callable[[Registry], None]:
            return self.register

        def register(self, target: Registry) -> None:
            target.add_task(replace(TASKS[0], name=f"{self.name}-task"))
            target.add_architecture(replace(ARCHITECTURES[0], name=f"{self.name}_lstm"))
            target.add_weights(entry(f"{self.name}_lstm.v1"))
            if self.fails:
                raise RuntimeError("too late")

    points = [Point("good", False), Point("bad", True), Point("better", False)]
    with pytest.warns(UserWarning, match="zoo plug-in 'bad' was left out: too late"):
        filled = with_plugins(models, points)
    assert {"good_lstm.v1", "better_lstm.v1"} <= set(filled.weights)
    everything = [*filled.architectures, *filled.weights, *filled.tasks]
    assert [name for name in everything if name.startswith("bad")] == []
    assert "good_lstm" not in models.architectures


def test_weights_need_a_registered_architecture_of_their_task(models: Registry) -> None:
    with pytest.raises(UsageError, match="unknown model"):
        models.add_weights(entry("nothing.v1"))
    with pytest.raises(UsageError, match="task"):
        models.add_weights(replace(entry("char_lstm.v3"), task="translation"))
    with pytest.raises(UsageError, match="64 hex"):
        models.add_weights(replace(entry("char_lstm.v3"), manifest_sha256="x"))


def test_describe_gives_plain_values(models: Registry) -> None:
    facts = models.describe("char_lstm.v2")
    assert facts["pretrained"] is True
    assert facts["metric"]["unit"] == "nats/char"
    assert models.describe("word_lstm")["pretrained"] is False


def test_natural_key_orders_numbers_by_value() -> None:
    assert sorted(["b10", "b9", "a100"], key=natural_key) == ["a100", "b9", "b10"]


def test_the_built_in_registry_can_be_listed() -> None:
    assert "char_lstm" in zoo.list_models(pretrained=False)
    assert zoo.describe("char_lstm")["task"] == "text-generation"


def test_every_registered_object_can_be_imported() -> None:
    for architecture in registry().architectures.values():
        for attribute in ("builder", "config", "processor", "task_class"):
            assert callable(architecture.load(attribute))
        assert architecture.load("task_class").verb == registry().task(architecture.task).verb


def test_listing_imports_neither_tensorflow_nor_numpy() -> None:
    code = "import sys, zoo; zoo.list_models(); zoo.describe('char_lstm'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "zoo.registry" in loaded
    assert not {"tensorflow", "keras", "numpy", "huggingface_hub"} & set(loaded)


def test_an_installed_plug_in_adds_its_models(tmp_path: Path) -> None:
    project, site = tmp_path / "project", tmp_path / "site"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        textwrap.dedent("""
            [build-system]
            requires = ["setuptools"]
            build-backend = "setuptools.build_meta"
            [project]
            name = "zoo-plugin-for-test"
            version = "1"
            [project.entry-points."zoo.models"]
            good = "zoo_plugin_for_test:register"
            broken = "zoo_plugin_for_test:missing"
            [tool.setuptools]
            py-modules = ["zoo_plugin_for_test"]
        """)
    )
    (project / "zoo_plugin_for_test.py").write_text(
        textwrap.dedent("""
            from dataclasses import replace
            from zoo.architectures import ARCHITECTURES, TASKS

            def register(models):
                models.add_architecture(replace(ARCHITECTURES[0], name="plugged_lstm"))
        """)
    )
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*install, "--no-build-isolation", "--target", str(site), str(project)], check=True
    )
    code = f"import sys; sys.path.insert(0, {str(site)!r}); import zoo; print(zoo.list_models())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "plugged_lstm" in run.stdout
    assert "zoo plug-in 'broken' was left out" in run.stderr
    assert "char_lstm" in run.stdout
