"""What table.infer, table.create and table.refresh do. Free, and right when carried out again after a crash."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from portal.accounts.services import actor_of
from portal.catalog import definitions, services
from portal.catalog.models import Database
from portal.catalog.models import Table as Mirrored
from portal.cloud.errors import Clash, NotFound, Rejected
from portal.cloud.ports import BadRows, Cloud, Inference, Table
from portal.operations.models import Operation
from portal.problems import Missing

Progress = Callable[[float], None]


class _Free:
    """Work of the portal's own machine: nothing to settle."""

    def settle(self, operation: Operation) -> None:
        """It cost nothing."""


class InferTable(_Free):
    """params {location} → ports.Inference as JSON."""

    def carry_out(self, operation: Operation, cloud: Cloud, progress: Progress) -> dict[str, Any]:
        services.require_raw_at(actor_of(operation.owner, operation.team.slug), operation.params["location"])
        return asdict(cloud.catalog.infer(operation.params["location"]))


class CreateTable(_Free):
    """params of catalog.services.create_table → {database, name, rows, bytes, bad_rows, version}."""

    def carry_out(self, operation: Operation, cloud: Cloud, progress: Progress) -> dict[str, Any]:
        asked = operation.params
        owner = operation.owner
        database = services.may_create(actor_of(owner, operation.team.slug), asked["database"], asked["location"])
        table = _standing(cloud, asked)
        inference = _inference(cloud, asked, table)
        progress(0.5)
        table = table or cloud.catalog.create_table(_definition(asked, inference))
        row = services.sync(cloud, database, table, owner=owner, inference=inference)
        if asked["description"] and not row.description:
            row.description = asked["description"]
            row.save(update_fields=["description"])
        return _result(row)


class RefreshTable(_Free):
    """params {database, name} → as CreateTable. A table that has gone at the provider goes from the mirror too."""

    def carry_out(self, operation: Operation, cloud: Cloud, progress: Progress) -> dict[str, Any]:
        asked = operation.params
        database = Database.objects.filter(connection=operation.connection, name=asked["database"]).first()
        if database is None:
            raise Missing(f"The database “{asked['database']}” was deleted meanwhile.")
        try:
            table = cloud.catalog.refresh(asked["database"], asked["name"])
        except NotFound:
            database.tables.filter(name=asked["name"]).delete()
            raise
        progress(0.5)
        return _result(services.sync(cloud, database, table, inference=_inference(cloud, asked, table)))


def _standing(cloud: Cloud, asked: dict[str, Any]) -> Table | None:
    """The table, where an earlier attempt made it. Clash where what stands there is not what was asked for."""
    try:
        table = cloud.catalog.table(asked["database"], asked["name"])
    except NotFound:
        return None
    same = table.location.rstrip("/") == asked["location"].rstrip("/") and asked["format"] in ("", table.format)
    if asked["columns"] is not None:  # types may be spelled otherwise than asked for: string is varchar
        named = {column["name"] for column in asked["columns"]}
        same = same and named <= {column.name for column in (*table.columns, *table.partition_keys)}
    if not same:
        raise Clash(f"There is another table “{table.database}.{table.name}” already. Choose another name.")
    return table


def _inference(cloud: Cloud, asked: dict[str, Any], table: Table | None) -> Inference | None:
    """What the files seem to hold: wanted for what was left out, and for the rows of files that do not say how many
    they are. None where nothing is wanted, or the files of a table that is defined in full cannot be read."""
    complete = asked.get("format") and None not in (asked.get("columns"), asked.get("partition_keys"))
    if (table or complete) and (table.format if table else asked["format"]) == "parquet":
        return None
    try:
        return cloud.catalog.infer(table.location if table else asked["location"])
    except Rejected:
        if table or complete:
            return None
        raise


def _definition(asked: dict[str, Any], inference: Inference | None) -> Table:
    """What was asked for, completed by what was inferred. Rejected(FORMAT_MISMATCH) where columns are left out and the
    files are of another format than was said."""
    guess = inference or Inference(asked["format"], (), (), {}, None, BadRows(0), {})
    format = asked["format"] or guess.format
    if format != guess.format and asked["columns"] is None:
        raise Rejected(
            "FORMAT_MISMATCH",
            f"You said that the files are {format}, but they look like {guess.format}. Leave the format out, or name "
            "the columns.",
        )
    keys = guess.partition_keys if asked["partition_keys"] is None else definitions.as_ports(asked["partition_keys"])
    columns = guess.columns if asked["columns"] is None else definitions.as_ports(asked["columns"])
    key_names = {key.name for key in keys}
    return Table(
        database=asked["database"],
        name=asked["name"],
        location=asked["location"],
        format=format,
        columns=tuple(column for column in columns if column.name not in key_names),
        partition_keys=keys,
        options={**(guess.options if format == guess.format else {}), **asked["options"]},
    )


def _result(row: Mirrored) -> dict[str, Any]:
    return {
        "database": row.database.name, "name": row.name, "rows": row.rows, "bytes": row.bytes,
        "bad_rows": row.bad_rows, "version": row.version,
    }  # fmt: skip
