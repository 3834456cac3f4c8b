"""Checks that every filter passes, the built-in ones and your own.

Call each of them with the module of a filter: it must have what ``filters.contract`` lists.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

import filters
from corpus import schema
from filters import contract
from filters.contract import FilterModule

TEXTS = [
    "good morning all",
    "",
    "mail joe@example.org or call +1 212 555 0123",
    "😀",
    "RT @joe: look https://a.example #wow\nnext line",
    "x" * 5000,
    "東京タワーに行きました",
    "\u202etxet desrever\u200b and a tab\t",
]


def make_posts(module: FilterModule) -> pl.DataFrame:
    """Return posts with ``id``, ``text`` and the columns that the filter reads.

    Apart from these two, every column is null in the first row and has a value in the others.
    """
    types = _known_column_types()
    columns = {
        "id": pl.Series([str(row) for row in range(len(TEXTS))]),
        "text": pl.Series(TEXTS, dtype=pl.String),
    }
    for name in module.READS:
        if name not in columns:
            columns[name] = pl.Series([None, *[_sample_value(types[name])] * (len(TEXTS) - 1)])
            columns[name] = columns[name].cast(types[name])
    return pl.DataFrame(columns)


def _known_column_types() -> dict[str, Any]:
    """Return the types of a post's columns, and of those that the built-in filters write."""
    types: dict[str, Any] = {}
    for name in filters.names():
        types |= filters.find(name).WRITES
    return types | schema.POST | {"text": pl.String()}


def _sample_value(dtype: pl.DataType) -> object:
    if dtype == pl.String:
        return "en"
    if dtype == pl.Boolean:
        return True
    if isinstance(dtype, pl.Datetime):
        return datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
    return [] if isinstance(dtype, pl.List) else 1


def assert_keeps_rows_and_writes_its_columns(module: FilterModule) -> None:
    """The rows and their order do not change, and only the columns in ``WRITES`` are added."""
    posts = make_posts(module)
    filtered = module.build(module.Config())(posts)
    assert filtered["id"].to_list() == posts["id"].to_list()
    assert filtered.schema["reject"] == pl.String
    for column, dtype in module.WRITES.items():
        assert filtered.schema[column] == dtype, column
    languages = contract.languages(module, module.Config())
    more = [contract.UNJUDGED] if languages else []
    assert set(filtered.columns) == {*posts.columns, *module.WRITES, *more, "reject"}


def assert_decides_each_post_alone(module: FilterModule) -> None:
    """A post gets the same result in a batch as on its own."""
    run = module.build(module.Config())
    posts = make_posts(module)
    alone = pl.concat([run(posts.slice(row, 1)) for row in range(posts.height)])
    assert run(posts).equals(alone)


def assert_accepts_no_posts(module: FilterModule) -> None:
    """A batch without posts gets all columns."""
    filtered = module.build(module.Config())(make_posts(module).clear())
    assert filtered.height == 0
    assert {*module.WRITES, "reject"} <= set(filtered.columns)


def assert_verdict_equals_reject(module: FilterModule) -> None:
    """The verdict, if there is one, gives from the stored columns what the filter has given."""
    config = contract.resolved(module, module.Config())
    verdict = contract.verdict(module, config)
    movable = contract.movable(module, config)
    assert (verdict is None) == (not movable)
    if verdict is None:
        return
    assert set(movable) <= set(module.Config.model_fields)
    assert set(movable.values()) <= set(module.WRITES)
    assert set(verdict.meta.root_names()) <= set(module.WRITES)
    filtered = module.build(config)(make_posts(module))
    stored = filtered.select(list(module.WRITES))
    assert stored.select(verdict.eq_missing(filtered["reject"]).all()).item()
