"""Choose the columns and the documents of an export, as the user names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from corpus.errors import CorpusError, did_you_mean


def check_columns(columns: Sequence[str], schema: Mapping[str, pl.DataType]) -> tuple[str, ...]:
    """Return the names of columns; CorpusError if one is unknown or there twice."""
    for name in columns:
        if name not in schema:
            raise CorpusError(f"--columns: no column '{name}'{did_you_mean(name, schema)}")
        if columns.count(name) > 1:
            raise CorpusError(f"--columns: '{name}' is there twice")
    if not columns:
        raise CorpusError("--columns: name at least one column")
    return tuple(columns)


def parse_condition(condition: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return a condition in SQL, such as ``lang = 'en' and score > 3``, as an expression.

    CorpusError if it is no condition, or if it does not decide about each document alone.
    """
    try:
        expression = pl.sql_expr(condition)
        known = expression.meta.root_names()
    except (pl.exceptions.PolarsError, TypeError, AttributeError, ValueError) as error:
        raise CorpusError(f"--where: {_first_line(error)}") from None
    for name in known:
        if name not in schema:
            raise CorpusError(f"--where: no column '{name}'{did_you_mean(name, schema)}")
    try:
        is_separable = _decides_alone(expression, dict(schema))
        empty = pl.DataFrame(schema=dict(schema)).select(expression.alias("condition"))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise CorpusError(f"--where: {_first_line(error)}") from None
    if not is_separable:
        raise CorpusError(
            "--where: it must decide about each document alone, without averages, counts, windows "
            "and subqueries"
        )
    if empty.schema["condition"] != pl.Boolean:
        raise CorpusError(
            f"--where: it gives {empty.schema['condition']}, not true or false; write a "
            "comparison, such as score > 3"
        )
    return expression


def _decides_alone(expression: pl.Expr, schema: dict[str, pl.DataType]) -> bool:
    """Return whether no part of an expression depends on other rows."""
    if expression.meta.is_literal():  # also the values of IN, as a Series
        return True
    try:
        if not expression.meta.is_row_separable():
            return False
    except pl.exceptions.ColumnNotFoundError:
        pass  # IN, ROUND, %, and division depend on the type of a column, and on no other row
    return all(_decides_alone(part, schema) for part in expression.meta.pop(schema=schema))


def keep_documents(documents: pl.DataFrame, condition: pl.Expr | None) -> pl.DataFrame:
    """Return the documents for which the condition is true; CorpusError if it cannot be told."""
    if condition is None:
        return documents
    try:
        return documents.filter(condition)
    except pl.exceptions.PolarsError as error:  # its words may quote a document
        raise CorpusError(
            f"--where: it fails on some documents ({type(error).__name__}); compare values of one "
            "type"
        ) from None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
