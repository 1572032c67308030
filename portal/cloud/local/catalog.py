"""The local cloud's catalog: databases, tables, partitions and files as known, in a SQLite file of its own."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from portal.cloud.errors import Clash, NotFound, Rejected
from portal.cloud.local.catalog_db import CatalogFile
from portal.cloud.local.finding import Found, find, hive_keys, nothing_there, settle
from portal.cloud.local.layout import Layout
from portal.cloud.local.names import check_identifier, shorten, split_location
from portal.cloud.local.store import LocalStore
from portal.cloud.local.types import normalise, parse
from portal.cloud.ports import BadRows, Column, ColumnChunk, FileFacts, Inference, Partition, RowGroup, Table

FORMATS = ("csv", "jsonl", "json", "parquet")
_FOOTERS_A_CALL = 200
_FILES_TO_INFER = 1000


class Inspector(Protocol):
    """Runs a task of inspect.TASKS over files, in a fenced process. Raises the kinds of CloudError."""

    def inspect(self, task: str, files: Sequence[Path], args: Mapping[str, Any]) -> dict[str, Any]: ...


class LocalCatalog:
    """The catalog of the local cloud. Safe to use from several threads and processes at once."""

    def __init__(self, layout: Layout, store: LocalStore, inspector: Inspector) -> None:
        self._file = CatalogFile(layout.catalog)
        self._store = store
        self._inspector = inspector

    # --- databases ----------------------------------------------------------------------------------------------------

    def create_database(self, name: str) -> None:
        check_identifier("database", name)
        with self._file.write() as db:
            if _has_database(db, name):
                raise Clash(f"There is a database “{name}” already. Choose another name.")
            db.execute("INSERT INTO databases VALUES (?)", (name,))

    def delete_database(self, name: str) -> None:
        with self._file.write() as db:
            _must_have_database(db, name)
            if db.execute("SELECT 1 FROM tables WHERE database = ?", (name,)).fetchone():
                raise Clash(f"The database “{name}” still has tables. Delete them first.")
            db.execute("DELETE FROM databases WHERE name = ?", (name,))

    def databases(self) -> Sequence[str]:
        with self._file.read() as db:
            return [name for (name,) in db.execute("SELECT name FROM databases ORDER BY name")]

    # --- tables -------------------------------------------------------------------------------------------------------

    def tables(self, database: str) -> Sequence[Table]:
        with self._file.read() as db:
            _must_have_database(db, database)
            rows = db.execute("SELECT definition, version FROM tables WHERE database = ? ORDER BY name", (database,))
            return [_table(*row) for row in rows]

    def table(self, database: str, name: str) -> Table:
        with self._file.read() as db:
            return _get(db, database, name)

    def create_table(self, table: Table) -> Table:
        table = replace(_checked(table), location=settle(self._store, table.location), version="")
        files = self._find(table)
        made = replace(table, version=_version(table, files))
        with self._file.write() as db:
            _must_have_database(db, table.database)
            try:
                db.execute(
                    "INSERT INTO tables VALUES (?, ?, ?, ?)",
                    (table.database, table.name, json.dumps(asdict(table)), made.version),
                )
            except sqlite3.IntegrityError:
                message = f"There is a table “{table.database}.{table.name}” already. Choose another name."
                raise Clash(message) from None
            _insert_files(db, table, files, {})
        return made

    def delete_table(self, database: str, name: str) -> None:
        with self._file.write() as db:
            if not db.execute("DELETE FROM tables WHERE database = ? AND name = ?", (database, name)).rowcount:
                raise _absent(database, name)

    def partitions(self, database: str, name: str) -> Sequence[Partition]:
        table = self.table(database, name)
        if not table.partition_keys:
            return []
        bucket, prefix = split_location(table.location)
        depth = prefix.count("/") + len(table.partition_keys)
        found: dict[tuple[tuple[str, ...], str], None] = {}
        for key, values in self._known(database, name):
            folder = "/".join(key.split("/")[:depth])
            found[values, f"s3://{bucket}/{folder}/"] = None
        return [Partition(*pair) for pair in sorted(found)]

    def refresh(self, database: str, name: str) -> Table:
        table = self.table(database, name)
        files = self._find(table)
        fresh = replace(table, version=_version(table, files))
        if fresh.version == table.version:
            return table
        with self._file.write() as db:
            if _get(db, database, name) != table:
                raise Clash(f"The table “{database}.{name}” was changed meanwhile. Try again.")
            named = (database, name)
            read = db.execute("SELECT key, etag, footer FROM files WHERE database = ? AND name = ?", named)
            footers = {(key, etag): footer for key, etag, footer in read}
            db.execute("DELETE FROM files WHERE database = ? AND name = ?", named)
            _insert_files(db, table, files, footers)
            db.execute("UPDATE tables SET version = ? WHERE database = ? AND name = ?", (fresh.version, *named))
        return fresh

    # --- files --------------------------------------------------------------------------------------------------------

    def table_files(self, database: str, name: str) -> list[tuple[Path, tuple[str, ...]]]:
        """The files of a table as known, each with its partition values: what a query reads. NotFound;
        Rejected(TABLE_CHANGED) where one is no longer what the table's version stands for."""
        table = self.table(database, name)
        bucket, _ = split_location(table.location)
        there = []
        with self._file.read() as db:
            rows = db.execute(
                "SELECT key, etag, partition FROM files WHERE database = ? AND name = ? ORDER BY key", (database, name)
            ).fetchall()
        for key, etag, partition in rows:
            try:
                same = self._store.head(bucket, key).etag == etag
            except NotFound:
                same = False
            if not same:
                raise Rejected(
                    "TABLE_CHANGED",
                    f"The file “{shorten(key)}” of {database}.{name} has changed since the table was last refreshed. "
                    "Refresh the table, then run this again.",
                )
            there.append((self._store.path_of(bucket, key), tuple(json.loads(partition))))
        return there

    def files(self, database: str, name: str) -> Iterator[FileFacts]:
        table = self.table(database, name)
        if table.format == "parquet":
            self._read_footers(table)
        with self._file.read() as db:
            rows = db.execute(
                "SELECT key, size, etag, partition, footer FROM files WHERE database = ? AND name = ? ORDER BY key",
                (database, name),
            ).fetchall()
        own_names = {stored: column for column, stored in _stored_names(table).items()}
        for key, size, etag, partition, footer in rows:
            facts = json.loads(footer) if footer else {"rows": None, "footer_bytes": 0, "row_groups": []}
            groups = tuple(
                RowGroup(group["rows"], tuple(_chunk(chunk, own_names) for chunk in group["chunks"]))
                for group in facts["row_groups"]
            )
            values = tuple(json.loads(partition))
            yield FileFacts(key, size, etag, facts["rows"], facts["footer_bytes"], groups, values)

    def infer(self, location: str) -> Inference:
        location = settle(self._store, location)
        bucket, key = split_location(location)
        if key and not key.endswith("/") and self._store.head(bucket, key).size == 0:
            name = shorten(key.rpartition("/")[2])
            raise Rejected("EMPTY_FILE", f"“{name}” is empty: it has 0 bytes. Upload the file again.")
        found = list(find(self._store, location))
        if not found:
            raise nothing_there(location)
        partition_keys = hive_keys(location, [file.key for file in found])
        names = [file.key[len(key) :] or file.key.rpartition("/")[2] for file in found[:_FILES_TO_INFER]]
        args = {"names": names, "partition_keys": [column.name for column in partition_keys]}
        seen = self._inspector.inspect("infer", [file.path for file in found[:_FILES_TO_INFER]], args)
        bad = seen["bad_rows"]
        examples = tuple((line, text, wrong) for line, text, wrong in bad["examples"])
        evidence = dict(seen["evidence"])
        for column in partition_keys:
            evidence[column.name] = f"Folders are named {column.name}=…"
        return Inference(
            format=seen["format"],
            columns=tuple(Column(name, kind) for name, kind in seen["columns"]),
            partition_keys=partition_keys,
            options=seen["options"],
            rows=seen["rows"] if len(found) <= _FILES_TO_INFER else None,
            bad_rows=BadRows(bad["count"], examples),
            evidence=evidence,
        )

    # --- inside -------------------------------------------------------------------------------------------------------

    def _find(self, table: Table) -> list[Found]:
        return list(find(self._store, table.location, [column.name for column in table.partition_keys]))

    def _known(self, database: str, name: str) -> list[tuple[str, tuple[str, ...]]]:
        with self._file.read() as db:
            rows = db.execute("SELECT key, partition FROM files WHERE database = ? AND name = ?", (database, name))
            return [(key, tuple(json.loads(partition))) for key, partition in rows]

    def _read_footers(self, table: Table) -> None:
        """Read the footers that are not known yet, some at a time, each kept as soon as it is read."""
        bucket, _ = split_location(table.location)
        named = (table.database, table.name)
        with self._file.read() as db:
            missing = db.execute(
                "SELECT key, etag FROM files WHERE database = ? AND name = ? AND footer IS NULL", named
            ).fetchall()
        for start in range(0, len(missing), _FOOTERS_A_CALL):
            some = missing[start : start + _FOOTERS_A_CALL]
            paths = [self._store.path_of(bucket, key) for key, _ in some]
            read = self._inspector.inspect("footers", paths, {"names": [key for key, _ in some]})["files"]
            with self._file.write() as db:
                db.executemany(
                    "UPDATE files SET footer = ? WHERE database = ? AND name = ? AND key = ? AND etag = ?",
                    [(json.dumps(footer), *named, key, etag) for footer, (key, etag) in zip(read, some, strict=True)],
                )


