"""A day of storage, measured on the real local cloud."""

import io
import uuid

from portal.accounts.models import Team
from portal.cloud.ports import Caller
from portal.cloud.registry import connect
from portal.costs.models import Cost
from portal.datasets.models import Bucket
from tests.harness.people import People
from tests.harness.servers import CloudServer
from workers.costs import book_storage, stored


def test_every_teams_storage_is_booked_once_a_day(people: People, cloud_server: CloudServer) -> None:
    store = connect("local", Caller("growth", "alice")).store
    name = f"stored-{uuid.uuid4().hex[:12]}"
    store.create_bucket(name)
    Bucket.objects.create(connection="local", name=name, team=Team.objects.get(slug="growth"))
    for number in range(1005):  # more than one page of a listing
        store.put(name, f"folder/{number}", io.BytesIO(b"ten bytes."))
    assert stored(store, name) == 10_050
    assert (book_storage(), book_storage()) == (1, 1)
    cost = Cost.objects.get()
    assert (cost.service, cost.team.slug, cost.charged_nano) == ("storage", "growth", 0)
    assert cost.list_nano > 0
    assert cost.arithmetic[0].startswith("10,050 bytes × 0.023 USD")


def test_a_bucket_that_is_gone_leaves_its_team_to_the_next_try(people: People, cloud_server: CloudServer) -> None:
    Bucket.objects.create(connection="local", name="was-never-there", team=Team.objects.get(slug="ops"))
    assert book_storage() == 0
    assert not Cost.objects.exists()
