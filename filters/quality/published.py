"""The published rules' measures as columns. Importing this module imports numba."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import polars as pl
from numpy.typing import NDArray

from filters.quality import c4, tokens, web_rules


class PublishedSettings(Protocol):
    """What of a Config matters here."""

    tokenizer: Any
    min_words_per_line: int
    max_word_length: int
    filter_no_terminal_punct: bool
    filter_javascript: bool
    filter_policy: bool
    filter_lorem_ipsum: bool
    filter_curly_bracket: bool
    remove_citations: bool
    cut_lines: bool
    short_line_length: int


def make_published_measurer(
    name: str, config: PublishedSettings, columns: Mapping[str, pl.DataType]
) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """What gives the ``columns`` of a preset for a frame with ``text``; a null is an empty text."""
    cut = tokens.make_tokenizer(config.tokenizer)
    lines = c4.LineRules(
        config.min_words_per_line, config.max_word_length, config.filter_no_terminal_punct,
        config.filter_javascript, config.filter_policy, config.filter_lorem_ipsum,
        config.filter_curly_bracket, config.remove_citations,
    )  # fmt: skip

    def measured(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts["text"].fill_null("")
        kept: list[pl.Series] = []
        found: dict[str, NDArray[Any]]
        if name == "gopher":
            found = web_rules.measure_gopher(texts, cut)
        elif name == "gopher_repetition":
            found = web_rules.measure_gopher_repetition(texts, cut)
        elif name == "fineweb":
            found = web_rules.measure_fineweb(texts, cut, config.short_line_length)
        else:
            found, left = c4.measure_c4(texts, cut, lines)
            kept = [left.alias("text")] if config.cut_lines else []
        scores = [
            pl.Series(column, found[column.removeprefix("quality_")], dtype)
            for column, dtype in columns.items()
        ]
        return pl.DataFrame([*scores, *kept])

    measured(
        pl.DataFrame({"text": ["One two three.\nFour?"]})
    )  # what compiles on first use does so here
    return measured
