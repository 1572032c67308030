"""From a name in a request (`table:shop.reviews`) to the resource it means. The features are known by dotted name
only."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Protocol, cast

from portal.access.model import Resource
from portal.problems import Invalid, Missing

FINDERS = {
    "bucket": "portal.datasets.resources.find_bucket",
    "database": "portal.catalog.resources.find_database",
    "table": "portal.catalog.resources.find_table",
}


@dataclass(frozen=True)
class Found:
    """A resource that exists, and for a table the names of its columns. `open` says that everybody who works on its
    connection may know of it."""

    resource: Resource
    columns: frozenset[str] | None = None
    open: bool = False


class Finder(Protocol):
    def __call__(self, name: str, connection: str) -> Found | None:
        """The resource of that name on a connection, or None."""


@lru_cache
def _finder(kind: str) -> Finder:
    module, _, name = FINDERS[kind].rpartition(".")
    return cast(Finder, getattr(import_module(module), name))


def find(text: str, connection: str) -> Found:
    """`bucket:b/prefix/`, `database:d` or `table:d.t`. Invalid where it is none of these, Missing where it is not
    there."""
    kind, separator, name = text.partition(":")
    if not separator or kind not in FINDERS or not name:
        raise Invalid.field("resource", "Name it as bucket:name/prefix/, database:name or table:database.table.")
    found = _finder(kind)(name, connection)
    if found is None:
        raise missing(kind, name)
    return found


def missing(kind: str, name: str) -> Missing:
    """The same words for what is not there and for what the reader may not know of."""
    return Missing(f"There is no {kind} “{name}”, or you may not know of it.")
