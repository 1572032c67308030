"""A table in the real local cloud, with its files, its mirror and people around it; queries carried out for real."""

import uuid
from dataclasses import dataclass
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portal.accounts.models import Team
from portal.catalog import services as catalog
from portal.catalog.models import Database, Table
from portal.cloud import ports
from portal.cloud.ports import Caller, Cloud
from portal.cloud.registry import connect
from portal.datasets.models import Bucket
from portal.operations import kinds
from portal.operations.models import Operation
from tests.harness.people import People
from tests.harness.servers import CloudServer
from tests.harness.waiting import until
from workers import carry, watch

COLUMNS = (ports.Column("id", "bigint"), ports.Column("title", "varchar"), ports.Column("price", "decimal(8,2)"))
MONTHS = ("2026-01", "2026-02", "2026-03")
ROWS_A_MONTH = 1000


@dataclass
class Shop:
    """`database`.items: 3,000 rows in three months, in a bucket of team growth, owned by alice."""

    cloud: Cloud
    database: str
    bucket: str
    people: People

    @property
    def items(self) -> str:
        return f"{self.database}.items"

    @property
    def table(self) -> Table:
        return Table.objects.get(database__name=self.database, name="items")

    def put_month(self, month: str) -> None:
        start = int(month[-2:]) * 10_000
        table = pa.table(
            {
                "id": pa.array(range(start, start + ROWS_A_MONTH), pa.int64()),
                "title": [f"item {n}" for n in range(start, start + ROWS_A_MONTH)],
                "price": pa.array([n % 100 for n in range(ROWS_A_MONTH)], pa.decimal128(8, 2)),
            }
        )
        body = BytesIO()
        pq.write_table(table, body)
        body.seek(0)
        self.cloud.store.put(self.bucket, f"items/month={month}/part-0.parquet", body)

    def grow(self) -> None:
        """A fourth month: the table's version changes."""
        self.put_month("2026-04")
        refreshed = self.cloud.catalog.refresh(self.database, "items")
        catalog.sync(self.cloud, Database.objects.get(name=self.database), refreshed)

    def redefine(self, *columns: ports.Column) -> None:
        """The same table with other columns."""
        self.cloud.catalog.delete_table(self.database, "items")
        made = self.cloud.catalog.create_table(_definition(self.database, self.bucket, columns))
        catalog.sync(self.cloud, Database.objects.get(name=self.database), made)


def _definition(database: str, bucket: str, columns: tuple[ports.Column, ...]) -> ports.Table:
    month = ports.Column("month", "varchar")
    return ports.Table(database, "items", columns, f"s3://{bucket}/items/", "parquet", (month,))


@pytest.fixture
def shop(people: People, cloud_server: CloudServer, redis_server: str) -> Shop:
    name = uuid.uuid4().hex[:10]
    cloud = connect("local", Caller("growth", "alice"))
    made = Shop(cloud, f"shop_{name}", f"shop-{name}", people)
    team = Team.objects.get(slug="growth")
    cloud.store.create_bucket(made.bucket)
    Bucket.objects.create(connection="local", name=made.bucket, team=team)
    for month in MONTHS:
        made.put_month(month)
    cloud.catalog.create_database(made.database)
    database = Database.objects.create(connection="local", name=made.database, team=team)
    table = cloud.catalog.create_table(_definition(made.database, made.bucket, COLUMNS))
    catalog.sync(cloud, database, table, owner=people.alice.user)
    return made


def carried_out(operation: Operation) -> Operation:
    """The operation at its end, by a worker's and the watcher's own code in this process."""
    carry.carry_out(operation.id)
    kind = kinds.load(operation.kind)

    def look() -> bool:
        operation.refresh_from_db()
        if not operation.ended and operation.ref:
            cloud = connect(operation.connection, Caller("", "skydeck"))
            watch.look([operation], kind, cloud, wait=1.0)  # type: ignore[arg-type]
            operation.refresh_from_db()
        return operation.ended

    until(look, 60, "the end of the query")
    return operation
