"""REST: databases, tables, search (api.md, catalog). The preview of a table is a query and stands in queries."""

from collections.abc import Iterable
from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Field, Query, Router, Schema, Status

from portal.access.model import Actor
from portal.api.actors import everywhere, for_owner
from portal.api.auth import in_team
from portal.api.operations_http import answer, created, idempotency
from portal.api.paging import PageQuery, page
from portal.api.requests import Request
from portal.catalog import services
from portal.catalog.known import KnownTable, as_json
from portal.catalog.models import Database
from portal.operations.events import shown, stamp
from portal.operations.models import Operation

router = Router(tags=["catalog"])
Limit = Annotated[int, Field(ge=1, le=100)]


class DatabaseIn(Schema):
    """A database to make. `team` owns it; by default the caller's only team."""

    name: str
    team: str | None = None


class ColumnIn(Schema):
    """A column; `type` is Athena's name of it."""

    name: str
    type: str
    comment: str = ""


class TableIn(Schema):
    """A table over files that lie at `location`. What is left out is inferred from them. `options` are the format's
    dialect: for csv delimiter, quote, escape, header, encoding, null."""

    name: str
    location: str
    format: str = ""
    columns: list[ColumnIn] | None = None
    partition_keys: list[ColumnIn] | None = None
    options: dict[str, str] | None = None
    description: str = ""
    team: str | None = None


class TableChange(Schema):
    """What the portal says of a table. What is left out stays."""

    description: str | None = None
    tags: list[str] | None = None
    hidden: bool | None = None


# --- databases --------------------------------------------------------------------------------------------------------


@router.get("/databases", summary="The databases one knows of")
def list_databases(request: Request, query: Query[PageQuery], team: str | None = None) -> dict[str, object]:
    found = {row.pk: row for actor in everywhere(request, team) for row in services.databases(actor)}
    return page(sorted(found.values(), key=lambda row: (row.name, row.connection)), query, show_database)


@router.post("/databases", response={201: Any}, summary="Make a database")
def create_database(request: Request, body: DatabaseIn) -> HttpResponse:
    return created(show_database(services.create_database(in_team(request, body.team), body.name)))


@router.get("/databases/{database}", summary="One database")
def get_database(request: Request, database: str, team: str | None = None) -> dict[str, object]:
    return show_database(services.get_database(_actor(request, database, team), database))


@router.delete("/databases/{database}", response={204: None}, summary="Remove an empty database")
def delete_database(request: Request, database: str, team: str | None = None) -> Status[None]:
    services.delete_database(_actor(request, database, team), database)
    return Status(204, None)


# --- tables -----------------------------------------------------------------------------------------------------------


@router.get("/databases/{database}/tables", summary="The tables one knows of in a database")
def list_tables(
    request: Request, database: str, query: Query[PageQuery], q: str = "", team: str | None = None
) -> dict[str, object]:
    return page(services.tables(_actor(request, database, team), database, q), query, as_json)


@router.post("/databases/{database}/tables", response={202: Any}, summary="Make a table over files that are there")
def create_table(request: Request, database: str, body: TableIn) -> HttpResponse:
    """An operation; once it has succeeded the table is there."""
    operation = services.create_table(
        _actor(request, database, body.team),
        database,
        body.name,
        body.location,
        format=body.format,
        columns=_columns(body.columns),
        partition_keys=_columns(body.partition_keys),
        options=body.options,
        description=body.description,
        idempotency=idempotency(request, body.dict()),
    )
    return answer(request, operation, show_operation, started=True)


@router.get("/databases/{database}/tables/{table}", summary="One table; 403 where one knows of it but may not read it")
def get_table(request: Request, database: str, table: str, team: str | None = None) -> dict[str, object]:
    return as_json(services.readable(_actor(request, database, team), database, table))


@router.patch("/databases/{database}/tables/{table}", summary="Change description, tags or visibility")
def update_table(
    request: Request, database: str, table: str, body: TableChange, team: str | None = None
) -> dict[str, object]:
    actor = _actor(request, database, team)
    services.update_table(actor, database, table, **body.dict())
    return as_json(services.get_table(actor, database, table))


@router.delete("/databases/{database}/tables/{table}", response={204: None}, summary="Forget a table; its files stay")
def delete_table(request: Request, database: str, table: str, team: str | None = None) -> Status[None]:
    services.delete_table(_actor(request, database, team), database, table)
    return Status(204, None)


@router.post("/databases/{database}/tables/{table}/refresh", response={202: Any}, summary="Look for new files")
def refresh_table(request: Request, database: str, table: str, team: str | None = None) -> HttpResponse:
    operation = services.refresh_table(_actor(request, database, team), database, table)
    return answer(request, operation, show_operation, started=True)


@router.get("/databases/{database}/tables/{table}/partitions", summary="The partitions of a table")
def list_partitions(
    request: Request, database: str, table: str, query: Query[PageQuery], team: str | None = None
) -> dict[str, object]:
    actor = _actor(request, database, team)
    keys = [column["name"] for column in services.readable(actor, database, table).partition_keys]
    found = list(services.partitions(actor, database, table))
    return page(
        found, query, lambda one: {"values": dict(zip(keys, one.values, strict=True)), "location": one.location}
    )


@router.get("/search", summary="Find tables by name, description, tag or column")
def search(request: Request, q: str, limit: Limit = 20, team: str | None = None) -> dict[str, object]:
    found: dict[int, KnownTable] = {}
    for actor in everywhere(request, team):
        for one in services.search(actor, q, limit):
            if one.may_read or one.table.pk not in found:  # of two teams, the one that may read it
                found[one.table.pk] = one
    return {"items": [{"kind": "table", **as_json(one)} for one in list(found.values())[:limit]], "next": None}


# --- inside -----------------------------------------------------------------------------------------------------------


def show_database(database: Database) -> dict[str, object]:
    return {
        "name": database.name, "team": database.team.slug, "connection": database.connection,
        "description": database.description, "is_sample": database.is_sample, "created_at": stamp(database.created_at),
    }  # fmt: skip


def show_operation(operation: Operation) -> dict[str, Any]:
    """An operation and, where it has one, the table that it makes or looks at."""
    params = operation.params
    return {**shown(operation), "database": params["database"], "table": params["name"]}


def _actor(request: Request, database: str, team: str | None) -> Actor:
    return for_owner(request, team, _owners(database))


def _owners(database: str) -> Iterable[str]:
    return Database.objects.filter(name=database.lower()).order_by("pk").values_list("team__slug", flat=True)


def _columns(given: list[ColumnIn] | None) -> list[dict[str, str]] | None:
    return None if given is None else [column.dict() for column in given]
