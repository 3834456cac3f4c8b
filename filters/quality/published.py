"""The published rules' measures as columns. Importing this module imports numba."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from numpy.typing import NDArray

from filters.quality import c4, tokens, web_rules
from filters.quality.presets import WebSettings
from filters.text.languages import find_unknown_languages


def make_published_measurer(
    name: str, config: WebSettings, columns: Mapping[str, pl.DataType]
) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return a function that computes the ``columns`` of a preset for a frame with ``text``.

    A null counts as an empty text. If C4 cuts lines, the result has a column ``text`` too.
    """
    tokenize = tokens.make_tokenizer(config.tokenizer)
    line_rules = c4.LineRules(
        min_words=config.min_words_per_line,
        max_word_chars=config.max_word_length,
        needs_terminal_mark=config.filter_no_terminal_punct,
        cut_javascript=config.filter_javascript,
        cut_policy=config.filter_policy,
        reject_lorem_ipsum=config.filter_lorem_ipsum,
        reject_curly_bracket=config.filter_curly_bracket,
        remove_citations=config.remove_citations,
    )

    def measure(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts["text"].fill_null("")
        rewritten: list[pl.Series] = []
        measures: dict[str, NDArray[Any]]
        if name == "gopher":
            measures = web_rules.measure_gopher(texts, tokenize)
        elif name == "gopher_repetition":
            measures = web_rules.measure_gopher_repetition(texts, tokenize)
        elif name == "fineweb":
            measures = web_rules.measure_fineweb(texts, tokenize, config.short_line_length)
        else:
            measures, kept = c4.measure_c4(texts, tokenize, line_rules)
            rewritten = [kept.alias("text")] if config.cut_lines else []
        scores = [
            pl.Series(column, measures[column.removeprefix("quality_")], dtype)
            for column, dtype in columns.items()
        ]
        measured = pl.DataFrame([*scores, *rewritten])
        if name == "gopher":  # its stop words are English
            unknown = find_unknown_languages(posts, ("en",))
            stop_words = measured["quality_stop_words"].set(unknown.is_not_null(), None)
            measured = measured.with_columns(stop_words)
        return measured

    # numba compiles here, not in the first part.
    measure(pl.DataFrame({"text": ["One two three.\nFour?"], "lang": ["en"]}))
    return measure
