"""Compile a function on its first call, and keep the machine code if there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F) -> F:
    """``function`` as machine code that lets go of the GIL.

    A user who can write neither beside the source nor at home has it compiled in each process.
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(F, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # numba found no folder for its cache
        return cast(F, numba.njit(**options)(function))
