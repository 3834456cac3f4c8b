"""What a filter is.

A filter is a plain callable on a polars frame: *same rows, same order; columns added or
rewritten; a non-null* ``reject`` *says why a row should be dropped.* It never removes a row itself:
the pipeline counts drops in one place, and a test of a filter needs three literal rows.

The module of a filter has

* ``Config``: a frozen pydantic model (subclass of :class:`FilterConfig`), unknown keys forbidden;
* ``READS``: the columns it needs; it may use others where they exist;
* ``WRITES``: the columns it adds or rewrites, with their types (``reject`` is not listed);
* ``VERSION``: raised when the same input would be decided differently;
* ``build(config)``: loads what it needs and returns the callable;

and may have

* ``reads(config)``: ``READS`` under a Config that names columns itself;
* ``check_types(config, types)``: raises ValueError for what is wrong with the types of the columns
  that a post has when it comes to the filter;
* ``models(config)``: the model files that it will load, for the fingerprint;
* ``check(config)``: raises ValueError for what can be known to be wrong before a build;
* ``writes(config)``: ``WRITES`` under a Config that asks for more columns;
* ``wants_key(config)``: whether ``build(config, key=...)`` needs the corpus's key;
* ``wants_dump_end(config)``: whether it reads the column :data:`DUMP_END`, for which a build reads
  all files before it filters;
* ``resolved(config)``: the same Config with explicit values for the settings that it leaves to the
  module;
* ``thresholds(config)``: which setting bounds which column under ``config`` (see
  :class:`Threshold`), so that the report can mark the threshold and count what another value would
  change;
* ``verdict(config)``: the reason to drop a post, or null, as one expression over the columns in
  ``WRITES``, so that a setting can be changed without scoring again; ``config`` is resolved. With
  it ``MOVABLE``: the settings that the verdict depends on, each with the column that it is compared
  with (or a function ``movable`` that returns them for a Config); a column of lists of records is
  written as ``column.field``, or as ``column`` if none of its fields is compared;
* ``decide_again(posts, config, is_complete)``: where the verdict under other settings depends on
  other posts, too: an expression over the columns in ``WRITES`` for the reason, ``""`` for a post
  to keep, and null where what is stored does not decide. ``posts`` is a lazy frame of the posts
  about which the stage decided; all of them if ``is_complete``. Posts without a value in ``WRITES``
  were looked at, too;
* ``UNMOVABLE``: settings that cannot be changed without scoring again, each with why, where it is
  not that they change the scores;
* ``check_moved(built, moved)``: raises ValueError if what is stored does not decide under the
  settings ``moved``, and says why;
* ``MUST_BE_FIRST``: True if a plan must apply the filter before every other stage;
* ``languages(config)``: the languages that its model or its rules of words know, as codes of
  ``lang``. Without it, or if it is empty, the filter is for all languages; else it writes the
  column :data:`UNJUDGED`;
* ``REASONS``, or a function ``reasons(config)``: the reasons that it may give, for its description;
* ``TURN_REASONS``: its reasons that say that a post is worth little by itself, as "Thank you!" is.
  Where threads are made into documents, a post that a kept post answers is kept in spite of them.

A filter that needs several files is a package that imports these names in its ``__init__``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import polars as pl
from pydantic import BaseModel, ConfigDict

Filter = Callable[[pl.DataFrame], pl.DataFrame]

#: The column for the language of a post that the filter's model or rules of words do not know, so
#: that they could not judge the post; null for a post that they have judged. A build counts the
#: languages by stage and does not keep the column.
UNJUDGED = "unjudged"
#: The column for the latest time at which a post of the same source was written or edited; null
#: where no post has a time. Only filters that want it see it, and it is not kept.
DUMP_END = "_dump_end"


class FilterConfig(BaseModel):
    """Base of every filter's ``Config``: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class FilterModule(Protocol):
    """What every module of a filter has."""

    Config: type[FilterConfig]
    READS: tuple[str, ...]
    WRITES: Mapping[str, pl.DataType]
    VERSION: int

    def build(self, config: FilterConfig) -> Filter:
        """Return the callable; models load here."""
        ...


class Threshold(NamedTuple):
    """A setting that bounds a column: a value beyond it gives a post the ``reason``."""

    column: str
    setting: str
    side: Literal["min", "max"]
    reason: str
    note: str = ""


