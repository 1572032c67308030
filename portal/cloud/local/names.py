"""Names: which are allowed, and how a key of any shape becomes a path that cannot lead anywhere else.

Buckets follow https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, keys
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html, databases, tables and columns
https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html.

On disk a key's segments are folders and the last is a file. Bytes other than letters, digits and `-_.=` stand as `%XX`,
so no name of a segment holds `@`, `~` or a bare `%`, and these can carry meaning:

    name@     an object; `a` and `a/b` may both exist, as the file `a@` and the folder `a`
    name~     the first part of a segment too long for one name; what follows lies in that folder
    %         the folder of an empty segment (`a//b`)

`key=value` keeps its shape, so engines that read Hive folders find them.
"""

import re
from pathlib import Path

from portal.cloud.errors import Rejected

OBJECT, MORE, EMPTY = "@", "~", "%"
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=")
_ENCODED = [chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in range(256)]
_LONGEST = 200  # of a name on disk, which may have 255 bytes
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_IDENTIFIER = re.compile(r"[a-z0-9_]{1,255}")


def check_bucket(name: str) -> None:
    """Rejected(INVALID_NAME) with the rule that `name` breaks."""
    if not 3 <= len(name) <= 63:
        raise _invalid("bucket", name, "use 3 to 63 characters")
    if not _BUCKET.fullmatch(name):
        raise _invalid(
            "bucket", name, "use lower-case letters, digits, dots and hyphens, a letter or digit at both ends"
        )
    if ".." in name:
        raise _invalid("bucket", name, "two dots may not stand side by side")
    if _ADDRESS.fullmatch(name):
        raise _invalid("bucket", name, "it may not look like an IP address")
    if name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDS):
        raise _invalid("bucket", name, "this beginning or ending is reserved by S3")


def check_key(key: str) -> bytes:
    """The key's bytes in UTF-8. Rejected(INVALID_NAME): S3's rules, and its advice on `.` and `..` as a rule."""
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        raise Rejected("INVALID_NAME", "The file's name is not valid Unicode. Rename it and try again.") from None
    if not 1 <= len(encoded) <= 1024:
        raise _invalid("file", key, "use 1 to 1024 bytes, folders included")
    if any(byte < 0x20 or byte == 0x7F for byte in encoded):
        raise _invalid("file", key, "control characters are not allowed")
    if any(segment in (".", "..") for segment in key.split("/")):
        raise _invalid("file", key, "“.” and “..” cannot be folders or files")
    return encoded


def check_identifier(kind: str, name: str) -> None:
    """A database's, table's or column's name. Rejected(INVALID_NAME); `kind` is the word for people."""
    if not _IDENTIFIER.fullmatch(name):
        raise _invalid(kind, name, "use lower-case letters, digits and underscores, at most 255")


def split_location(location: str) -> tuple[str, str]:
    """Bucket and key or prefix of `s3://bucket/prefix/`. Rejected(INVALID_NAME) for anything else."""
    match = re.fullmatch(r"s3://([^/]+)/(.*)", location, re.DOTALL)
    if match is None:
        shown = shorten(location)
        raise Rejected(
            "INVALID_NAME", f"“{shown}” is not a location. Write it as s3://bucket/folder/ or s3://bucket/file."
        )
    bucket, key = match.groups()
    check_bucket(bucket)
    if key:
        check_key(key)
    return bucket, key


def path_under(bucket: Path, key: str) -> Path:
    """Where the object `key` lies under its bucket's folder. Rejected(INVALID_NAME)."""
    check_key(key)
    *folders, last = key.split("/")
    return folder_under(bucket, folders).joinpath(*_pieces(last, OBJECT))


def folder_under(bucket: Path, segments: list[str]) -> Path:
    """The folder of these segments of a key, each of which was followed by a slash."""
    return bucket.joinpath(*(piece for segment in segments for piece in _pieces(segment, "")))


def decoded(name: str) -> bytes:
    """The bytes that a name on disk, without its marker, stands for."""
    if "%" not in name:
        return name.encode()
    first, *rest = name.encode().split(b"%")
    return first + b"".join(bytes((int(part[:2], 16),)) + part[2:] for part in rest if part)


def shorten(text: str) -> str:
    """Text of a user for a message: printable, and not too long."""
    shown = "".join(char if char.isprintable() else "�" for char in text)
    return shown if len(shown) <= 80 else shown[:79] + "…"


def _pieces(segment: str, marker: str) -> list[str]:
    """The names on disk of one segment: one, or several where it is long.

    A name that could be the head of a longer one is split too, so that all keys below `head~` sort together.
    """
    pieces, piece = [], ""
    for code in (_ENCODED[byte] for byte in segment.encode()):
        if len(piece) + len(code) > _LONGEST:
            pieces.append(piece + MORE)
            piece = ""
        piece += code
    if len(piece) > _LONGEST - 3:
        pieces.append(piece + MORE)
        piece = ""
    return [*pieces, piece + marker if piece or marker else EMPTY]


def _invalid(kind: str, name: str, rule: str) -> Rejected:
    return Rejected("INVALID_NAME", f"“{shorten(name)}” cannot be the name of a {kind}: {rule}.")
