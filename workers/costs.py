"""What is booked by the clock: a day of storage a team."""

import logging
from collections import defaultdict

from django.utils import timezone

from portal.accounts.models import Team
from portal.cloud.errors import CloudError
from portal.cloud.ports import Caller, Cloud, ObjectStore
from portal.cloud.registry import connect
from portal.costs.services import record_storage
from portal.datasets.models import Bucket
from workers.actors import NOBODY

log = logging.getLogger(__name__)


def book_storage() -> int:
    """Book today's storage of every team that has a bucket; how many teams it was. Again on the same day it changes
    nothing. A bucket that cannot be listed leaves its team to the next try."""
    buckets: dict[Team, list[Bucket]] = defaultdict(list)
    for bucket in Bucket.objects.select_related("team"):
        buckets[bucket.team].append(bucket)
    return sum(_book(team, owned) for team, owned in buckets.items())


def _book(team: Team, buckets: list[Bucket]) -> bool:
    cloud: Cloud = connect(team.connection, Caller(team.slug, NOBODY))
    try:
        size = sum(stored(cloud.store, bucket.name) for bucket in buckets)
    except CloudError as error:
        log.warning("storage not booked", extra={"team": team.slug, "error": error.code})
        return False
    record_storage(team, timezone.localdate(), size, cloud.prices.book(), cloud.prices.charges)
    return True


def stored(store: ObjectStore, bucket: str) -> int:
    """The bytes of all objects in a bucket, a page of the listing at a time."""
    total, after = 0, ""
    while True:
        page = store.list(bucket, after=after)
        total += sum(one.size for one in page.objects)
        if page.next is None:
            return total
        after = page.next
