"""Tables over real files on the real local cloud, made by the worker's own code."""

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portal.catalog import services
from portal.catalog.models import Database, Table
from portal.cloud.ports import Caller
from portal.cloud.registry import connect
from portal.datasets.models import Bucket
from portal.operations.models import Operation
from tests.datasets.conftest import Put, bucket, give, name_of_its_own, put
from tests.harness.people import People
from tests.harness.servers import CloudServer
from workers.carry import carry_out

__all__ = ["bucket", "give", "put"]
MakeTable = Callable[..., Table]
CSV = b"id,name,email\n1,Ann,ann@example.org\n2,Bob,bob@example.org\n3,Caf\xc3\xa9,\n"


def carried_out(operation: Operation) -> Operation:
    """The operation after a worker has had it."""
    carry_out(operation.id)
    operation.refresh_from_db()
    return operation


def parquet(**columns: list[Any]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


@pytest.fixture
def database(people: People, cloud_server: CloudServer) -> Database:
    return services.create_database(people.alice.actor, name_of_its_own("d").replace("-", "_"))


@pytest.fixture
def make_table(people: People, database: Database, bucket: Bucket, put: Put) -> MakeTable:
    """`make_table(name, body)`: a table of carol's over one CSV file."""

    def make(name: str = "people", body: bytes = CSV, key: str = "", **options: Any) -> Table:
        put(key or f"{name}/data.csv", body)
        location = f"s3://{bucket.name}/{name}/"
        operation = services.create_table(people.carol.actor, database.name, name, location, **options)
        assert carried_out(operation).state == "succeeded", operation.error
        return Table.objects.get(database=database, name=name)

    return make


@pytest.fixture
def cloud(cloud_server: CloudServer) -> Any:
    return connect("local", Caller("growth", "alice"))
