"""A job's metrics as lines to draw: points in a box of WIDTH × HEIGHT, from the left, y upwards."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.cloud.ports import MetricPoint

WIDTH, HEIGHT = 600, 120
POINTS_MAX = 600  # one a pixel
FIRST = ("val_accuracy", "accuracy", "f1", "macro_f1", "val_loss", "loss")


@dataclass(frozen=True)
class Curve:
    """One metric. `line` is the points attribute of an SVG polyline."""

    name: str
    line: str
    last: float
    low: float
    high: float
    steps: int


def curves(points: Sequence[MetricPoint]) -> list[Curve]:
    """A curve for each metric with two different values or more, the most telling first."""
    series: dict[str, list[float]] = {}
    for point in points:
        series.setdefault(point.name, []).append(point.value)
    names = sorted(series, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    return [_curve(name, series[name]) for name in names if len(set(series[name])) > 1]


def _curve(name: str, values: list[float]) -> Curve:
    stride = -(-len(values) // POINTS_MAX)
    kept = values[::stride]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = WIDTH / max(1, len(kept) - 1)
    line = " ".join(f"{i * step:.1f},{HEIGHT - (value - low) / span * HEIGHT:.1f}" for i, value in enumerate(kept))
    return Curve(name, line, values[-1], low, high, len(values))
