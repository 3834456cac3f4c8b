"""What must be true of every filter: the names that its module has, and what it does to posts.

A plan's filters of the user's own are checked by these before a build, on invented posts, and
``corpus.testing`` offers them to the tests of whoever writes a filter.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from corpus import schema
from filters import contract
from filters.contract import FilterConfig, FilterModule

_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: The invented posts that a filter is tried on.
TEXTS = (
    "good morning all",
    "",
    "mail joe@example.org or call +1 212 555 0123",
    "😀",
    "RT @joe: look https://a.example #wow\nnext line",
    "x" * 5000,
    "😀" * 40,
    "WIN A PRIZE NOW!!! $$$ https://a.example/win " * 20,
    "Thank you! I read all of it, and I have 2 questions about the third chapter.",
    "東京タワーに行きました",
    "\u202etxet desrever\u200b and a tab\t",
)


class ContractError(AssertionError):
    """A filter or a reader breaks its contract; the message says what, and the remedy."""


def list_missing_parts(module: Any) -> list[str]:
    """Return what is wrong with the names of a filter's module; often nothing."""
    if callable(getattr(module, "decide", None)) and not callable(getattr(module, "build", None)):
        return [
            "it has 'decide' and no 'build', like a stage that compares all posts; code of your "
            "own can only decide about each post alone, with 'build'"
        ]
    found = []
    config = getattr(module, "Config", None)
    if not (isinstance(config, type) and issubclass(config, FilterConfig)):
        found.append(
            "it has no 'Config' that extends FilterConfig; write 'class Config(FilterConfig)', "
            "imported from filters.contract, with a field for each setting"
        )
    reads = getattr(module, "READS", None)
    if not isinstance(reads, tuple) or not all(isinstance(name, str) for name in reads):
        found.append(
            "it has no 'READS', a tuple of the columns that it needs; write READS = ('text',)"
        )
    found += _list_wrong_writes(getattr(module, "WRITES", None))
    version = getattr(module, "VERSION", None)
    if not isinstance(version, int) or isinstance(version, bool):
        found.append("it has no 'VERSION', a whole number; write VERSION = 1")
    if not callable(getattr(module, "build", None)):
        found.append("it has no 'build(config)'; it must return the filter, a callable")
    return found


def _list_wrong_writes(writes: object) -> list[str]:
    if not isinstance(writes, Mapping):
        return [
            "it has no 'WRITES', the columns that it adds or rewrites with their types; write "
            "WRITES = {'emoji_count': pl.Int64()}, or WRITES = {}"
        ]
    found = []
    for name, dtype in writes.items():
        if not isinstance(name, str) or not _COLUMN.fullmatch(name):
            found.append(f"WRITES: {name!r} is no name of a column: letters, digits and '_'")
        elif name in ("reject", "id", "stage", "reason", contract.UNJUDGED):
            found.append(f"WRITES: '{name}' is written by the build; remove it or rename it")
        elif not isinstance(dtype, pl.DataType):
            found.append(f"WRITES: the type of '{name}' is no polars type; write pl.Int64(), say")
        elif name in schema.POST and dtype != schema.POST[name]:
            found.append(f"WRITES: '{name}' is a column of a post and stays {schema.POST[name]}")
    return found


# --------------------------------------------------------------------------- on invented posts


def make_posts(
    columns: tuple[str, ...] = (), types: Mapping[str, pl.DataType] | None = None
) -> pl.DataFrame:
    """Return posts with ``id``, ``text`` and ``columns``, whose types are those in ``types``.

    Apart from these two, every column is null in the first row and has a value in the others.
    """
    types = {**schema.POST, **(types or {})}
    made = {
        "id": pl.Series([str(row) for row in range(len(TEXTS))]),
        "text": pl.Series(TEXTS, dtype=pl.String),
    }
    for name in columns:
        if name in made:
            continue
        if name not in types:
            raise ContractError(
                f"READS: no type of the column '{name}' is known; give it in 'types'"
            )
        values = [None, *[_sample_value(types[name])] * (len(TEXTS) - 1)]
        made[name] = pl.Series(values).cast(types[name])
    return pl.DataFrame(made)


def _sample_value(dtype: pl.DataType) -> object:
    if dtype == pl.String:
        return "en"
    if dtype == pl.Boolean:
        return True
    if isinstance(dtype, pl.Datetime):
        return datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
    return [] if isinstance(dtype, pl.List) else 1


