"""Compare codes of languages: ``hi`` stands for Hindi in any script, ``hi-Latn`` for one."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

#: An ISO 639 code, and the ISO 15924 code of the script if it is not the language's usual one.
CODE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?")


def get_language(code: str) -> str:
    """Return a code without its script: ``hi`` for ``hi-Latn``."""
    return code.partition("-")[0]


def is_any_of(code: str, wanted: Iterable[str]) -> bool:
    """Return whether ``wanted`` has the code, or its language in any script."""
    return not {code, get_language(code)}.isdisjoint(wanted)


def are_any_of(codes: pl.Expr, wanted: Iterable[str]) -> pl.Expr:
    """Return :func:`is_any_of` for a column of codes; null stays null."""
    listed = list(wanted)
    return codes.is_in(listed) | codes.str.split("-").list.first().is_in(listed)
