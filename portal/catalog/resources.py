"""Databases and tables as what rights are decided on."""

from portal.access.model import Resource
from portal.access.resources import Found
from portal.catalog.models import Database, Table


def of_database(database: Database) -> Resource:
    return Resource("database", database.name, database.connection, database.team.slug)


def of_table(table: Table) -> Resource:
    """A table is its database's team's. Wants `table.database.team` selected."""
    database = table.database
    return Resource("table", f"{database.name}.{table.name}", database.connection, database.team.slug)


def find_database(name: str, connection: str) -> Found | None:
    database = Database.objects.select_related("team").filter(connection=connection, name=name).first()
    if database is None:
        return None
    return Found(of_database(database), open=database.tables.filter(hidden=False).exists())


def find_table(name: str, connection: str) -> Found | None:
    """`database.table`."""
    database, _, table_name = name.partition(".")
    table = (
        Table.objects.select_related("database__team")
        .filter(database__connection=connection, database__name=database, name=table_name)
        .first()
    )
    if table is None:
        return None
    columns = frozenset(column["name"] for column in [*table.columns, *table.partition_keys])
    return Found(of_table(table), columns, open=not table.hidden)
