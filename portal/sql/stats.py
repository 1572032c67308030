"""What is known of a table's files before a statement runs, kept small: one row group a line, columns in parallel."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from portal.cloud.ports import FileFacts

Bound = str | int | float | None


@dataclass(frozen=True)
class Part:
    """A row group, or a whole file of a format without them. Lists are in the order of `TableStats.columns`."""

    file: int
    bytes: tuple[int, ...]
    minimum: tuple[Bound, ...]
    maximum: tuple[Bound, ...]


@dataclass(frozen=True)
class TableStats:
    """Files and row groups of one table. `files` are (size, footer bytes, partition values) each.

    `columns` are empty for formats without footers: then a file counts with its whole size.
    """

    columns: tuple[str, ...]
    files: tuple[tuple[int, int, tuple[str, ...]], ...]
    parts: tuple[Part, ...]

    @classmethod
    def from_files(cls, files: Iterable[FileFacts]) -> "TableStats":
        """Gather the facts of all files; nested fields count for their column."""
        known = list(files)
        names = sorted({_top(chunk.column) for f in known for group in f.row_groups for chunk in group.chunks})
        place = {name: index for index, name in enumerate(names)}
        parts: list[Part] = []
        for number, facts in enumerate(known):
            for group in facts.row_groups:
                sizes, low, high = [0] * len(names), [None] * len(names), [None] * len(names)
                bounds: tuple[list[Bound], list[Bound]] = (list(low), list(high))
                for chunk in group.chunks:
                    index = place[_top(chunk.column)]
                    sizes[index] += chunk.bytes
                    if "." not in chunk.column:
                        bounds[0][index], bounds[1][index] = chunk.minimum, chunk.maximum
                parts.append(Part(number, tuple(sizes), tuple(bounds[0]), tuple(bounds[1])))
            if not facts.row_groups:
                parts.append(Part(number, (), (), ()))
        return cls(tuple(names), tuple((f.size, f.footer_bytes, f.partition) for f in known), tuple(parts))

    def to_json(self) -> str:
        """Compact text that `from_json` reads."""
        parts = [[p.file, p.bytes, p.minimum, p.maximum] for p in self.parts]
        return json.dumps([self.columns, self.files, parts], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "TableStats":
        """Raises ValueError where the text is not of `to_json`."""
        columns, files, parts = json.loads(text)
        return cls(
            tuple(columns),
            tuple((size, footer, tuple(values)) for size, footer, values in files),
            tuple(Part(file, tuple(sizes), tuple(low), tuple(high)) for file, sizes, low, high in parts),
        )


def _top(column: str) -> str:
    return column.split(".", 1)[0].lower()