def _checked(table: Table) -> Table:
    """The table with Athena's spelling of its types. Rejected(INVALID_NAME, INVALID_TYPE)."""
    check_identifier("table", table.name)
    if table.format not in FORMATS:
        raise Rejected("INVALID_FORMAT", f"“{shorten(table.format)}” is not a format. Use one of {', '.join(FORMATS)}.")
    every = (*table.columns, *table.partition_keys)
    if not table.columns:
        raise Rejected("INVALID_NAME", "A table needs at least one column besides its partition keys.")
    for column in every:
        check_identifier("column", column.name)
    names = [column.name for column in every]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Rejected("INVALID_NAME", f"The column “{twice}” is named twice. Give each column a name of its own.")
    flat = [*table.partition_keys, *(table.columns if table.format == "csv" else ())]
    for column in flat:
        if parse(column.type).nested:
            raise Rejected("INVALID_TYPE", f"The column “{column.name}” can only be of a simple type here, as varchar.")
    return replace(table, columns=_normal(table.columns), partition_keys=_normal(table.partition_keys))


def _normal(columns: Sequence[Column]) -> tuple[Column, ...]:
    return tuple(replace(column, type=normalise(column.type)) for column in columns)


def _version(table: Table, files: Sequence[Found]) -> str:
    known = [asdict(table) | {"version": ""}, [(f.key, f.size, f.etag, f.partition) for f in files]]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]


