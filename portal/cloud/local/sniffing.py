"""What a file is, by its bytes: its format, compression and encoding. The name decides nothing."""

import codecs
import gzip
import json
import re
import zlib
from dataclasses import dataclass
from typing import BinaryIO, cast

from portal.cloud.errors import Rejected

_HEAD = 1 << 20  # bytes, uncompressed, that are looked at closely
_BLOCK = 1 << 20
_CONTROLS = bytes(byte for byte in range(0x20) if byte not in b"\t\n\v\f\r\x1b")
# First bytes of files that people take for data, and what to do instead.
_OTHERS = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "Save the sheet as CSV, or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV"),
    (b"%PDF", "a PDF document", "Export its table as CSV"),
    (b"ORC", "an ORC file", "Convert it to Parquet"),
    (b"Obj\x01", "an Avro file", "Convert it to Parquet"),
    (b"BZh", "compressed with bzip2", "Compress it with gzip, or not at all"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstandard", "Compress it with gzip, or not at all"),
    (b"\xfd7zXZ", "compressed with xz", "Compress it with gzip, or not at all"),
    (b"SQLite format 3", "a SQLite database", "Export its tables as CSV"),
    (b"PARE", "an encrypted Parquet file", "Write it without encryption"),
    (b"\x89PNG", "a picture", "Upload a table instead"),
    (b"\xff\xd8\xff", "a picture", "Upload a table instead"),
)


@dataclass(frozen=True)
class Sniffed:
    """`head` is the first text of the file, empty for Parquet; `whole` says that it is all of it."""

    name: str
    path: str
    format: str
    encoding: str = "utf-8"
    compression: str = "none"
    head: str = ""
    whole: bool = True

    @property
    def shape(self) -> tuple[str, str, str]:
        return self.format, self.encoding, self.compression


def unreadable(message: str) -> Rejected:
    return Rejected("UNREADABLE_FILE", message)


def sniff(path: str, name: str) -> Sniffed:
    """Look at one file. Rejected(UNREADABLE_FILE, EMPTY_FILE) where it is no table."""
    with open(path, "rb") as handle:
        start = handle.read(16)
        if start.startswith(b"PAR1"):
            return _parquet(handle, path, name)
        for magic, what, instead in _OTHERS:
            if start.startswith(magic):
                raise unreadable(
                    f"“{name}” is {what}, not a table that can be read here. {instead}, then upload it again."
                )
        handle.seek(0)
        compression = "gzip" if start.startswith(b"\x1f\x8b") else "none"
        try:
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=handle)) if compression == "gzip" else handle
            return _text(stream, path, name, compression)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise unreadable(f"“{name}” is a damaged or cut gzip file. Compress and upload it again.") from error


def _parquet(handle: BinaryIO, path: str, name: str) -> Sniffed:
    size = handle.seek(0, 2)
    handle.seek(max(size - 4, 0))
    if size < 12 or handle.read(4) != b"PAR1":
        raise unreadable(f"“{name}” is a Parquet file that was cut off: its end is missing. Upload it again.")
    return Sniffed(name, path, "parquet")


def _text(stream: BinaryIO, path: str, name: str, compression: str) -> Sniffed:
    head = stream.read(_HEAD)
    if not head:
        raise Rejected("EMPTY_FILE", f"“{name}” is empty: there is nothing in it. Upload the file again.")
    encoding = _encoding(head, stream, name)
    text = codecs.getincrementaldecoder(encoding)().decode(head).removeprefix("\ufeff")
    if encoding == "utf-16" and re.search(r"[\x00-\x08\x0e-\x1f]", text):
        raise _binary(name)
    if not text.strip():
        raise Rejected("EMPTY_FILE", f"“{name}” holds only blank lines. Upload the file again.")
    whole = len(head) < _HEAD
    kind = _format(text, whole, name)
    if kind != "csv" and head.startswith(codecs.BOM_UTF8):
        raise unreadable(f"“{name}” is JSON after a byte-order mark. Save it as UTF-8 without one and upload it again.")
    if kind != "csv" and encoding != "utf-8":
        raise unreadable(f"“{name}” is JSON, but not in UTF-8. Save it in UTF-8 and upload it again.")
    return Sniffed(name, path, kind, encoding, compression, text, whole)


def _encoding(head: bytes, rest: BinaryIO, name: str) -> str:
    """utf-16 by its mark, utf-8 where all of the file is, latin-1 where it has bytes above 127 that are not UTF-8."""
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF16_BE):
        raise unreadable(f"“{name}” is in big-endian UTF-16, which is not read here. Save it in UTF-8.")
    decoder = codecs.getincrementaldecoder("utf-8")()
    block, line, wide = head, 1, False
    while True:
        if _has_controls(block):
            raise _binary(name)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            bad = line + block[: error.start].count(b"\n")
            if wide or _multibyte(block[: error.start]):
                raise unreadable(
                    f"“{name}” is UTF-8 with broken bytes, the first of them in line {bad}. Save it again in UTF-8."
                ) from None
            return _check_latin(block, rest, name)
        if not block:
            return "utf-8"
        wide = wide or not text.isascii()
        line += block.count(b"\n")
        block = rest.read(_BLOCK)


def _has_controls(block: bytes) -> bool:
    return len(block.translate(None, _CONTROLS)) < len(block)  # ten times as fast as a regular expression


def _multibyte(valid: bytes) -> bool:
    return not valid.isascii()


def _check_latin(block: bytes, rest: BinaryIO, name: str) -> str:
    while block:
        if _has_controls(block):
            raise _binary(name)
        block = rest.read(_BLOCK)
    return "latin-1"


def _binary(name: str) -> Rejected:
    return unreadable(f"“{name}” holds binary data, not a table. Upload CSV, JSON lines, JSON or Parquet.")


def _format(text: str, whole: bool, name: str) -> str:
    stripped = text.lstrip()
    if stripped.startswith("{"):
        first = stripped.partition("\n")[0]
        try:
            if isinstance(json.loads(first), dict):
                return "jsonl"
        except ValueError:
            pass
        if re.match(r'\{\s*("|\})', stripped):
            raise unreadable(
                f"“{name}” is one JSON object over several lines, or its first line is broken. "
                "Put one object on each line, or all of them into one list [ … ]."
            )
    if re.match(r"\[\s*(\{|\])", stripped):
        if whole:
            try:
                json.loads(text)
            except (ValueError, RecursionError):
                raise unreadable(f"“{name}” begins as a JSON list but is broken or cut off. Upload it again.") from None
        return "json"
    if re.match(r"\[\s*(-?\d|\"|null|true|false)", stripped) and whole:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return "csv"
        raise unreadable(f"“{name}” is a JSON list of plain values. A table needs a list of objects: [{{…}}, {{…}}].")
    return "csv"
