"""The model card: a README with Hub front matter, generated from the folder's contents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from zoo.catalogue import registry

if TYPE_CHECKING:
    from zoo.folder.bundle import Bundle
    from zoo.folder.figures import Figure

LIBRARY_NAME = "keras"


def model_card(bundle: Bundle) -> str:
    """The text of ``README.md`` for a model folder.

    The front matter follows the Hub's model card metadata, with a ``model-index`` of the figures.
    It is written by ``huggingface_hub``'s own classes, so that the Hub can parse it.
    """
    from huggingface_hub import ModelCardData

    card, name = bundle.card, bundle.card.get("name", bundle.architecture.name)
    data = ModelCardData(
        language=list(card.get("languages", [])) or None,
        license=card.get("license"),
        library_name=LIBRARY_NAME,
        tags=["sequence-zoo", "recurrent", bundle.architecture.name],
        datasets=[card["dataset"]] if card.get("dataset") else None,
        pipeline_tag=bundle.architecture.task,
        model_name=name,
        eval_results=_eval_results(bundle) or None,
    )
    parts = [f"---\n{data.to_yaml()}\n---", f"# {name}", bundle.architecture.summary]
    call = 'zoo.load_model("path/to/this/folder")  # or "hf://owner/repo"'
    if name in registry().weights and "base_model" not in card:
        call = f'zoo.load_model("{name}")'
    parts.append(f"```python\nimport zoo\n\nmodel = {call}\n```")
    parts.append("## Facts\n\n" + _facts(bundle))
    whole = [figure for figure in bundle.metrics if not figure.group]
    groups = [figure for figure in bundle.metrics if figure.group]
    if whole:
        parts.append("## Figures\n\n" + _figures(whole))
    if groups:
        parts.append("## Figures by group\n\n" + _group_figures(groups))
    if card.get("comparison"):
        rows = [
            (row["what"], f"{row['value']} {row['unit']}", row["source"])
            for row in card["comparison"]
        ]
        parts.append("Published figures for comparison:")
        parts.append(markdown_table(("what", "value", "source"), rows))
    for title, key in (("Data", "data"), ("Confidence", "confidence"), ("Limits", "limits")):
        if card.get(key):
            parts.append(f"## {title}\n\n{card[key]}")
    return "\n\n".join(parts) + "\n"


def _eval_results(bundle: Bundle) -> list[Any]:
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=bundle.architecture.task,
            dataset_type=figure.dataset,
            dataset_name=figure.dataset,
            dataset_split=figure.split,
            metric_type=figure.metric,
            metric_value=figure.value,
            metric_name=figure.name,
        )
        for figure in bundle.metrics
        if not figure.group
    ]


def _facts(bundle: Bundle) -> str:
    weights = sum(array.size for array in bundle.weights.values())
    megabytes = sum(array.nbytes for array in bundle.weights.values()) / 1e6
    rows = {
        "task": bundle.architecture.task,
        "architecture": bundle.architecture.name,
        "parameters": f"{weights:,}",
        "weights": f"{megabytes:.1f} MB",
        **{key: _shown(value) for key, value in vars(bundle.config).items()},
        "trained on": bundle.card.get("dataset", ""),
        "licence": bundle.card.get("license", ""),
    }
    return markdown_table(
        ("fact", "value"), [(key, value) for key, value in rows.items() if value != ""]
    )


def _figures(figures: Iterable[Figure]) -> str:
    rows = [
        (
            figure.name,
            figure.shown,
            figure.data,
            figure.scorer,
            f"`{figure.command}`" if figure.command else "",
        )
        for figure in figures
    ]
    return markdown_table(("metric", "value", "data", "scorer", "command"), rows)


def _group_figures(figures: Iterable[Figure]) -> str:
    rows = [
        (figure.group, figure.name, figure.shown, f"{figure.dataset}, {figure.split}")
        for figure in figures
    ]
    return markdown_table(("group", "metric", "value", "data"), rows)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table with one line per row."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
