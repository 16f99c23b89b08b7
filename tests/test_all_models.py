"""Every registered model: its folder is whole, small, loads, and does what its entry says."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from zoo import load_model
from zoo.catalogue import WEIGHTS_FOLDER, registry
from zoo.folder.model_folder import ModelFolder
from zoo.registry import resolve

NAMES = sorted(registry().weights)
EMBEDDED = [name for name in NAMES if (WEIGHTS_FOLDER / name).is_dir()]
MAX_FOLDER_BYTES = 12_500_000
MAX_PACKAGE_BYTES = 100_000_000


@pytest.fixture(scope="module", params=EMBEDDED)
def model(request: pytest.FixtureRequest) -> Any:
    return load_model(request.param, offline=True)


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_folder_is_the_registered_one_and_small(name: str) -> None:
    entry = registry().weights[name]
    folder = ModelFolder.open(WEIGHTS_FOLDER / name, entry.manifest_sha256)
    folder.verify()
    assert folder.manifest.total_size == entry.size <= MAX_FOLDER_BYTES


def test_all_embedded_folders_together_fit_the_wheel() -> None:
    total = sum(path.stat().st_size for path in WEIGHTS_FOLDER.rglob("*") if path.is_file())
    assert total < MAX_PACKAGE_BYTES


@pytest.mark.parametrize("architecture", sorted(registry().architectures))
def test_default_weights_are_registered(architecture: str) -> None:
    entry = registry().architectures[architecture]
    if entry.default_weights:
        assert f"{architecture}.{entry.default_weights}" in NAMES


def test_the_golden_outputs_hold(model: Any) -> None:
    assert model.check() < 2e-3


def test_the_entry_tells_what_the_folder_holds(model: Any) -> None:
    entry = registry().weights[model.card["name"]]
    assert entry.parameters == model.network.count_params()
    assert entry.license == model.card["license"]
    assert entry.dataset == model.card["dataset"]
    assert any(figure.value == entry.metric["value"] for figure in model.metrics)
    for figure in model.metrics:
        assert math.isfinite(figure.value)
        assert all((figure.dataset, figure.split, figure.scorer, figure.command, figure.machine))


def test_the_recipe_knows_the_model(model: Any) -> None:
    values = resolve(f"{model.architecture.recipe}:MODELS")[model.card["name"]]
    told = values.under(values.plans[-1]).network
    assert {name: getattr(model.config, name) for name in told} == told


@pytest.mark.parametrize("architecture", sorted(registry().architectures))
def test_plans_change_values_that_there_are(architecture: str) -> None:
    entry = registry().architectures[architecture]
    known = {field.name for field in fields(entry.load("config"))}
    models = resolve(f"{entry.recipe}:MODELS")
    own = [name for name in models if name.partition(".")[0] == architecture]
    assert own
    for values in map(models.get, own):
        for plan in values.plans:
            assert values.under(plan).network.keys() <= known
