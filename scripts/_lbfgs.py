"""Find the minimum of a smooth convex function by L-BFGS with backtracking."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Return the value and the gradient of the loss at a point.
Loss = Callable[[Floats], tuple[float, Floats]]

MEMORY = 8


def minimise(loss: Loss, start: Floats, steps: int) -> Floats:
    """Return the point at which ``loss`` is least, or the point after ``steps`` steps."""
    at = start
    value, slope = loss(at)
    moves: list[tuple[Floats, Floats]] = []
    for _ in range(steps):
        way = _direction(slope, moves)
        step, descent = 1.0 if moves else 1 / float(np.linalg.norm(slope)), float(slope @ way)
        while True:
            new = at + step * way
            new_value, new_slope = loss(new)
            if new_value <= value + 1e-4 * step * descent or step < 1e-9:
                break
            step /= 2
        moves = [*moves, (new - at, new_slope - slope)][-MEMORY:]
        at, value, slope = new, new_value, new_slope
    print(f"loss {value:.3f}, slope {np.abs(slope).max():.5f}")
    return at


def _direction(slope: Floats, moves: list[tuple[Floats, Floats]]) -> Floats:
    """Return minus the inverse Hessian, estimated from the last moves, times the slope."""
    way = -slope
    shares = []
    for move, change in reversed(moves):
        share = (move @ way) / (move @ change)
        shares.append(share)
        way = way - share * change
    if moves:
        move, change = moves[-1]
        way = way * ((move @ change) / (change @ change))
    for (move, change), share in zip(moves, reversed(shares), strict=True):
        way = way + (share - (change @ way) / (move @ change)) * move
    return way
