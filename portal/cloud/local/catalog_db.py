"""The catalog's own SQLite file: several threads and processes may use it at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.cloud.errors import Temporary

_SCHEMA = """
CREATE TABLE databases (name TEXT PRIMARY KEY);
CREATE TABLE tables (
    database TEXT NOT NULL REFERENCES databases,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,    -- JSON of the Table without its version
    version TEXT NOT NULL,
    PRIMARY KEY (database, name)
);
CREATE TABLE files (
    database TEXT NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    partition TEXT NOT NULL,     -- JSON list of the values
    footer TEXT,                 -- JSON, NULL until it is read
    PRIMARY KEY (database, name, key),
    FOREIGN KEY (database, name) REFERENCES tables ON DELETE CASCADE
);
PRAGMA user_version = 1;
"""


class CatalogFile:
    """Opens a connection a call. Writers queue for 20 s (BEGIN IMMEDIATE), readers never wait (WAL)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A consistent view for reading."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that alone may write; rolled back on any error."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(self._path, timeout=20, isolation_level=None)
            self._prepare(connection)
            connection.execute(begin)
            yield connection
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Temporary(
                "CATALOG_BUSY", "The catalog is busy or cannot be reached. Try again in a moment."
            ) from error
        finally:
            if connection is not None:
                connection.close()  # rolls back what was not committed

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:  # nobody was faster
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
            connection.execute("COMMIT")
