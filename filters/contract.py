"""What a filter is.

A filter is a plain callable on a polars frame: *same rows, same order; columns added or
rewritten; a non-null* ``reject`` *says why a row should leave.* It never removes a row itself,
so drops are counted in one place, and it can be tested with three literal rows.

Each module in this folder exposes

* ``Config``: a frozen pydantic model (subclass of :class:`FilterConfig`), unknown keys forbidden;
* ``READS``: the columns it needs; it may use others when they are there;
* ``WRITES``: the columns it adds or rewrites, with their types (``reject`` is not listed);
* ``VERSION``: raised when the same input would be decided differently;
* ``build(config)``: loads what it needs and returns the callable;
* ``models(config)``: optional; the model files it will load, for the fingerprint;
* ``check(config)``: optional; a ValueError for what can be seen to be wrong before a build;
* ``writes(config)``: optional; ``WRITES`` under a Config that asks for more columns;
* ``wants_key(config)``: optional; whether ``build(config, key=...)`` wants the corpus's key;
* ``resolved(config)``: optional; the same with every choice made that it leaves to the module;
* ``thresholds(config)``: optional; which setting bounds which column under ``config`` (see
  :class:`Threshold`), so that the report can mark it and say what another value would change.
* ``verdict(config)``: optional; why a post leaves, or null, as one expression over the columns in
  ``WRITES``, so that a setting can be moved without scoring again; ``config`` is resolved. With it
  ``MOVABLE``, the settings that the verdict hangs on, each with the column it is held against (or
  a function ``movable`` that gives them for a Config).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import polars as pl
from pydantic import BaseModel, ConfigDict

Filter = Callable[[pl.DataFrame], pl.DataFrame]


class FilterConfig(BaseModel):
    """Base of every filter's ``Config``: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class FilterModule(Protocol):
    """The shape of a module in this folder."""

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
    """The thresholds that a filter holds posts to under ``config``; many have none."""
    listing = getattr(module, "thresholds", None)
    return tuple(listing(config)) if listing else ()


def check(module: object, config: FilterConfig) -> None:
    """Let a filter look at the files that ``config`` names; most name none."""
    look = getattr(module, "check", None)
    if look:
        look(config)


def resolved(module: object, config: FilterConfig) -> FilterConfig:
    """``config`` with what it leaves to the module chosen; most leave nothing."""
    choose = getattr(module, "resolved", None)
    return choose(config) if choose else config


def writes(module: FilterModule, config: FilterConfig) -> Mapping[str, pl.DataType]:
    """The columns a filter writes under ``config``."""
    listing = getattr(module, "writes", None)
    found: Mapping[str, pl.DataType] = listing(config) if listing else module.WRITES
    return found


def verdict(module: object, config: FilterConfig) -> pl.Expr | None:
    """Why a post leaves, of what is stored of it; None for a filter that cannot say so."""
    rule = getattr(module, "verdict", None)
    return rule(config) if rule else None


def movable(module: object, config: FilterConfig) -> Mapping[str, str]:
    """The settings that a verdict hangs on, each with the column it is held against."""
    listing = getattr(module, "movable", None)
    found: Mapping[str, str] = listing(config) if listing else getattr(module, "MOVABLE", {})
    return found


def wants_key(module: object, config: FilterConfig) -> bool:
    """Whether a filter wants the corpus's key under ``config``; most do not."""
    asks = getattr(module, "wants_key", None)
    return bool(asks(config)) if asks else False


def models(module: object, config: FilterConfig) -> list[Path]:
    """The model files a filter will load under ``config``; most load none."""
    listing = getattr(module, "models", None)
    return list(listing(config)) if listing else []
