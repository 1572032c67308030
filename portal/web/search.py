"""One search over tables, saved queries and work, each by its own feature's rule of who may know of what."""

from dataclasses import dataclass
from typing import Any

from portal.access.model import Actor
from portal.catalog import services as catalog
from portal.operations import services as operations
from portal.queries import saved

LIMIT = 20


@dataclass(frozen=True)
class Found:
    """What was found, a list a kind."""

    tables: list[Any]
    queries: list[Any]
    work: list[Any]

    @property
    def nothing(self) -> bool:
        return not (self.tables or self.queries or self.work)


def find(actor: Actor, q: str) -> Found:
    """At most 20 of each kind."""
    return Found(
        tables=list(catalog.search(actor, q, limit=LIMIT)),
        queries=list(saved.visible(actor).filter(name__icontains=q)[:LIMIT]),
        work=list(operations.visible(actor).filter(title__icontains=q)[:LIMIT]),
    )