def _insert_files(
    db: sqlite3.Connection, table: Table, files: Sequence[Found], footers: Mapping[tuple[str, str], str]
) -> None:
    db.executemany(
        "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (table.database, table.name, f.key, f.size, f.etag, json.dumps(f.partition), footers.get((f.key, f.etag)))
            for f in files
        ],
    )


def _stored_names(table: Table) -> dict[str, str]:
    return {column.name: table.options.get(f"field.{column.name}", column.name).lower() for column in table.columns}


def _chunk(chunk: Mapping[str, Any], own_names: Mapping[str, str]) -> ColumnChunk:
    stored = chunk["column"].lower()
    return ColumnChunk(own_names.get(stored, stored), chunk["bytes"], chunk["minimum"], chunk["maximum"])


def _has_database(db: sqlite3.Connection, name: str) -> bool:
    return db.execute("SELECT 1 FROM databases WHERE name = ?", (name,)).fetchone() is not None


def _must_have_database(db: sqlite3.Connection, name: str) -> None:
    if not _has_database(db, name):
        raise NotFound(f"There is no database “{shorten(name)}”. Check its name, or create it.")


def _get(db: sqlite3.Connection, database: str, name: str) -> Table:
    query = "SELECT definition, version FROM tables WHERE database = ? AND name = ?"
    row = db.execute(query, (database, name)).fetchone()
    if row is None:
        raise _absent(database, name)
    return _table(*row)


def _absent(database: str, name: str) -> NotFound:
    return NotFound(f"There is no table “{shorten(f'{database}.{name}')}”. Check its name.")


def _table(definition: str, version: str) -> Table:
    kept = json.loads(definition)
    kept["columns"] = tuple(Column(**column) for column in kept["columns"])
    kept["partition_keys"] = tuple(Column(**column) for column in kept["partition_keys"])
    return Table(**kept | {"version": version})