def check_filter(
    module: FilterModule,
    config: FilterConfig | None = None,
    types: Mapping[str, pl.DataType] | None = None,
) -> None:
    """Raise ContractError, which says what is wrong, unless the filter keeps its contract.

    It is tried on invented posts under ``config``, by default its own defaults. ``types`` are the
    columns that earlier stages have added.
    """
    missing = list_missing_parts(module)
    if missing:
        raise ContractError("; ".join(missing))
    config = module.Config() if config is None else config
    posts = make_posts(contract.reads(module, config), types)
    run = _build(module, config)
    judged = _run(run, posts)
    check_judged(judged, posts, contract.writes(module, config))
    alone = [_run(run, posts.slice(row, 1)) for row in range(posts.height)]
    for row, one in enumerate(alone):
        if not one.equals(judged.slice(row, 1)):
            raise ContractError(
                "a post gets another result alone than among others; a filter must decide about "
                "each post alone, without sums, sorting or a state that it keeps"
            )
    none = _run(run, posts.clear())
    check_judged(none, posts.clear(), contract.writes(module, config))


def check_verdict(
    module: FilterModule,
    config: FilterConfig | None = None,
    types: Mapping[str, pl.DataType] | None = None,
) -> None:
    """Raise ContractError unless thresholds and verdict, if there are any, fit what is written."""
    config = contract.resolved(module, module.Config() if config is None else config)
    writes = contract.writes(module, config)
    for bound in contract.thresholds(module, config):
        if bound.column not in writes or bound.setting not in type(config).model_fields:
            raise ContractError(
                f"thresholds: '{bound.setting}' of '{bound.column}': it must be a setting of "
                "Config, and the column one of WRITES"
            )
    verdict, movable = contract.verdict(module, config), contract.movable(module, config)
    if (verdict is None) != (not movable):
        raise ContractError(
            "it has one of 'verdict' and 'MOVABLE'; 'corpus tune' needs both, or none"
        )
    if verdict is None:
        return
    for setting, column in movable.items():
        if setting not in type(config).model_fields or column not in writes:
            raise ContractError(
                f"MOVABLE: '{setting}': '{column}': it must be a setting of Config, and the column "
                "one of WRITES"
            )
    if others := set(verdict.meta.root_names()) - set(writes):
        raise ContractError(
            f"the verdict reads '{sorted(others)[0]}', which is not in WRITES and so not stored"
        )
    posts = make_posts(contract.reads(module, config), types)
    judged = _run(_build(module, config), posts)
    if not judged.select(verdict.eq_missing(judged["reject"]).all()).item():
        raise ContractError(
            "the verdict differs from what the filter wrote to 'reject'; use the verdict in the "
            "filter itself"
        )


def check_judged(
    judged: object, posts: pl.DataFrame, writes: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """Return what a filter made of ``posts`` if it keeps the contract; else ContractError."""
    if not isinstance(judged, pl.DataFrame):
        raise ContractError(
            f"the filter returned {type(judged).__name__} and must return a polars DataFrame"
        )
    if "id" not in judged.columns or not judged["id"].equals(posts["id"]):
        what = "count" if judged.height != posts.height else "order"
        raise ContractError(
            f"the filter changed the {what} of the rows; it may only add columns, and 'reject' "
            "says which posts to drop"
        )
    if judged.schema.get("reject") != pl.String:
        found = judged.schema.get("reject", "missing")
        raise ContractError(
            f"the column 'reject' is {found} and must be String: a reason in each row to drop and "
            "null in the others; write pl.lit(None, pl.String) where nothing is dropped"
        )
    for column, dtype in writes.items():
        if judged.schema.get(column) != dtype:
            found = judged.schema.get(column, "missing")
            raise ContractError(
                f"the column '{column}' is {found}, and WRITES says {dtype}; cast it, or change "
                "WRITES"
            )
    others = [name for name in posts.columns if name not in writes]
    if gone := [name for name in others if name not in judged.columns]:
        raise ContractError(f"the filter removed the column '{gone[0]}'; it may only add columns")
    known = {*posts.columns, *writes, "reject", contract.UNJUDGED}
    if more := [name for name in judged.columns if name not in known]:
        raise ContractError(f"the filter added the column '{more[0]}'; list it in WRITES")
    if changed := [name for name in others if not judged[name].equals(posts[name])]:
        raise ContractError(f"the filter changed the column '{changed[0]}'; list it in WRITES")
    return judged


def _build(module: FilterModule, config: FilterConfig) -> contract.Filter:
    build: Callable[..., Any] = module.build
    if contract.wants_key(module, config):
        build = partial(build, key=bytes(32))
    try:
        run: contract.Filter = build(config)
    except Exception as error:
        raise ContractError(f"build(config) raised {describe_error(error)}") from error
    if not callable(run):
        raise ContractError(
            f"build(config) returned {type(run).__name__} and must return the filter, a callable"
        )
    return run


def _run(run: contract.Filter, posts: pl.DataFrame) -> Any:
    try:
        return run(posts)
    except Exception as error:
        raise ContractError(
            f"the filter raised {describe_error(error)}, on {posts.height} invented posts with "
            f"the columns {', '.join(posts.columns)}"
        ) from error


def describe_error(error: Exception) -> str:
    """Return an error of code of the user's own, on invented data, and where it was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    own = [
        f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename
    ]
    frame = own[-1] if own else frame
    message = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {message} ({Path(frame.filename).name}, line {frame.lineno})"
