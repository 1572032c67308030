"""What a finished job says of itself: metrics.json and worst.csv, as templates and scripts may leave them. Written by
people's own code, so everything in them is checked and nothing is trusted."""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any, BinaryIO

from portal.access.model import Actor
from portal.cloud.errors import NotFound
from portal.problems import Missing
from portal.training import services

BYTES_MAX = 1024**2
CLASSES_MAX = 30
WORST_MAX = 20
SHADES = 9


@dataclass(frozen=True)
class Report:
    """`confusion` has a row a true class: (class, [(count, shade 0 to 9)]). `worst` are lines as {column: text}."""

    accuracy: float | None
    baseline: float | None
    baseline_label: str
    label: str
    labels: list[str]
    confusion: list[tuple[str, list[tuple[int, int]]]]
    worst_columns: list[str]
    worst: list[list[str]]


def report(actor: Actor, job_id: object, paths: set[str]) -> Report | None:
    """The report of an ended job that left one."""
    facts = _json(_read(actor, job_id, ("data/metrics.json", "model/metrics.json"), paths))
    columns, worst = _csv(_read(actor, job_id, ("data/worst.csv",), paths))
    if not facts and not worst:
        return None
    labels = [str(one) for one in facts.get("labels", [])] if isinstance(facts.get("labels"), list) else []
    return Report(
        accuracy=_number(facts.get("accuracy")),
        baseline=_number(facts.get("baseline")),
        baseline_label=str(facts.get("baseline_label", "")),
        label=str(facts.get("label", "")),
        labels=labels,
        confusion=_confusion(labels, facts.get("confusion")),
        worst_columns=columns,
        worst=worst,
    )


def _read(actor: Actor, job_id: object, candidates: tuple[str, ...], paths: set[str]) -> bytes:
    for path in candidates:
        if path in paths:
            try:
                body: BinaryIO = services.open_output(actor, job_id, path)
            except (Missing, NotFound):
                continue
            with body:
                return body.read(BYTES_MAX)
    return b""


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data) if data else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _csv(data: bytes) -> tuple[list[str], list[list[str]]]:
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8", "replace"))))
    except csv.Error:
        return [], []
    if not lines:
        return [], []
    width = len(lines[0])
    return lines[0], [line for line in lines[1 : WORST_MAX + 1] if len(line) == width]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _confusion(labels: list[str], matrix: Any) -> list[tuple[str, list[tuple[int, int]]]]:
    size = len(labels)
    fits = isinstance(matrix, list) and len(matrix) == size and 1 < size <= CLASSES_MAX
    if not fits or not all(isinstance(row, list) and len(row) == size for row in matrix):
        return []
    if not all(isinstance(count, int) for row in matrix for count in row):
        return []
    shown = []
    for label, row in zip(labels, matrix, strict=True):
        total = sum(row) or 1
        shown.append((label, [(count, min(SHADES, max(0, round(SHADES * count / total)))) for count in row]))
    return shown
