"""The Celery application: `celery -A workers.celery_app worker -B`. Its settings stand beside the doorbell's."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django

django.setup()

from portal.operations.dispatch import broker as app  # noqa: E402 - Django must stand before its models are read
from workers import schedule, tasks  # noqa: E402

app.conf.beat_schedule = schedule.SCHEDULE
__all__ = ["app", "tasks"]
