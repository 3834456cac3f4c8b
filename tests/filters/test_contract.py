"""Every filter keeps its contract, the built-in ones and one of a user."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest

import filters
from filters.contract import Filter, FilterConfig, FilterModule
from tests.support.filter_contract import (
    assert_accepts_no_posts,
    assert_decides_each_post_alone,
    assert_keeps_rows_and_writes_its_columns,
    assert_verdict_equals_reject,
)


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


@pytest.mark.parametrize("name", MODULES)
def test_a_filter_keeps_rows_and_writes_its_columns(name: str) -> None:
    assert_keeps_rows_and_writes_its_columns(MODULES[name])


@pytest.mark.parametrize("name", MODULES)
def test_a_filter_decides_each_post_alone(name: str) -> None:
    assert_decides_each_post_alone(MODULES[name])


@pytest.mark.parametrize("name", MODULES)
def test_a_filter_accepts_no_posts(name: str) -> None:
    assert_accepts_no_posts(MODULES[name])


@pytest.mark.parametrize("name", MODULES)
def test_the_verdict_of_a_filter_equals_its_reject_column(name: str) -> None:
    assert_verdict_equals_reject(MODULES[name])


def test_an_unknown_filter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="no filter 'toxicty'; known: classifier, consent"):
        filters.find("toxicty")
