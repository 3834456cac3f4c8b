"""Remove lines and paragraphs that the same long text already contained.

Quoted parents, signatures, bots' footers, pasted chants: the first occurrence is kept, later ones
are removed, and the rest does not change. After ``conversations``, the label of a turn is not
compared; a turn that loses its first line begins with its next line, and one that loses all lines
loses its label too. Code is not changed.
"""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import Field, field_validator

from filters.contract import Filter, FilterConfig, Threshold
from filters.repeats import repeated_lines

READS = ("text",)
WRITES: dict[str, pl.DataType] = {"text": pl.String(), "repeats_cut": pl.Float32()}
VERSION = 1
REASONS = ("repeated_lines",)


class Config(FilterConfig):
    """What is compared, and what happens to texts that repeat themselves."""

    lines: bool = Field(True, description="compare lines")
    paragraphs: bool = Field(True, description="compare paragraphs, which blank lines separate")
    min_line_chars: int = Field(
        24, ge=1, description="a shorter line may repeat: 'lol', 'thank you so much', a list's item"
    )
    min_paragraph_chars: int = Field(
        40, ge=1, description="a shorter paragraph of several lines may repeat"
    )
    min_chars: int = Field(300, ge=1, description="a shorter text is not searched")
    # Gopher (Rae et al., 2021, table A1) drops a page at 0.2 with its repeats. Here the repeats are
    # removed first, and what remains of a text pasted twice (0.5), or of answers that quote their
    # parents, is complete.
    max_share: float = Field(
        0.5, ge=0, le=1, description="of the characters in repeats; a text above it is dropped"
    )
    labels: tuple[str, ...] = Field(
        ("user_{n}: ", "anonymous: "),
        description="what conversations' 'turn' puts before a text; {n} is any number",
    )
    action: Literal["cut", "drop", "annotate"] = Field(
        "cut",
        description="cut: remove repeats, and drop texts above max_share; drop: only the latter; "
        "annotate: neither, only measure",
    )

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        # Two numbers that may end at any of a line's digits take quadratic time to match.
        for label in labels:
            if label.count("{n}") > 1:
                raise ValueError(
                    f"label '{label[:60]}' contains {{n}} more than once; write it once"
                )
        return labels


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """Return the bound of the repeated share, unless the share is only measured."""
    bound = Threshold("repeats_cut", "max_share", "max", "repeated_lines")
    return () if config.action == "annotate" else (bound,)


def build(config: Config) -> Filter:
    """Return the filter; it writes ``repeats_cut``, the share of characters that are repeats."""
    rules = repeated_lines.RepeatRules(
        min_line_chars=config.min_line_chars if config.lines else None,
        min_paragraph_chars=config.min_paragraph_chars if config.paragraphs else None,
        label_pattern=repeated_lines.build_label_pattern(config.labels),
    )

    def repeats(posts: pl.DataFrame) -> pl.DataFrame:
        texts, shares = _cut_repeats(posts["text"], config.min_chars, rules)
        dropped = (shares > config.max_share) & (config.action != "annotate")
        return posts.with_columns(
            text=texts if config.action == "cut" else posts["text"],
            repeats_cut=shares.cast(pl.Float32),
            reject=pl.when(dropped)
            .then(pl.lit("repeated_lines"))
            .otherwise(pl.lit(None, pl.String)),
        )

    return repeats


def _cut_repeats(
    texts: pl.Series, min_chars: int, rules: repeated_lines.RepeatRules
) -> tuple[pl.Series, pl.Series]:
    """Return the texts without repeats, and the share of repeated characters in each.

    Only texts with a repeat are processed in Python.
    """
    shares = pl.repeat(0.0, len(texts), dtype=pl.Float64, eager=True)
    long = (texts.str.len_chars() >= min_chars) & texts.str.contains("\n", literal=True)
    rows = long.arg_true()
    if not len(rows) or not (rules.min_line_chars or rules.min_paragraph_chars):
        return texts, shares
    candidates, keys = repeated_lines.find_candidates(texts.gather(rows), rules)
    rows = rows.gather(candidates)
    cut = [
        repeated_lines.remove_repeats(text, line_keys, rules)
        for text, line_keys in zip(texts.gather(rows), keys, strict=True)
    ]
    if not cut:
        return texts, shares
    texts = texts.clone().scatter(rows, pl.Series([text for text, _ in cut], dtype=pl.String))
    return texts, shares.scatter(rows, pl.Series([share for _, share in cut], dtype=pl.Float64))
