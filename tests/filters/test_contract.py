"""Every filter keeps its contract, the built-in ones and one of a user."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest

import filters
from corpus.testing import check_filter
from filters.contract import Filter, FilterConfig, FilterModule


class _RecentConfig(FilterConfig):
    after: datetime = datetime(2024, 1, 1, tzinfo=UTC)


def _build_recent(config: _RecentConfig) -> Filter:
    def recent(posts: pl.DataFrame) -> pl.DataFrame:
        is_old = pl.col("created_at").fill_null(config.after) <= config.after
        return posts.with_columns(reject=pl.when(is_old).then(pl.lit("too_old")))

    return recent


#: A filter that reads another column than the text, as a user may write it.
RECENT = SimpleNamespace(
    Config=_RecentConfig, READS=("created_at",), WRITES={}, VERSION=1, build=_build_recent
)
MODULES = {name: filters.find(name) for name in filters.names()} | {
    "recent": cast("FilterModule", RECENT)
}


#: The README promises of these that they work on any frame with ``id`` and ``text``.
NEEDS_ONLY_TEXT = (
    "classifier",
    "consent",
    "decontaminate",
    "expr",
    "injection",
    "language",
    "normalise",
    "pii",
    "quality",
    "repeats",
    "toxicity",
)


@pytest.mark.parametrize("name", NEEDS_ONLY_TEXT)
def test_a_filter_of_the_readme_needs_only_an_id_and_a_text(name: str) -> None:
    assert set(filters.find(name).READS) <= {"id", "text"}


#: The columns that the built-in filters write, which others may read.
WRITTEN = {
    column: dtype
    for name in filters.names()
    for column, dtype in filters.find(name).WRITES.items()
    if column != "text"
}


@pytest.mark.parametrize("name", MODULES)
def test_a_filter_keeps_its_contract(name: str) -> None:
    check_filter(MODULES[name], types=WRITTEN)


def test_an_unknown_filter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="no filter 'toxicty'; known: classifier, consent"):
        filters.find("toxicty")