def thresholds(module: object, config: FilterConfig) -> tuple[Threshold, ...]:
    """Return the thresholds that a filter compares posts with under ``config``; often none."""
    hook = getattr(module, "thresholds", None)
    return tuple(hook(config)) if hook else ()


def check(module: object, config: FilterConfig) -> None:
    """Let a filter check the files that ``config`` names; it raises ValueError."""
    hook = getattr(module, "check", None)
    if hook:
        hook(config)


def reads(module: FilterModule, config: FilterConfig) -> tuple[str, ...]:
    """Return the columns that a filter needs under ``config``."""
    hook = getattr(module, "reads", None)
    return tuple(hook(config)) if hook else module.READS


def check_types(module: object, config: FilterConfig, types: Mapping[str, pl.DataType]) -> None:
    """Let a filter check the types of the columns that it gets; it raises ValueError."""
    hook = getattr(module, "check_types", None)
    if hook:
        hook(config, types)


def resolved(module: object, config: FilterConfig) -> FilterConfig:
    """Return ``config`` with explicit values for the settings that it leaves to the module."""
    hook = getattr(module, "resolved", None)
    return hook(config) if hook else config


def writes(module: FilterModule, config: FilterConfig) -> Mapping[str, pl.DataType]:
    """Return the columns that a filter writes under ``config``."""
    hook = getattr(module, "writes", None)
    columns: Mapping[str, pl.DataType] = hook(config) if hook else module.WRITES
    return columns


def verdict(module: object, config: FilterConfig) -> pl.Expr | None:
    """Return the reason to drop a post, from stored columns; None if the filter has no verdict."""
    hook = getattr(module, "verdict", None)
    return hook(config) if hook else None


def movable(module: object, config: FilterConfig) -> Mapping[str, str]:
    """Return the settings that a verdict depends on, each with the column it is compared with."""
    hook = getattr(module, "movable", None)
    settings: Mapping[str, str] = hook(config) if hook else getattr(module, "MOVABLE", {})
    return settings


def decide_again(
    module: object, posts: pl.LazyFrame, config: FilterConfig, *, is_complete: bool
) -> pl.Expr | None:
    """Return the verdict under ``config`` from all posts; None if each post has its own."""
    hook = getattr(module, "decide_again", None)
    return hook(posts, config, is_complete=is_complete) if hook else None


def decides_again(module: object) -> bool:
    """Return whether the verdict under other settings depends on other posts, too."""
    return hasattr(module, "decide_again")


def unmovable(module: object) -> Mapping[str, str]:
    """Return settings that cannot be changed without scoring again, each with why."""
    settings: Mapping[str, str] = getattr(module, "UNMOVABLE", {})
    return settings


def check_moved(module: object, built: FilterConfig, moved: FilterConfig) -> None:
    """Let a filter check that what is stored decides under other settings; it raises ValueError."""
    hook = getattr(module, "check_moved", None)
    if hook:
        hook(built, moved)


def wants_key(module: object, config: FilterConfig) -> bool:
    """Return whether a filter needs the corpus's key under ``config``; most do not."""
    hook = getattr(module, "wants_key", None)
    return bool(hook(config)) if hook else False


def wants_dump_end(module: object, config: FilterConfig) -> bool:
    """Return whether a filter reads :data:`DUMP_END` under ``config``; most do not."""
    hook = getattr(module, "wants_dump_end", None)
    return bool(hook(config)) if hook else False


def languages(module: object, config: FilterConfig) -> tuple[str, ...]:
    """Return the languages that a filter's model knows under ``config``; often (): all."""
    hook = getattr(module, "languages", None)
    return tuple(hook(config)) if hook else ()


def reasons(module: object, config: FilterConfig) -> tuple[str, ...]:
    """Return the reasons that a stage may give under ``config``, if its module lists them."""
    hook = getattr(module, "reasons", None)
    found = hook(config) if hook else getattr(module, "REASONS", ())
    return tuple(reason for reason in found if reason)


def turn_reasons(module: object) -> tuple[str, ...]:
    """Return the reasons of a stage that do not remove an answered post from its thread."""
    reasons: tuple[str, ...] = getattr(module, "TURN_REASONS", ())
    return reasons


def models(module: object, config: FilterConfig) -> list[Path]:
    """Return the model files that a filter will load under ``config``; often none."""
    hook = getattr(module, "models", None)
    return list(hook(config)) if hook else []
