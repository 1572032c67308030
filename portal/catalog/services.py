"""The verbs on databases and tables. Lists and looks come from the mirror; changes go to the provider and the
mirror."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.access.decide import decide, grants_of, require
from portal.access.model import Action, Actor, Resource
from portal.accounts.models import Team, User
from portal.catalog import claims, definitions, locations, resources
from portal.catalog.for_sql import schema_and_rights, table_stats
from portal.catalog.known import KnownTable, known, on_connection
from portal.catalog.mirror import sync
from portal.catalog.models import Database, Table
from portal.catalog.raw import require_raw, require_raw_at
from portal.catalog.search import search
from portal.cloud.ports import Caller, Cloud, Partition
from portal.cloud.registry import connect
from portal.operations import ledger
from portal.operations.models import Operation
from portal.problems import Conflict, Denied, Invalid, Missing

__all__ = [
    "KnownTable", "create_database", "create_table", "databases", "delete_database", "delete_table", "get_database",
    "get_table", "infer", "partitions", "refresh_table", "require_raw", "require_raw_at", "schema_and_rights", "search",
    "sync", "table_stats", "tables", "update_table",
]  # fmt: skip
DESCRIPTION_MAX, TAGS_MAX, TAG_MAX = 10_000, 50, 100


# --- databases --------------------------------------------------------------------------------------------------------


def databases(actor: Actor) -> list[Database]:
    """The databases that the actor may read, and those in which they know of a table; by name. Four queries."""
    grants = grants_of(actor, actor.connection)
    rows = Database.objects.select_related("team").filter(connection=actor.connection)
    light = on_connection(actor.connection).defer("columns", "partition_keys", "options", "bad_rows")
    with_known = {one.table.database_id for one in known(actor, light)}
    return [
        row for row in rows if row.pk in with_known or decide(actor, Action.READ, resources.of_database(row), grants)
    ]


def get_database(actor: Actor, name: str, action: Action = Action.VIEW) -> Database:
    """One database for `action`; VIEW is to know of it. Missing where the actor may not know of it, Denied where they
    may not do this."""
    database = Database.objects.select_related("team").filter(connection=actor.connection, name=name.lower()).first()
    if database is None or not _knows(actor, database):
        raise Missing(f"There is no database “{name}”, or you may not know of it.")
    if action != Action.VIEW:
        require(actor, action, resources.of_database(database))
    return database


def _knows(actor: Actor, database: Database) -> bool:
    resource = resources.of_database(database)
    if decide(actor, Action.READ, resource) or decide(actor, Action.VIEW, resource):
        return True
    return bool(known(actor, on_connection(actor.connection).filter(database=database)))


def create_database(actor: Actor, name: str) -> Database:
    """A database of the actor's team. Conflict, Denied, Rejected(INVALID_NAME). What a crash in between leaves, see
    claims."""
    team = _team(actor)
    require(actor, Action.WRITE, Resource("database", name, team.connection, team.slug))
    row: Database = claims.take(Database, "database", name, team, _cloud(actor).catalog.create_database)
    return row


def delete_database(actor: Actor, name: str) -> None:
    """Remove an empty database. Conflict where tables are in it."""
    database = get_database(actor, name, Action.WRITE)
    if database.tables.exists():
        raise Conflict(f"The database “{name}” still has tables. Delete them first.")
    catalog = _cloud(actor).catalog
    claims.give_back(database, resources.of_database(database), lambda: catalog.delete_database(database.name))


# --- tables: look -----------------------------------------------------------------------------------------------------


def tables(actor: Actor, database: str = "", q: str = "") -> list[KnownTable]:
    """The tables the actor knows of, by name: of one database, and where every word of `q` is found."""
    if q.strip():
        return [one for one in search(actor, q, limit=None) if database.lower() in ("", one.table.database.name)]
    rows = on_connection(actor.connection)
    return known(actor, rows.filter(database=get_database(actor, database)) if database else rows)


def get_table(actor: Actor, database: str, name: str) -> KnownTable:
    """One table as far as the actor may know of it. Missing where there is none that they may know of."""
    rows = on_connection(actor.connection).filter(database__name=database.lower(), name=name.lower())
    found = known(actor, rows)
    if not found:
        raise Missing(f"There is no table “{database}.{name}”, or you may not know of it.")
    return found[0]


def readable(actor: Actor, database: str, name: str) -> KnownTable:
    """get_table(), or Denied where the actor knows of it but may not read any of it."""
    one = get_table(actor, database, name)
    if not one.may_read:
        table = one.table
        whom = f"{table.owner.username} or " if table.owner else ""
        raise Denied(f"You may not read {table}. Ask {whom}an admin of {table.database.team.slug} for access.")
    return one


def partitions(actor: Actor, database: str, name: str) -> Sequence[Partition]:
    """The partitions of a table as the provider has them now. Denied where a partition key is withheld: its values are
    data."""
    one = readable(actor, database, name)
    if len(one.partition_keys) < len(one.table.partition_keys):
        raise Denied(
            f"A partition key of {one.table} is withheld from you. Ask an admin of {one.table.database.team.slug}."
        )
    return _cloud(actor).catalog.partitions(one.table.database.name, one.table.name)


# --- tables: make and change ------------------------------------------------------------------------------------------


def create_table(
    actor: Actor,
    database: str,
    name: str,
    location: str,
    format: str = "",
    columns: Sequence[Mapping[str, str]] | None = None,
    partition_keys: Sequence[Mapping[str, str]] | None = None,
    options: Mapping[str, str] | None = None,
    description: str = "",
    idempotency: tuple[str, Any] | None = None,
) -> Operation:
    """Define a table over files that lie at `location`; a worker infers what is left out. The operation's result is
    {database, name, rows, bytes, bad_rows}. Wants the right to read there and to write to the database. Conflict where
    the table is there already."""
    if idempotency and (stands := ledger.recorded(_user(actor), *idempotency)):
        return stands  # before the checks: the table it made would be a conflict by now
    name = name.strip().lower()
    found = may_create(actor, database, location)
    if found.tables.filter(name=name).exists():
        raise Conflict(f"There is a table “{found.name}.{name}” already. Choose another name.")
    params = {
        "database": found.name,
        "name": definitions.table_name(name),
        "location": location.strip(),
        "format": definitions.format_name(format),
        "columns": definitions.columns("columns", columns),
        "partition_keys": definitions.columns("partition_keys", partition_keys),
        "options": definitions.options(options),
        "description": description.strip()[:DESCRIPTION_MAX],
    }
    return _record(actor, "table.create", params, f"New table {found.name}.{name}", idempotency)


def may_create(actor: Actor, database: str, location: str) -> Database:
    """The database, if the actor may make a table in it over these files. Asked before the launch and by the worker."""
    found = get_database(actor, database, Action.WRITE)
    require_raw_at(actor, location)
    return found


def infer(actor: Actor, location: str) -> Operation:
    """What the files at `location` seem to hold: the operation's result is ports.Inference as JSON."""
    require_raw_at(actor, location)
    return _record(actor, "table.infer", {"location": location.strip()}, f"Look into {locations.split(location)[1]}")


