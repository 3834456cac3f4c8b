"""Compile a function with numba on its first call, and cache the machine code if possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F) -> F:
    """Return ``function`` compiled to machine code that releases the GIL.

    numba writes its cache next to the source or in the user's cache folder. Where neither is
    writable, each process compiles the function again.

    A variable that is 0 at first and is given to another compiled function begins as
    ``int(np.int64(0))``: for a literal, numba compiles that function and all it calls once more.
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(F, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # numba found no folder for its cache
        return cast(F, numba.njit(**options)(function))
