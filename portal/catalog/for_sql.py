"""What `portal.sql` is handed: schemas, rights and file statistics, from the mirror alone."""

from collections.abc import Iterable, Mapping

from django.db.models import Q, QuerySet

from portal.access.model import Actor
from portal.catalog.known import KnownTable, known, on_connection
from portal.catalog.models import Table, TableFiles
from portal.sql import Right, Schema, TableName, TableSchema
from portal.sql.stats import TableStats


def schema_and_rights(
    actor: Actor, pairs: Iterable[TableName]
) -> tuple[Schema, Mapping[TableName, Right], Mapping[TableName, str]]:
    """Schema, rights and versions of the tables named by (database, table), as far as the actor may know of them: what
    is absent does not exist for them. A table that they know of but may not read has a Right of no columns. Three
    queries."""
    found = {_pair(one.table): one for one in known(actor, _named(on_connection(actor.connection), pairs))}
    schema = {pair: _schema(one) for pair, one in found.items()}
    rights = {pair: Right(one.decision.columns if one.may_read else frozenset()) for pair, one in found.items()}
    return schema, rights, {pair: one.table.version for pair, one in found.items()}


def table_stats(connection: str, pairs: Iterable[TableName]) -> Mapping[TableName, TableStats]:
    """What the files of these tables say, at the mirrored version. One query; not to be shown: it holds values of
    columns (least and greatest) that a reader may not see."""
    rows = TableFiles.objects.filter(table__in=_named(on_connection(connection), pairs).order_by().values("pk"))
    return {_pair(row.table): TableStats.from_json(row.stats) for row in rows.select_related("table__database")}


def _pair(table: Table) -> TableName:
    return table.database.name, table.name


def _named(tables: QuerySet[Table], pairs: Iterable[TableName]) -> QuerySet[Table]:
    wanted = Q(pk__in=[])
    for database, name in pairs:
        wanted |= Q(database__name=database, name=name)
    return tables.filter(wanted)


def _schema(one: KnownTable) -> TableSchema:
    return TableSchema(
        columns=tuple((column["name"], column["type"]) for column in one.all_columns),
        partition_keys=tuple(column["name"] for column in one.table.partition_keys),
        format=one.table.format,
    )
