"""Thin tasks: each hands over to the room that knows."""

import logging
import uuid

from celery.signals import worker_ready
from django.db import connection
from django.utils import timezone

from portal.operations.dispatch import BEAT, CARRY_OUT, broker
from portal.operations.models import Beat
from workers import carry, costs, datasets

log = logging.getLogger(__name__)


@broker.task(name=CARRY_OUT)  # type: ignore[untyped-decorator]
def carry_out(operation_id: str) -> None:
    """Carry out one operation."""
    carry.carry_out(uuid.UUID(operation_id))


@broker.task(name=BEAT)  # type: ignore[untyped-decorator]
def beat() -> None:
    """A sign of life, for /readyz."""
    Beat.objects.update_or_create(name="worker", defaults={"at": timezone.now()})


@worker_ready.connect  # type: ignore[untyped-decorator]
def first_beat(**_: object) -> None:
    """A worker that has started lives: /readyz need not wait for the watcher to ask."""
    beat()
    connection.close()


@broker.task(name="workers.sweep_uploads")  # type: ignore[untyped-decorator]
def sweep_uploads() -> None:
    """Hourly."""
    datasets.sweep_uploads()


@broker.task(name="workers.book_storage")  # type: ignore[untyped-decorator]
def book_storage() -> None:
    """Daily."""
    costs.book_storage()
