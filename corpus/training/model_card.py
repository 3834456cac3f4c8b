"""What is known of a trained model, for the terminal and as the card beside it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpus.training.fit_fasttext import TrainingSettings
from corpus.training.train_classifier import (
    MIN_POSTS_PER_LABEL,
    MIN_PREDICTED,
    SPLIT_NAMES,
    LabelMetrics,
    Threshold,
    TrainingResult,
)


def card_path(model: Path) -> Path:
    """Where the card of a model lies."""
    return model.with_suffix(".md")


def format_metrics(trained: TrainingResult) -> str:
    """The figures in a few lines."""
    rows: list[tuple[str, ...]] = [("label", *SPLIT_NAMES, "precision", "recall", "F1")]
    for name, figures in trained.metrics.items():
        counts = trained.counts[name]
        rows.append(
            (name, *(f"{counts[part]:,}" for part in SPLIT_NAMES), *_format_metrics(figures))
        )
    wide = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(size) if at == 0 else cell.rjust(size)
            for at, (cell, size) in enumerate(zip(row, wide, strict=True))
        )
        for row in rows
    ]
    lines += [
        "",
        _summarize(trained),
        *(f"threshold {_format_threshold(row)}" for row in trained.thresholds),
    ]
    lines += [f"note: {line}" for line in _list_warnings(trained)]
    return "\n".join(lines)


def explain_missing_thresholds(trained: TrainingResult) -> str:
    """What to say of precisions that no threshold gives; empty if there are none."""
    names = [row.label for row in trained.thresholds if row.score is None]
    if not names:
        return ""
    told = ", ".join(f"'{name}'" for name in names)
    wanted = trained.thresholds[0].wanted_precision
    return (
        f"no threshold gives a precision of {wanted:g} for {told}; the model is written without "
        "one. Label more posts, or ask for less"
    )


def render_model_card(trained: TrainingResult, text: str, label: str) -> str:
    """The model's card in Markdown; the same model has the same card."""
    labelled, name = trained.labelled, trained.model.name
    counts = "\n".join(
        f"| {_escape_cell(label)} | "
        + " | ".join(f"{trained.counts[label][part]:,}" for part in SPLIT_NAMES)
        + f" | {' | '.join(_format_metrics(figures))} |"
        for label, figures in trained.metrics.items()
    )
    thresholds = "\n".join(
        f"* {_escape_cell(_format_threshold(row))}" for row in trained.thresholds
    )
    oddities = "\n".join(f"* {_escape_cell(line)}" for line in _list_warnings(trained))
    settings = ", ".join(f"{key} {value}" for key, value in trained.settings)
    first = next(iter(trained.metrics))
    return f"""# {name}

A fastText classifier of posts, trained by corpus-builder. {_summarize(trained)}.

| label | train | choose | test | precision | recall | F1 |
|---|---|---|---|---|---|---|
{counts}

Precision, recall and F1 are of the test posts, which nothing was learnt or chosen from; the
`choose` posts are for thresholds alone. Posts are parted by blake2b of their folded text (case,
links, mentions, punctuation and the like do not count), so equal texts fall into one part.

{thresholds or "No threshold was asked for: a post has its likeliest label."}
{oddities}

## Use

```yaml
stages:
  - classifier: {{model: {name}, keep: [{_quote_yaml(first)}]}}
```

The texts it reads are made lower case, with `LINK` and `USER` in place of links and mentions; the
filter does the same. The file says so itself, and tells the labels and thresholds.

## Made of

| | |
|---|---|
| labelled posts | `{_escape_cell(Path(labelled.path).name)}`, sha256 `{labelled.sha256}` |
| columns | `{_escape_cell(text)}`, `{_escape_cell(label)}` |
| settings | {settings}; {trained.matrix_rows:,} vectors |
| command | `{_escape_cell(training_command(trained, text, label))}` |

The file holds no word of a post: n-grams are hashed, and one that only one post has is not learnt.
It says how likely a label is among posts like these. On other posts it may do worse: label some
hundred of those and measure.
"""


def training_command(trained: TrainingResult, text: str, label: str) -> str:
    """The command that makes the model again, where its files lie."""
    words = ["corpus", "train", "--labelled", Path(trained.labelled.path).name]
    words += ["--text", text, "--label", label, "--out", trained.model.name]
    if trained.thresholds:
        words += ["--precision", f"{trained.thresholds[0].wanted_precision:g}"]
        asked = [row.label for row in trained.thresholds]
        if asked != list(trained.metrics):
            words += [word for name in asked for word in ("--for", name)]
    for key, value in trained.settings:
        if value != TrainingSettings.model_fields[key].default:
            words += [f"--{key.replace('_', '-')}", f"{value:g}"]
    return shlex.join(words)


def _summarize(trained: TrainingResult) -> str:
    tested = sum(row.posts for row in trained.metrics.values())
    return (
        f"On {tested:,} test posts: accuracy {trained.accuracy:.3f} (always the commonest label: "
        f"{trained.majority_accuracy:.3f}), macro-F1 {trained.macro_f1:.3f}"
    )


def _format_metrics(figures: LabelMetrics) -> tuple[str, str, str]:
    return f"{figures.precision:.3f}", f"{figures.recall:.3f}", f"{figures.f1:.3f}"


def _format_threshold(row: Threshold) -> str:
    if not row.choose_metrics.predicted:
        return (
            f"for '{row.label}': not to be had; fewer than {MIN_PREDICTED} of the posts to choose "
            "it on are called so"
        )
    parts = (("to choose on", row.choose_metrics), ("to test on", row.test_metrics))
    found = "; ".join(
        f"posts {name}: precision {figures.precision:.3f} ({figures.correct:,} of {figures.predicted:,})"
        f", recall {figures.recall:.3f}"
        for name, figures in parts
    )
    if row.score is None:
        return f"for '{row.label}': none gives a precision of {row.wanted_precision:g}. The best, {found}"
    return f"for '{row.label}' at a precision of {row.wanted_precision:g}: {row.score:g}. {found}"


def _list_warnings(trained: TrainingResult) -> Iterator[str]:
    """What of the labelled file was not used, or is odd."""
    labelled = trained.labelled
    counted = (
        (labelled.unlabelled, "rows have no label and were left out"),
        (labelled.empty_texts, "rows have a text without anything to read and were left out"),
        (trained.conflicting_posts, "posts stand there with the same text under another label too"),
    )
    for count, what in counted:
        if count:
            yield f"{count:,} {what}"
    for reason, count in labelled.refused.items():
        yield f"{count:,} rows could not be read: {reason}"
    for name, count in trained.skipped_labels.items():
        yield f"label '{name}' was left out: it has {count:,} posts, and {MIN_POSTS_PER_LABEL} are the least"
    for one, other in _find_similar_labels(list(trained.counts)):
        yield f"labels '{one}' and '{other}' differ only in case or spaces; are they one?"


def _find_similar_labels(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for name in names:
        plain = "".join(name.casefold().split())
        if plain in seen:
            yield seen[plain], name
        seen.setdefault(plain, name)


def _escape_cell(text: str) -> str:
    """A text that cannot break a table, nor act on a terminal."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown.replace("|", "\\|").replace("`", "'")


def _quote_yaml(label: str) -> str:
    import json

    return label if label.isidentifier() and label.isascii() else json.dumps(label)