def refresh_table(actor: Actor, database: str, name: str) -> Operation:
    """Look for partitions and files anew."""
    one = get_table(actor, database, name)
    require(actor, Action.WRITE, resources.of_table(one.table))
    params = {"database": one.table.database.name, "name": one.table.name}
    return _record(actor, "table.refresh", params, f"Refresh {one.table}")


def update_table(
    actor: Actor,
    database: str,
    name: str,
    description: str | None = None,
    tags: Sequence[str] | None = None,
    hidden: bool | None = None,
) -> Table:
    """Change what the portal says of a table: who may write to it may. To hide it or show it takes its owner or an
    admin."""
    table = get_table(actor, database, name).table
    require(actor, Action.WRITE, resources.of_table(table))
    if hidden is not None and hidden != table.hidden:
        _require_owner(actor, table, "hide or show it")
        table.hidden = hidden
    if description is not None:
        table.description = description.strip()[:DESCRIPTION_MAX]
    if tags is not None:
        table.tags = _tags(tags)
    table.save(update_fields=["description", "tags", "hidden"])
    return table


def delete_table(actor: Actor, database: str, name: str) -> None:
    """Forget a table; its files stay. The provider first, then the mirror: what a crash leaves, deleting again
    mends."""
    table = get_table(actor, database, name).table
    _require_owner(actor, table, "delete it")
    catalog = _cloud(actor).catalog
    claims.give_back(table, resources.of_table(table), lambda: catalog.delete_table(table.database.name, table.name))


def _require_owner(actor: Actor, table: Table, what: str) -> None:
    resource = resources.of_table(table)
    if table.owner_id == actor.user_id and decide(actor, Action.WRITE, resource):
        return
    if not decide(actor, Action.MANAGE, resource):
        owner = table.owner.username if table.owner else "its owner"
        raise Denied(f"Only {owner}, as owner of {table}, or an admin of {resource.team} may {what}.")


def _tags(tags: Sequence[str]) -> list[str]:
    clean = sorted({tag.strip() for tag in tags} - {""})
    if len(clean) > TAGS_MAX or any(len(tag) > TAG_MAX for tag in clean):
        raise Invalid.field("tags", f"Use at most {TAGS_MAX} tags of at most {TAG_MAX} characters.")
    return clean


# --- inside -----------------------------------------------------------------------------------------------------------


def _cloud(actor: Actor) -> Cloud:
    return connect(actor.connection, Caller(actor.team, actor.username))


def _team(actor: Actor) -> Team:
    if not actor.team:
        raise Invalid.field("team", "Say which team this is for: you are in none.")
    return Team.objects.get(slug=actor.team)


def _user(actor: Actor) -> User:
    return User.objects.get(pk=actor.user_id)


def _record(
    actor: Actor, kind: str, params: dict[str, Any], title: str, idempotency: tuple[str, Any] | None = None
) -> Operation:
    team = _team(actor)
    return ledger.record(
        kind=kind, team=team, owner=_user(actor), connection=team.connection, params=params, title=title,
        idempotency=idempotency,
    )  # fmt: skip
