"""The geometry of the drawings: numbers in, coordinates out. What they look like is CSS's."""

from collections.abc import Sequence
from math import ceil, log10, pi

Point = tuple[float, float]


def share(value: float, top: float, full: float = 100) -> float:
    """`value` of `top` as a length of `full`, never negative, never over."""
    if top <= 0:
        return 0
    return round(min(max(value, 0) / top, 1) * full, 2)


def ring(value: float, top: float, radius: float) -> tuple[float, float]:
    """(dash, gap) of a circle's stroke that is filled by value of top."""
    around = 2 * pi * radius
    dash = share(value, top, around)
    return dash, round(around - dash, 2)


def ceiling(values: Sequence[float]) -> int:
    """A round number at or above all values, at least 1: 1, 2, 3, 4, 6, 8, 10, 20 …"""
    top = max((*values, 1))
    unit = 10 ** int(log10(top))
    return int(next(step * unit for step in (1, 2, 3, 4, 6, 8, 10) if step * unit >= ceil(top)))


def points(
    values: Sequence[float], width: float, height: float, top: float | None = None
) -> list[Point]:
    """One point a value from left to right, zero at the bottom; one value stands in the middle."""
    top = top or ceiling(values)
    if len(values) == 1:
        return [(width / 2, round(height - share(values[0], top, height), 2))]
    step = width / max(len(values) - 1, 1)
    return [
        (round(index * step, 2), round(height - share(value, top, height), 2))
        for index, value in enumerate(values)
    ]


def polyline(found: Sequence[Point]) -> str:
    """The `points` attribute of an SVG line."""
    return " ".join(f"{x:g},{y:g}" for x, y in found)


def ticks(count: int, most: int = 6) -> list[int]:
    """Which of `count` places get a name, so that the names do not touch: the ends always."""
    if count <= most:
        return list(range(count))
    step = ceil((count - 1) / (most - 1))
    # A name too near to the last one gives way to it.
    inner = [index for index in range(0, count - 1, step) if count - 1 - index >= step * 2 / 3]
    return [*inner, count - 1]


def inset(found: Sequence[Point], left: float, above: float) -> list[Point]:
    """The same points, moved right and down."""
    return [(round(x + left, 2), round(y + above, 2)) for x, y in found]


def lowered(found: Sequence[Point], by: float) -> list[Point]:
    return inset(found, 0, by)


def highest(values: Sequence[float]) -> float:
    """0 of nothing."""
    return max((*values, 0))
