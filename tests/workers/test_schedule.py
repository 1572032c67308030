"""What happens by the clock exists, and does what it says."""

import io
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from portal.cloud.ports import Caller
from portal.cloud.registry import connect
from portal.costs.models import Cost
from portal.datasets import services
from portal.datasets.models import Upload
from portal.problems import Conflict
from tests.harness.people import People
from workers import datasets
from workers.celery_app import app

pytestmark = pytest.mark.usefixtures("cloud_server")


def test_every_entry_of_the_schedule_is_a_task() -> None:
    assert app.conf.beat_schedule
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks


def test_uploads_nobody_finished_are_swept(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = people.carol.actor
    services.create_bucket(actor, "growth-sweep")
    stale = services.start_upload(actor, "growth-sweep", "old.csv", 4)
    services.put_part(actor, stale.id, 1, io.BytesIO(b"a,b\n"), 4)
    Upload.objects.filter(pk=stale.pk).update(created_at=timezone.now() - timedelta(days=8))
    fresh = services.start_upload(actor, "growth-sweep", "new.csv", 4)
    assert datasets.sweep_uploads() == 1
    stale.refresh_from_db()
    assert stale.state == Upload.State.ABORTED
    with pytest.raises(Conflict):
        services.put_part(actor, stale.id, 1, io.BytesIO(b"a,b\n"), 4)
    services.put_part(actor, fresh.id, 1, io.BytesIO(b"a,b\n"), 4)
    assert services.complete_upload(actor, fresh.id).size == 4


def test_the_provider_forgets_the_parts_too(people: People) -> None:
    store = connect(settings.DEFAULT_CONNECTION, Caller("growth", "carol")).store
    store.create_bucket("sweep-provider")
    ref = store.start_upload("sweep-provider", "a", "text/csv")
    store.put_part("sweep-provider", "a", ref, 1, io.BytesIO(b"x"))
    assert store.sweep_uploads(timezone.now() - timedelta(days=1)) == 0
    assert store.parts("sweep-provider", "a", ref) == {1: 1}
    assert store.sweep_uploads(timezone.now() + timedelta(seconds=1)) >= 1


def test_a_day_of_storage_is_booked_by_its_task(people: People) -> None:
    actor = people.carol.actor
    services.create_bucket(actor, "growth-stored")
    app.tasks["workers.book_storage"]()
    app.tasks["workers.book_storage"]()
    assert Cost.objects.filter(service=Cost.Service.STORAGE, team__slug="growth").count() == 1
