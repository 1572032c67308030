"""Which tables a person knows of, and what of each they may read. One decision a table, the grants read once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet

from portal.access.decide import decide, grants_of
from portal.access.model import Action, Actor, Decision
from portal.access.models import Grant
from portal.catalog import resources
from portal.catalog.models import Table
from portal.datasets.models import Bucket
from portal.datasets.resources import of_prefix

ELSEWHERE = Decision(False, "Its files lie in a bucket of another team, where you may not read.")


@dataclass(frozen=True)
class KnownTable:
    """A table that somebody may know of: name, description and owner. What is in it only as far as `decision`
    allows."""

    table: Table
    decision: Decision

    @property
    def may_read(self) -> bool:
        return self.decision.allowed

    @property
    def all_columns(self) -> list[dict[str, str]]:
        """Every column, partition keys last, as Athena shows them. Not for people."""
        return [*self.table.columns, *self.table.partition_keys]

    @property
    def columns(self) -> list[dict[str, str]]:
        """The columns that may be read, partition keys among them: [{name, type, comment}]."""
        return self._visible(self.all_columns)

    @property
    def partition_keys(self) -> list[dict[str, str]]:
        """Those of `columns` that partition the table."""
        return self._visible(self.table.partition_keys)

    @property
    def hidden_count(self) -> int:
        """How many columns are withheld."""
        return len(self.all_columns) - len(self.columns)

    def _visible(self, columns: list[dict[str, str]]) -> list[dict[str, str]]:
        granted = self.decision.columns
        if not self.may_read:
            return []
        return [column for column in columns if granted is None or column["name"] in granted]


def on_connection(connection: str) -> QuerySet[Table]:
    """The mirrored tables of a connection with what decisions and lists need, by database and name."""
    rows = Table.objects.filter(database__connection=connection)
    return rows.select_related("database__team", "owner").order_by("database__name", "name")


def known(actor: Actor, tables: Iterable[Table]) -> list[KnownTable]:
    """Those of `tables` that the actor may know of. A table is known on its connection, unless it is hidden; a hidden
    one is known to those who may read it and to who manages its team."""
    grants = grants_of(actor, actor.connection)
    found = [KnownTable(table, decide(actor, Action.READ, resources.of_table(table), grants)) for table in tables]
    readable = _with_their_files(actor, found, grants)
    return [one for one in readable if one.may_read or _may_know(actor, one.table, grants)]


def _with_their_files(actor: Actor, found: list[KnownTable], grants: list[Grant]) -> list[KnownTable]:
    """A table over files of another team is read by those who may read there. Otherwise a grant on files would live on,
    after it ended, in the tables made over them; and a bucket's name may have gone to another team since."""
    if not any(one.may_read for one in found):
        return found
    rows = Bucket.objects.select_related("team").filter(connection=actor.connection)
    buckets = {row.name: row for row in rows}
    return [one if _may_open(actor, one, buckets, grants) else replace(one, decision=ELSEWHERE) for one in found]


def _may_open(actor: Actor, one: KnownTable, buckets: dict[str, Bucket], grants: list[Grant]) -> bool:
    name, _, inside = one.table.location.removeprefix("s3://").partition("/")
    bucket = buckets.get(name)
    if not one.may_read or bucket is None or bucket.team_id == one.table.database.team_id:
        return True
    return decide(actor, Action.READ, of_prefix(bucket, inside), grants).allowed


def _may_know(actor: Actor, table: Table, grants: list[Grant]) -> bool:
    on_it = actor.connection == table.database.connection and bool(actor.role)
    return (on_it and not table.hidden) or bool(decide(actor, Action.VIEW, resources.of_table(table), grants))


def as_json(one: KnownTable) -> dict[str, Any]:
    """A table as clients see it (api.md, catalog). What may not be known is null."""
    table, may = one.table, one.may_read
    return {
        "database": table.database.name,
        "name": table.name,
        "description": table.description,
        "owner": table.owner.username if table.owner else None,
        "team": table.database.team.slug,
        "tags": table.tags,
        "is_sample": table.is_sample,
        "hidden": table.hidden,
        "may_read": may,
        "columns": one.columns if may else None,
        "hidden_columns": one.hidden_count if may else None,
        "partition_keys": one.partition_keys if may else None,
        "location": table.location if may else None,
        "format": table.format if may else None,
        "options": _options(one) if may else None,
        "rows": table.rows if may else None,
        "bytes": table.bytes if may else None,
        "files": table.files if may else None,
        "partitions": table.partitions if may else None,
        "bad_rows": _bad_rows(one) if may else None,
    }


def _options(one: KnownTable) -> dict[str, str]:
    """Without the names that withheld columns have in the files."""
    hidden = {f"field.{column['name']}" for column in one.all_columns} - {f"field.{c['name']}" for c in one.columns}
    return {name: value for name, value in one.table.options.items() if name not in hidden}


def _bad_rows(one: KnownTable) -> dict[str, Any]:
    """How many rows did not fit. The examples are whole lines: only for who may read every column."""
    kept = one.table.bad_rows or {"count": 0, "examples": []}
    return kept if one.hidden_count == 0 else {"count": kept.get("count", 0), "examples": []}
