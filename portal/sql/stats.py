"""What is known of a table's files without reading their rows, and its compact form to be kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.cloud.ports import ColumnChunk, FileFacts, RowGroup


@dataclass(frozen=True)
class TableStats:
    """The facts of all files of a table at one version. Text files have no row groups: they are read whole."""

    files: tuple[FileFacts, ...]

    @classmethod
    def from_files(cls, files: Iterable[FileFacts]) -> "TableStats":
        return cls(tuple(files))

    def to_json(self) -> dict[str, Any]:
        """As JSON: names of columns once, then a list a file, in it a list a row group and a list a chunk."""
        names = sorted({chunk.column for file in self.files for group in file.row_groups for chunk in group.chunks})
        number = {name: n for n, name in enumerate(names)}
        return {"columns": names, "files": [_file(file, number) for file in self.files]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "TableStats":
        """The inverse of to_json."""
        names = data.get("columns", [])
        return cls(tuple(_read(file, names) for file in data.get("files", [])))


def _file(file: FileFacts, number: Mapping[str, int]) -> list[Any]:
    groups = [
        [group.rows, [[number[c.column], c.bytes, c.minimum, c.maximum] for c in group.chunks]]
        for group in file.row_groups
    ]
    return [file.key, file.size, file.etag, file.rows, file.footer_bytes, groups, list(file.partition)]


def _read(file: list[Any], names: list[str]) -> FileFacts:
    key, size, etag, rows, footer_bytes, groups, partition = file
    row_groups = tuple(
        RowGroup(count, tuple(ColumnChunk(names[n], bytes, low, high) for n, bytes, low, high in chunks))
        for count, chunks in groups
    )
    return FileFacts(key, size, etag, rows, footer_bytes, row_groups, tuple(partition))
