"""What the crash tests do to a house: a query of a chosen length, its row, and its story in the local cloud's
journal."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.harness.house import House
from tests.harness.waiting import until

QUICK = "SELECT 41 + 1 AS answer"
# About a second, about four, and minutes on one core, whatever is cached: the engine has to look at each pair.
SHORT = (
    "SELECT sum((x * y) % 7) AS answer FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 3000)) b(y)"
)
LONG = (
    "SELECT sum((x * y) % 7) AS answer FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 30000)) b(y)"
)


FIELDS = ("state", "ref", "attempt", "lease_holder", "cancel_requested_at", "error")

ENDLESS = LONG + " CROSS JOIN UNNEST(sequence(1, 1000)) c(z)"


class Story:
    """One query in a house, from outside."""

    def __init__(self, house: House, sql: str) -> None:
        self.house = house
        with house.api("carol") as client:
            answer = client.post("/queries", json={"sql": sql, "database": "default"})
            assert answer.status_code == 202, answer.text
            self.id = answer.json()["id"]

    def row(self) -> dict[str, Any]:
        """The ledger's row, as it is in the database."""
        with self.house.database() as database:
            key = uuid.UUID(self.id).hex if isinstance(database, sqlite3.Connection) else self.id
            found = database.execute(
                f"SELECT {', '.join(FIELDS)} FROM operations_operation WHERE id = '{key}'"
            ).fetchone()
        return dict(zip(FIELDS, found, strict=True))

    def shown(self) -> dict[str, Any]:
        with self.house.api("carol") as client:
            return client.get(f"/queries/{self.id}").json()

    def until_state(self, *states: str, seconds: float = 60.0) -> dict[str, Any]:
        return until(lambda: (row := self.row()) and row["state"] in states and row, seconds, f"{self.id} {states}")

    def events(self, event: str) -> list[str]:
        """Tokens of this query's lines of one event in the journal."""
        return [line["token"] for line in self.house.journal() if line["event"] == event and self.id in line["token"]]

    def rows(self) -> Any:
        with self.house.api("carol") as client:
            return client.get(f"/queries/{self.id}/rows").json()["rows"]

    def results(self) -> int:
        """How many result files this query has left: its effect."""
        ref = self.row()["ref"]
        return len(list((self.house.data / "local" / "local" / "results").glob(f"{ref}*")))


@contextmanager
def locked(house: House, story: Story) -> Iterator[None]:
    """Nobody can write this query's row (on SQLite: any row) meanwhile: whoever has to, waits."""
    with house.database() as database:
        if isinstance(database, sqlite3.Connection):
            database.execute("BEGIN IMMEDIATE")
        else:
            database.execute(f"SELECT id FROM operations_operation WHERE id = '{story.id}' FOR UPDATE")
        yield
        database.rollback()
