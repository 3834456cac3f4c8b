"""Drop posts for which a condition in SQL is true.

The condition is an expression of polars SQL over the columns that a post has at this stage, such
as ``length(text) < 20`` or ``sensitive AND score < 3``. It is checked before a build: its syntax,
its columns, and that its result is true, false or null. A post for which it is null is kept.

It must decide about each post alone. ``count(*)`` and ``avg(score)`` are refused, because their
results would depend on how the posts are cut into parts; ``CURRENT_DATE`` is refused, because the
same build would give another corpus tomorrow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from pydantic import Field, field_validator

from filters.contract import Filter, FilterConfig

READS: tuple[str, ...] = ()
WRITES: dict[str, pl.DataType] = {}
VERSION = 1

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_CLOCK = re.compile(
    r"\b(current_(?:date|time|timestamp)|local(?:time|timestamp)|now|today)\b", re.I
)
#: The nodes of polars' expressions that are computed row by row, and the names of their inputs.
_NODE_INPUTS = {
    "Column": (),
    "Literal": (),
    "BinaryExpr": ("left", "right"),
    "Cast": ("expr",),
    "Ternary": ("predicate", "truthy", "falsy"),
    "Function": ("input",),
}
#: The functions that are computed row by row: whole families, single ones, and those of booleans.
_FUNCTION_FAMILIES = frozenset(
    [
        "StringExpr",
        "TemporalExpr",
        "ListExpr",
        "StructExpr",
        "Sql",
        "Pow",
        "Trigonometry",
        "Bitwise",
    ]
)
_FUNCTIONS = frozenset(
    [
        "Abs",
        "Atan2",
        "Ceil",
        "Coalesce",
        "Exp",
        "FillNull",
        "Floor",
        "Log",
        "Log1p",
        "MaxHorizontal",
        "MinHorizontal",
        "Sign",
    ]
)
_BOOLEAN_FUNCTIONS = frozenset(
    [
        "Not",
        "IsNull",
        "IsNotNull",
        "IsNan",
        "IsNotNan",
        "IsFinite",
        "IsInfinite",
        "IsIn",
        "IsBetween",
    ]
)


class Config(FilterConfig):
    """The condition under which a post is dropped, and the reason that the ledger gives."""

    drop: str = Field(
        "", description="polars SQL; posts for which it is true are dropped: 'length(text) < 20'"
    )
    reason: str = Field(
        "expr",
        pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,59}$",
        description="the reason in the ledger, a word such as 'too_short'",
    )

    @field_validator("drop")
    @classmethod
    def _check_syntax(cls, condition: str) -> str:
        if condition:
            _parse(condition)
        return condition


def check(config: Config) -> None:
    """Raise ValueError if there is no condition."""
    if not config.drop:
        raise ValueError("expr: no condition; give one, such as 'drop: \"length(text) < 20\"'")


def reads(config: Config) -> tuple[str, ...]:
    """Return the columns of the condition, in the order in which it names them."""
    return tuple(dict.fromkeys(_parse(config.drop).meta.root_names())) if config.drop else ()


def check_types(config: Config, types: Mapping[str, pl.DataType]) -> None:
    """Raise ValueError unless the condition is true or false for columns of ``types``."""
    if not config.drop:
        return
    # A row of nulls, as polars finds some errors only where there is a row.
    row = pl.DataFrame({name: pl.Series([None], dtype=types[name]) for name in reads(config)})
    row = row if row.width else pl.DataFrame({"id": [""]})
    try:
        found = row.select(_parse(config.drop).alias("drop")).schema["drop"]
    except pl.exceptions.PolarsError as error:
        columns = ", ".join(f"{name} is {types[name]}" for name in reads(config)) or "none"
        raise ValueError(f"'drop': {_shorten(error)}; its columns: {columns}") from None
    if found not in (pl.Boolean, pl.Null):
        raise ValueError(
            f"'drop': its result is {found} and must be true or false; compare it with a value, "
            "such as 'score < 3'"
        )


def build(config: Config) -> Filter:
    """Return the filter; without a condition it drops no post."""
    is_dropped = _parse(config.drop) if config.drop else pl.lit(False)
    reject = pl.when(is_dropped).then(pl.lit(config.reason)).otherwise(pl.lit(None, pl.String))

    def expr(posts: pl.DataFrame) -> pl.DataFrame:
        return posts.with_columns(reject=reject)

    return expr


def _parse(condition: str) -> pl.Expr:
    """The condition as an expression; ValueError if it is none that decides each post alone."""
    if clock := _CLOCK.search(_QUOTED.sub("''", condition)):
        raise ValueError(
            f"'{clock[0]}' would give another corpus on another day; write the time itself, such "
            "as DATE '2024-06-01'"
        )
    try:
        parsed = pl.sql_expr(condition)
        tree = json.loads(parsed.meta.serialize(format="json"))
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"no polars SQL: {_shorten(error)}") from None
    for node in _list_nodes(tree):
        raise ValueError(
            f"it must decide about each post alone, and '{node}' looks at other posts or gives "
            "several values; use columns, comparisons and functions of one post"
        )
    return parsed


def _list_nodes(node: Any) -> Iterator[str]:
    """The nodes of a serialized expression that are not computed row by row."""
    if not isinstance(node, dict) or len(node) != 1:
        yield str(node)[:40]
        return
    ((kind, content),) = node.items()
    if kind not in _NODE_INPUTS:
        yield kind
        return
    if kind == "Function" and not _is_row_by_row(content["function"]):
        yield str(content["function"])[:40]
    for name in _NODE_INPUTS[kind]:
        inputs = content[name]
        for each in inputs if isinstance(inputs, list) else [inputs]:
            yield from _list_nodes(each)


def _is_row_by_row(function: Any) -> bool:
    if isinstance(function, str):
        return function in _FUNCTIONS
    ((family, kind),) = function.items()
    if family == "Boolean":
        return (kind if isinstance(kind, str) else next(iter(kind))) in _BOOLEAN_FUNCTIONS
    return family in _FUNCTION_FAMILIES


def _shorten(error: Exception) -> str:
    """Polars' message without its own view of the query, on one line."""
    message = str(error).partition("This error occurred")[0].partition("Resolved plan")[0]
    return " ".join(message.split())[:200]
