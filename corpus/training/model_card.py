"""Describe a trained model: its figures for the terminal, and its card, a Markdown file."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from corpus.errors import PlanError
from corpus.tasks.files import atomic_write
from corpus.training.fit_fasttext import TrainingSettings
from corpus.training.train_classifier import (
    MIN_POSTS_PER_LABEL,
    MIN_PREDICTED,
    SPLIT_NAMES,
    LabelMetrics,
    Threshold,
    TrainingResult,
)

#: How a card begins: see its template. Before 1.0 the name was corpus-builder.
_CARD_HEAD = re.compile(
    r"# [^\n]*\n\nA fastText classifier of posts, trained by (?:social-corpus|corpus-builder)\."
)


def card_path(model: Path) -> Path:
    """Return the path of a model's card."""
    return model.with_suffix(".md")


def check_card(model: Path) -> None:
    """PlanError if the file in the place of a model's card is none that was written here."""
    path = card_path(model)
    if not os.path.lexists(path):
        return
    try:
        is_card = not path.is_symlink() and _CARD_HEAD.match(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        is_card = None
    if not is_card:
        raise PlanError(
            f"'{path}' would be overwritten by the card of the model, and is no such card; give "
            "another --out, or move it"
        )


def write_model_card(result: TrainingResult, text: str, label: str) -> Path:
    """Write the model's card next to the model; return its path.

    ``text`` and ``label`` are the columns of the labelled file. PlanError as for
    :func:`check_card`.
    """
    check_card(result.model)
    path = card_path(result.model)
    with atomic_write(path) as temporary:
        temporary.write_text(render_model_card(result, text, label), encoding="utf-8")
    return path


def format_metrics(result: TrainingResult) -> str:
    """Return the figures of every label, the thresholds and the warnings as lines of text."""
    rows: list[tuple[str, ...]] = [("label", *SPLIT_NAMES, "precision", "recall", "F1")]
    for name, metrics in result.metrics.items():
        rows.append((name, *_format_counts(result, name), *_format_metrics(metrics)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for label, *numbers in rows:
        cells = [label.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join(cells))
    lines += ["", _summarize(result)]
    lines += [f"threshold {_format_threshold(row)}" for row in result.thresholds]
    lines += [f"note: {warning}" for warning in _list_warnings(result)]
    return "\n".join(lines)


def explain_missing_thresholds(result: TrainingResult) -> str:
    """Say for which labels no threshold gives the wanted precision; empty if there are none."""
    names = [row.label for row in result.thresholds if row.score is None]
    if not names:
        return ""
    quoted = ", ".join(f"'{name}'" for name in names)
    wanted = result.thresholds[0].wanted_precision
    return (
        f"no threshold gives a precision of {wanted:g} for {quoted}; the model is written without "
        "one. Label more posts, or ask for less"
    )


def render_model_card(result: TrainingResult, text: str, label: str) -> str:
    """Return the model's card in Markdown; the same model has the same card.

    ``text`` and ``label`` are the columns of the labelled file.
    """
    labelled = result.labelled
    return (
        _templates()
        .get_template("model_card.md.jinja")
        .render(
            name=result.model.name,
            summary=_summarize(result),
            rows=[
                (name, *_format_counts(result, name), *_format_metrics(metrics))
                for name, metrics in result.metrics.items()
            ],
            thresholds=[_format_threshold(row) for row in result.thresholds],
            warnings=list(_list_warnings(result)),
            first_label=_quote_yaml(next(iter(result.metrics))),
            labelled_file=Path(labelled.path).name,
            labelled_sha256=labelled.sha256,
            text_column=text,
            label_column=label,
            settings=", ".join(f"{key} {value}" for key, value in result.settings),
            matrix_rows=f"{result.matrix_rows:,}",
            command=training_command(result, text, label),
        )
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("corpus.training"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _escape_cell
    return environment


def training_command(result: TrainingResult, text: str, label: str) -> str:
    """Return the command that makes the model again in the folder of its labelled file."""
    words = ["corpus", "train", "--labelled", Path(result.labelled.path).name]
    words += ["--text", text, "--label", label, "--out", result.model.name]
    if result.thresholds:
        words += ["--precision", f"{result.thresholds[0].wanted_precision:g}"]
        labels = [row.label for row in result.thresholds]
        if labels != list(result.metrics):
            words += [word for name in labels for word in ("--for", name)]
    for key, value in result.settings:
        if value != TrainingSettings.model_fields[key].default:
            words += [f"--{key.replace('_', '-')}", f"{value:g}"]
    return shlex.join(words)


def _summarize(result: TrainingResult) -> str:
    tested = sum(row.posts for row in result.metrics.values())
    return (
        f"On {tested:,} test posts: accuracy {result.accuracy:.3f} (always the commonest label: "
        f"{result.majority_accuracy:.3f}), macro-F1 {result.macro_f1:.3f}"
    )


def _format_counts(result: TrainingResult, label: str) -> tuple[str, ...]:
    """Return the posts of a label in each split."""
    return tuple(f"{result.counts[label][split]:,}" for split in SPLIT_NAMES)


def _format_metrics(metrics: LabelMetrics) -> tuple[str, str, str]:
    return f"{metrics.precision:.3f}", f"{metrics.recall:.3f}", f"{metrics.f1:.3f}"


def _format_threshold(row: Threshold) -> str:
    if not row.choose_metrics.predicted:
        return (
            f"for '{row.label}': not to be had; fewer than {MIN_PREDICTED} of the posts to choose "
            "it on are called so"
        )
    splits = (("to choose on", row.choose_metrics), ("to test on", row.test_metrics))
    found = "; ".join(
        f"posts {name}: precision {metrics.precision:.3f} "
        f"({metrics.correct:,} of {metrics.predicted:,}), recall {metrics.recall:.3f}"
        for name, metrics in splits
    )
    wanted = f"a precision of {row.wanted_precision:g}"
    if row.score is None:
        return f"for '{row.label}': none gives {wanted}. The best, {found}"
    return f"for '{row.label}' at {wanted}: {row.score:g}. {found}"


def _list_warnings(result: TrainingResult) -> Iterator[str]:
    """Yield what of the labelled file was not used, and what is odd in it."""
    labelled = result.labelled
    counted = (
        (labelled.unlabelled, "rows have no label and were left out"),
        (labelled.empty_texts, "rows have a text without anything to read and were left out"),
        (result.conflicting_posts, "posts stand there with the same text under another label too"),
    )
    for count, what in counted:
        if count:
            yield f"{count:,} {what}"
    for reason, count in labelled.refused.items():
        yield f"{count:,} rows could not be read: {reason}"
    for name, count in result.skipped_labels.items():
        yield (
            f"label '{name}' was left out: it has {count:,} posts, and {MIN_POSTS_PER_LABEL} are "
            "the least"
        )
    for one, other in _find_similar_labels(list(result.counts)):
        yield f"labels '{one}' and '{other}' differ only in case or spaces; are they one?"


def _find_similar_labels(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of labels that are equal without case and spaces."""
    seen: dict[str, str] = {}
    for name in names:
        plain = "".join(name.casefold().split())
        if plain in seen:
            yield seen[plain], name
        seen.setdefault(plain, name)


def _escape_cell(text: str) -> str:
    """Return text that cannot break a table, nor act on a terminal."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown.replace("|", "\\|").replace("`", "'")


def _quote_yaml(label: str) -> str:
    return label if label.isidentifier() and label.isascii() else json.dumps(label)
