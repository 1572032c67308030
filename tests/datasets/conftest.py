"""A bucket of growth on the real local cloud, and ways to fill it."""

import io
import uuid
from collections.abc import Callable

import pytest

from portal.access.models import Grant
from portal.accounts.models import Team
from portal.cloud.ports import Caller, ObjectInfo
from portal.cloud.registry import connect
from portal.datasets import services
from portal.datasets.models import Bucket
from tests.harness.people import People
from tests.harness.servers import CloudServer

Put = Callable[[str, bytes], ObjectInfo]
Give = Callable[..., Grant]


def name_of_its_own(prefix: str = "b") -> str:
    """The cloud outlives a test, so names are not used twice."""
    return f"{prefix}-{uuid.uuid4().hex[:16]}"


@pytest.fixture
def bucket(people: People, cloud_server: CloudServer) -> Bucket:
    return services.create_bucket(people.alice.actor, name_of_its_own())


@pytest.fixture
def put(bucket: Bucket) -> Put:
    store = connect("local", Caller("growth", "alice")).store
    return lambda key, body: store.put(bucket.name, key, io.BytesIO(body))


@pytest.fixture
def give(people: People) -> Give:
    """Grant something of growth to charlie."""

    def make(kind: str, name: str, action: str = "read", columns: list[str] | None = None) -> Grant:
        return Grant.objects.create(
            user=people.charlie.user, connection="local", resource_kind=kind, resource_name=name, action=action,
            columns=columns, granted_by=people.alice.user, owner_team=Team.objects.get(slug="growth"),
        )  # fmt: skip

    return make
