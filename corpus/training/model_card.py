"""What is known of a trained model, for the terminal and as the card beside it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpus.training.fit_fasttext import Settings
from corpus.training.train_classifier import (
    FEWEST,
    FEWEST_CALLED,
    PARTS,
    Figures,
    Threshold,
    Trained,
)


def path(model: Path) -> Path:
    """Where the card of a model lies."""
    return model.with_suffix(".md")


def told(trained: Trained) -> str:
    """The figures in a few lines."""
    rows: list[tuple[str, ...]] = [("label", *PARTS, "precision", "recall", "F1")]
    for name, figures in trained.figures.items():
        counts = trained.counts[name]
        rows.append((name, *(f"{counts[part]:,}" for part in PARTS), *_shares(figures)))
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
        _summary(trained),
        *(f"threshold {_threshold(row)}" for row in trained.thresholds),
    ]
    lines += [f"note: {line}" for line in _oddities(trained)]
    return "\n".join(lines)


def unreachable(trained: Trained) -> str:
    """What to say of precisions that no threshold gives; empty if there are none."""
    names = [row.label for row in trained.thresholds if row.score is None]
    if not names:
        return ""
    told = ", ".join(f"'{name}'" for name in names)
    wanted = trained.thresholds[0].wanted
    return (
        f"no threshold gives a precision of {wanted:g} for {told}; the model is written without "
        "one. Label more posts, or ask for less"
    )


def card(trained: Trained, text: str, label: str) -> str:
    """The model's card in Markdown; the same model has the same card."""
    labelled, name = trained.labelled, trained.model.name
    counts = "\n".join(
        f"| {_cell(label)} | " + " | ".join(f"{trained.counts[label][part]:,}" for part in PARTS)
        + f" | {' | '.join(_shares(figures))} |"
        for label, figures in trained.figures.items()
    )  # fmt: skip
    thresholds = "\n".join(f"* {_cell(_threshold(row))}" for row in trained.thresholds)
    oddities = "\n".join(f"* {_cell(line)}" for line in _oddities(trained))
    settings = ", ".join(f"{key} {value}" for key, value in trained.settings)
    first = next(iter(trained.figures))
    return f"""# {name}

A fastText classifier of posts, trained by corpus-builder. {_summary(trained)}.

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
  - classifier: {{model: {name}, keep: [{_yaml(first)}]}}
```

The texts it reads are made lower case, with `LINK` and `USER` in place of links and mentions; the
filter does the same. The file says so itself, and tells the labels and thresholds.

## Made of

| | |
|---|---|
| labelled posts | `{_cell(Path(labelled.path).name)}`, sha256 `{labelled.sha256}` |
| columns | `{_cell(text)}`, `{_cell(label)}` |
| settings | {settings}; {trained.rows:,} vectors |
| command | `{_cell(command(trained, text, label))}` |

The file holds no word of a post: n-grams are hashed, and one that only one post has is not learnt.
It says how likely a label is among posts like these. On other posts it may do worse: label some
hundred of those and measure.
"""


def command(trained: Trained, text: str, label: str) -> str:
    """The command that makes the model again, where its files lie."""
    words = ["corpus", "train", "--labelled", Path(trained.labelled.path).name]
    words += ["--text", text, "--label", label, "--out", trained.model.name]
    if trained.thresholds:
        words += ["--precision", f"{trained.thresholds[0].wanted:g}"]
        asked = [row.label for row in trained.thresholds]
        if asked != list(trained.figures):
            words += [word for name in asked for word in ("--for", name)]
    for key, value in trained.settings:
        if value != Settings.model_fields[key].default:
            words += [f"--{key.replace('_', '-')}", f"{value:g}"]
    return shlex.join(words)


def _summary(trained: Trained) -> str:
    tested = sum(row.posts for row in trained.figures.values())
    return (
        f"On {tested:,} test posts: accuracy {trained.accuracy:.3f} (always the commonest label: "
        f"{trained.majority:.3f}), macro-F1 {trained.macro_f1:.3f}"
    )


def _shares(figures: Figures) -> tuple[str, str, str]:
    return f"{figures.precision:.3f}", f"{figures.recall:.3f}", f"{figures.f1:.3f}"


def _threshold(row: Threshold) -> str:
    if not row.chosen.called:
        return (
            f"for '{row.label}': not to be had; fewer than {FEWEST_CALLED} of the posts to choose "
            "it on are called so"
        )
    parts = (("to choose on", row.chosen), ("to test on", row.tested))
    found = "; ".join(
        f"posts {name}: precision {figures.precision:.3f} ({figures.right:,} of {figures.called:,})"
        f", recall {figures.recall:.3f}"
        for name, figures in parts
    )
    if row.score is None:
        return f"for '{row.label}': none gives a precision of {row.wanted:g}. The best, {found}"
    return f"for '{row.label}' at a precision of {row.wanted:g}: {row.score:g}. {found}"


def _oddities(trained: Trained) -> Iterator[str]:
    """What of the labelled file was not used, or is odd."""
    labelled = trained.labelled
    counted = (
        (labelled.unlabelled, "rows have no label and were left out"),
        (labelled.empty, "rows have a text without anything to read and were left out"),
        (trained.conflicting, "posts stand there with the same text under another label too"),
    )
    for count, what in counted:
        if count:
            yield f"{count:,} {what}"
    for reason, count in labelled.refused.items():
        yield f"{count:,} rows could not be read: {reason}"
    for name, count in trained.left_out.items():
        yield f"label '{name}' was left out: it has {count:,} posts, and {FEWEST} are the least"
    for one, other in _alike(list(trained.counts)):
        yield f"labels '{one}' and '{other}' differ only in case or spaces; are they one?"


def _alike(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for name in names:
        plain = "".join(name.casefold().split())
        if plain in seen:
            yield seen[plain], name
        seen.setdefault(plain, name)


def _cell(text: str) -> str:
    """A text that cannot break a table, nor act on a terminal."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown.replace("|", "\\|").replace("`", "'")


def _yaml(label: str) -> str:
    import json

    return label if label.isidentifier() and label.isascii() else json.dumps(label)
