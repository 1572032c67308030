"""Which files belong to a table, and what their folders say.

As Athena does (https://docs.aws.amazon.com/athena/latest/ug/partitions.html): files and folders whose name begins with
`_` or `.` are not data, nor are empty files; in a partitioned table only files below folders `key=value/`, in the order
of the keys, are data.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from portal.cloud.errors import NotFound, Rejected
from portal.cloud.local.names import shorten, split_location
from portal.cloud.local.reading import HIVE_NULL
from portal.cloud.local.store import LocalStore
from portal.cloud.ports import Column

_HIVE_FOLDER = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Found:
    """A file of a table: `partition` holds the values of the partition keys, in their order."""

    key: str
    size: int
    etag: str
    partition: tuple[str, ...]
    path: Path


def settle(store: LocalStore, location: str) -> str:
    """The location as it is kept: of one file, or of a folder with its slash. NotFound where neither a file nor a
    folder of that name is there and it does not end in a slash."""
    bucket, key = split_location(location)
    if not key or key.endswith("/"):
        return location
    if store.list(bucket, prefix=f"{key}/", limit=1).objects and not _is_file(store, bucket, key):
        return f"{location}/"
    store.head(bucket, key)
    return location


def find(store: LocalStore, location: str, keys: Sequence[str] = ()) -> Iterator[Found]:
    """The files under a location in key order, with their values for the partition keys `keys`."""
    bucket, prefix = split_location(location)
    spelled: list[str] | None = None
    for info, path in store.walk(bucket, prefix):
        if not prefix.endswith("/") and prefix and info.key != prefix:
            continue  # another file whose name merely begins the same
        if info.size and _is_data(info.key[len(prefix) :]):
            values = _values(info.key[len(prefix) :], keys)
            if values is not None:
                spelled = _one_spelling(spelled, info.key[len(prefix) :], len(keys))
                yield Found(info.key, info.size, info.etag, values, path)


def hive_keys(location: str, keys: Sequence[str]) -> tuple[Column, ...]:
    """The partition keys that the folders of all these object keys agree on, typed by their values."""
    _, prefix = split_location(location)
    names: list[str] | None = None
    values: list[set[str]] = []
    for key in keys:
        pairs = _pairs(key[len(prefix) :])
        here = [name for name, _ in pairs]
        if names is None:
            names, values = here, [set() for _ in here]
        if here != names or len(set(here)) != len(here):
            return ()
        for seen, (_, value) in zip(values, pairs, strict=True):
            seen.add(value)
    return tuple(Column(name, _type_of(seen)) for name, seen in zip(names or [], values, strict=True))


def nothing_there(location: str) -> NotFound:
    return NotFound(f"There are no files with data at “{shorten(location)}”. Upload one, or check the location.")


def _is_file(store: LocalStore, bucket: str, key: str) -> bool:
    try:
        store.head(bucket, key)
    except NotFound:
        return False
    return True


def _is_data(rest: str) -> bool:
    return not rest.endswith("/") and not any(segment.startswith(("_", ".")) for segment in rest.split("/"))


def _pairs(rest: str) -> list[tuple[str, str]]:
    pairs = []
    for segment in rest.split("/")[:-1]:
        match = _HIVE_FOLDER.fullmatch(segment)
        if match is None:
            break
        pairs.append((match[1].lower(), unquote(match[2])))
    return pairs


def _values(rest: str, keys: Sequence[str]) -> tuple[str, ...] | None:
    pairs = _pairs(rest)[: len(keys)]
    return tuple(value for _, value in pairs) if [name for name, _ in pairs] == list(keys) else None


def _one_spelling(spelled: list[str] | None, rest: str, depth: int) -> list[str]:
    """The keys as the folders write them. Rejected(MIXED_SCHEMAS) where some write `Day=` and others `day=`."""
    here = [segment.partition("=")[0] for segment in rest.split("/")[:depth]]
    if spelled not in (None, here):
        message = f"Some folders are named {here[0]}=… with other capitals than the rest. Rename them to be all alike."
        raise Rejected("MIXED_SCHEMAS", message)
    return here


def _type_of(values: set[str]) -> str:
    known = values - {HIVE_NULL, ""}
    if known and all(re.fullmatch(r"-?(0|[1-9]\d{0,17})", value) for value in known):
        return "bigint"
    if known and all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) for value in known):
        return "date"
    return "varchar"
