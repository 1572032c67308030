"""A job's log: JSON lines of time and text, written by its runner alone, read by anyone; and the metrics in it."""

import contextlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from portal.cloud.errors import Rejected
from portal.cloud.ports import LogPage, MetricPoint

LONGEST_LINE = 8192
_CURSOR = re.compile(r"[0-9]{0,18}")
LARGEST_LOG = 64 * 1024**2

Line = tuple[datetime, str]


class LogWriter:
    """Appends what a script prints. `hide` maps texts (paths of this machine) to what stands for them."""

    def __init__(self, path: Path, hide: Mapping[str, str]) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - open as long as the job runs
        self._hide = sorted(hide.items(), key=lambda pair: -len(pair[0]))
        self._pending = b""
        self._room = LARGEST_LOG
        self.tail: list[str] = []

    def feed(self, data: bytes) -> None:
        """Take bytes as they come; whole lines are written at once, the rest when it is whole or too long."""
        *whole, self._pending = (self._pending + data).split(b"\n")
        for line in whole:
            self.line(line.decode("utf-8", "replace"))
        if len(self._pending) > LONGEST_LINE:
            self.flush()

    def flush(self) -> None:
        """Write what has no line end yet."""
        if self._pending:
            self.line(self._pending.decode("utf-8", "replace"))
            self._pending = b""

    def line(self, text: str) -> None:
        """Write one line. Of a progress bar (carriage returns) only its last state is kept."""
        text = text.rstrip("\r").rpartition("\r")[2]
        for found, shown in self._hide:
            text = text.replace(found, shown)
        text = text[:LONGEST_LINE]
        self.tail = [*self.tail[-29:], text]
        if self._room <= 0:
            return
        self._room -= self._write(text)
        if self._room <= 0:
            self._write(f"The log ends here: it has reached {LARGEST_LOG // 1024**2} MB. The script goes on.")

    def close(self) -> None:
        self.flush()
        self._file.close()

    def _write(self, text: str) -> int:
        entry = json.dumps({"at": datetime.now(UTC).isoformat(), "line": text}, ensure_ascii=False)
        return self._file.write(entry.encode("utf-8", "replace") + b"\n") or 0


def read_page(path: Path, cursor: str, limit: int) -> LogPage:
    """Lines from `cursor`, an offset in bytes. Rejected(INVALID_CURSOR)."""
    nowhere = Rejected("INVALID_CURSOR", "This is no place in the log. Begin again without a cursor.")
    if not _CURSOR.fullmatch(cursor):
        raise nowhere
    offset = int(cursor or "0")
    lines: list[Line] = []
    if path.exists():
        with open(path, "rb") as file:
            if offset > path.stat().st_size:
                raise nowhere
            file.seek(max(offset - 1, 0))
            if offset and file.read(1) != b"\n":
                raise nowhere
            while len(lines) < limit and (entry := file.readline()).endswith(b"\n"):
                offset += len(entry)
                lines.append(_parse(entry))
    return LogPage(lines=tuple(lines), next=str(offset))


def check_patterns(patterns: Mapping[str, str]) -> None:
    """Rejected(BAD_METRIC) where one is no regular expression with one group."""
    for name, pattern in patterns.items():
        _values(pa.array([""]), name, f"(?:{pattern})?")  # matches always, so that the group is looked for


def points(lines: Iterable[Line], patterns: Mapping[str, str]) -> list[MetricPoint]:
    """The values that `patterns` (name -> regex with one group) find in `lines`, in their order.

    The expressions are users' own, so they run on RE2, whose time is linear in the text whatever the expression
    (https://github.com/google/re2/wiki/WhyRE2); it knows no look-around and no back-references.
    """
    times_texts = list(lines)
    texts = pa.array([text for _, text in times_texts], pa.string())
    found: list[tuple[int, str, float]] = []
    for name, pattern in patterns.items():
        for row, value in _values(texts, name, pattern):
            found.append((row, name, value))
    found.sort(key=lambda hit: hit[0])
    steps = dict.fromkeys(patterns, 0)
    result = []
    for row, name, value in found:
        steps[name] += 1
        result.append(MetricPoint(name=name, step=steps[name], value=value, at=times_texts[row][0]))
    return result


def _values(texts: pa.Array, name: str, pattern: str) -> list[tuple[int, float]]:
    try:
        rows = pc.indices_nonzero(pc.match_substring_regex(texts, pattern))
        groups = pc.replace_substring_regex(texts.take(rows), f"^.*?(?:{pattern}).*$", r"\1", max_replacements=1)
    except pa.ArrowInvalid as error:
        words = f"The expression of the metric “{name}” cannot be read: it needs one group, as in accuracy=([0-9.]+)."
        raise Rejected("BAD_METRIC", words) from error
    values = []
    for row, text in zip(rows.to_pylist(), groups.to_pylist(), strict=True):
        with contextlib.suppress(ValueError):  # the group matched something that is no number
            values.append((row, float(text)))
    return [(row, value) for row, value in values if math.isfinite(value)]  # JSON knows no nan


def _parse(entry: bytes) -> Line:
    record = json.loads(entry)
    return datetime.fromisoformat(record["at"]), record["line"]
