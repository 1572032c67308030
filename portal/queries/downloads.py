"""A whole result as a file, streamed: as many rows as there are, in memory for a thousand of them.

CSV is RFC 4180: a header, CRLF, quotes where needed. NULL is nothing and the empty text is "". Text that begins with
= + - @ or a tab gets a ' before it, since spreadsheets would carry it out as a formula (OWASP, CSV Injection); numbers
stay as they are. JSON (an array of objects) and Parquet are exact.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pyarrow as pa

from portal.access.model import Actor
from portal.operations.models import Operation
from portal.problems import Invalid
from portal.queries.cells import Cell
from portal.queries.results import batches, by_row, open_parquet, open_result

CHUNK = 1024 * 1024
FORMULA = ("=", "+", "-", "@", "\t", "\r")
QUOTED = re.compile(r'[",\r\n]|^\s|\s$')

Writer = Callable[[BinaryIO, list[str]], Iterator[bytes]]


def download(actor: Actor, operation: Operation, format: str) -> tuple[str, str, Iterator[bytes]]:
    """The name of the file, its content type and its bytes. Rights and state are checked now, not while it streams."""
    if format not in FORMATS:
        raise Invalid.field("format", f"A result comes as {', '.join(FORMATS)}.")
    content_type, write = FORMATS[format]
    file = open_result(actor, operation)
    names = [column["name"] for column in operation.result["columns"]]
    return _filename(operation, format), content_type, _Closing(file, write(file, names))


def _filename(operation: Operation, format: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", operation.title.lower()).strip("-")[:40].strip("-")
    return f"{words or 'query'}-{str(operation.id)[:8]}.{format}"


class _Closing(Iterator[bytes]):
    """Chunks of a file that is closed with them. A generator would not do: one that was never begun closes nothing."""

    def __init__(self, file: BinaryIO, chunks: Iterator[bytes]) -> None:
        self._file = file
        self._chunks = chunks

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException:  # the end, or a fault: either way there is nothing more
            self.close()
            raise

    def close(self) -> None:
        self._file.close()


def _csv(file: BinaryIO, names: list[str]) -> Iterator[bytes]:
    yield _line([field(name, text=True) for name in names])
    for batch in batches(open_parquet(file)):
        texts = [_is_text(column.type) for column in batch.columns]
        lines = (_line([field(c, t) for c, t in zip(row, texts, strict=True)]) for row in by_row(batch))
        yield b"".join(lines)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _line(fields: list[str]) -> bytes:
    return (",".join(fields) + "\r\n").encode("utf-8", "replace")


def field(cell: Cell, text: bool) -> str:
    """One field of CSV; `text` says that the cell is a person's text, not a number or a date in text."""
    if cell is None:
        return ""
    if type(cell) in (int, float):  # as JSON writes them, at a fifth of its cost: most cells are numbers
        return repr(cell)
    shown = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    if text and shown.startswith(FORMULA):
        shown = "'" + shown
    if shown == "" or QUOTED.search(shown):
        return '"' + shown.replace('"', '""') + '"'
    return shown


def _json(file: BinaryIO, names: list[str]) -> Iterator[bytes]:
    """Keys are the file's names of columns, where a second `a` is `a_1`: an object cannot have two of a name."""
    parquet = open_parquet(file)
    keys = parquet.schema_arrow.names
    before = b"["
    for batch in batches(parquet):
        items = [json.dumps(dict(zip(keys, row, strict=True)), ensure_ascii=False) for row in by_row(batch)]
        yield before + b"\n" + ",\n".join(items).encode("utf-8", "replace")
        before = b","
    yield b"[]\n" if before == b"[" else b"\n]\n"


def _parquet(file: BinaryIO, names: list[str]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


FORMATS: dict[str, tuple[str, Writer]] = {
    "csv": ("text/csv; charset=utf-8; header=present", _csv),
    "parquet": ("application/vnd.apache.parquet", _parquet),
    "json": ("application/json", _json),
}
