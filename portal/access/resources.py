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
    """A resource that exists, and for a table the names of its columns."""

    resource: Resource
    columns: frozenset[str] | None = None


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
        raise Missing(f"There is no {kind} “{name}”, or you may not know of it.")
    return found
