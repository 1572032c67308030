"""A bucket and a table of reviews on the real local cloud, scripts to train with, and jobs carried out for real."""

import io
import textwrap
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
import pytest

from portal.access.models import Grant
from portal.accounts.models import Team
from portal.catalog import services as catalog
from portal.catalog.models import Database
from portal.cloud import ports
from portal.cloud.local import fence
from portal.cloud.ports import Caller, Cloud
from portal.cloud.registry import connect
from portal.datasets import services as datasets
from portal.operations import kinds
from portal.operations.models import Operation
from portal.sample import generate
from portal.training import services
from portal.training.services import Input, Request
from tests.harness.people import People, Person
from tests.harness.servers import CloudServer
from tests.harness.waiting import until
from workers import carry, watch

REVIEWS = 1500


@dataclass
class Lab:
    """`table` and `bucket`/reviews/ hold the same 1,500 reviews, of team growth."""

    cloud: Cloud
    bucket: str
    table: str
    people: People

    def put(self, key: str, body: str | bytes) -> str:
        """Put a file of growth into the bucket; the answer is its key."""
        data = textwrap.dedent(body).encode() if isinstance(body, str) else body
        self.cloud.store.put(self.bucket, key, io.BytesIO(data))
        return key

    def asked(self, script: str = "", **changes: Any) -> Request:
        """A job of a script of one's own, or of what `changes` say."""
        if script:
            key = self.put(f"code/{uuid.uuid4().hex}.py", script)
            changes = {"source_bucket": self.bucket, "source_key": key, "name": "own", **changes}
        return Request(**{"max_runtime_s": 120, **changes})

    def classifier(self, **changes: Any) -> Request:
        """The template on the table."""
        inputs = (Input("train", table=self.table),)
        return self.asked(**{"template": "text-classifier", "inputs": inputs, **changes})

    def grant(self, person: Person, kind: str, name: str, columns: list[str] | None = None) -> Grant:
        return Grant.objects.create(
            user=person.user, connection="local", resource_kind=kind, resource_name=name, action="read",
            columns=columns, owner_team=Team.objects.get(slug="growth"),
        )  # fmt: skip

    def run(self, request: Request, person: Person | None = None) -> Operation:
        """Launch it (as bob) and carry it out."""
        return carried_out(services.launch((person or self.people.bob).actor, request))


def began(operation: Operation) -> Operation:
    """The operation after a worker has had it: it has a ref, or it has ended."""
    carry.carry_out(operation.id)
    operation.refresh_from_db()
    return operation


def look(operation: Operation) -> Operation:
    """The operation after one look of the watcher at it."""
    cloud = connect(operation.connection, Caller("", "skydeck"))
    watch.look([operation], kinds.load(operation.kind), cloud, wait=0.5)  # type: ignore[arg-type]
    operation.refresh_from_db()
    return operation


def carried_out(operation: Operation) -> Operation:
    """The operation at its end."""
    began(operation)
    until(lambda: operation.ended or look(operation).ended, 120, f"the end of {operation}")
    return operation


@pytest.fixture(scope="session")
def reviews() -> bytes:
    body = io.BytesIO()
    pq.write_table(generate.reviews(count=REVIEWS), body)
    return body.getvalue()


@pytest.fixture
def lab(people: People, cloud_server: CloudServer, redis_server: str, reviews: bytes) -> Iterator[Lab]:
    if not fence.available():
        pytest.skip("this kernel has no Landlock of ABI 3 or later, so training is off")
    name = uuid.uuid4().hex[:10]
    cloud = connect("local", Caller("growth", "alice"))
    datasets.create_bucket(people.alice.actor, f"lab-{name}")
    made = Lab(cloud, f"lab-{name}", f"lab_{name}.reviews", people)
    made.put("reviews/part-0.parquet", reviews)
    catalog.create_database(people.alice.actor, f"lab_{name}")
    location = f"s3://{made.bucket}/reviews/"
    columns = cloud.catalog.infer(location).columns
    table = cloud.catalog.create_table(ports.Table(f"lab_{name}", "reviews", columns, location, "parquet"))
    catalog.sync(cloud, Database.objects.get(name=f"lab_{name}"), table, owner=people.alice.user)
    yield made
    for operation in Operation.objects.filter(kind=services.KIND).exclude(ref=""):
        cloud.training.stop(operation.ref)
