"""`manage.py stop_training`: end the training that goes on, also while Skydeck itself is stopped."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.cloud.errors import Temporary
from portal.cloud.ports import Caller
from portal.cloud.registry import connect
from portal.house.supervisor import BASE
from portal.house.tie import tie
from portal.operations import ledger
from portal.operations.models import OPEN, Operation

PATIENCE = 20.0  # seconds for a local cloud to start


class Command(BaseCommand):
    help = "Ask every training job to end. Their pages say so when Skydeck runs."

    def handle(self, *args: Any, **options: Any) -> None:
        jobs = list(Operation.objects.select_related("team", "owner").filter(kind="training.run", state__in=OPEN))
        with contextlib.ExitStack() as clouds:
            served: set[str] = set()
            for job in jobs:
                ledger.request_cancel(job)
                if not job.ref:
                    continue
                try:
                    _stop(job)
                except Temporary:
                    if job.connection in served or settings.CONNECTIONS[job.connection]["provider"] != "local":
                        raise
                    served.add(job.connection)
                    clouds.enter_context(_local_cloud(job))
        self.stdout.write(f"Asked {len(jobs)} training jobs to end." if jobs else "No training goes on.")


def _stop(job: Operation) -> None:
    connect(job.connection, Caller(job.team.slug, job.owner.username)).training.stop(job.ref)


@contextlib.contextmanager
def _local_cloud(job: Operation) -> Iterator[None]:
    """The job's local cloud, started for as long as it takes to tell it, which is told."""
    options = settings.CONNECTIONS[job.connection]
    command = [sys.executable, "-m", "portal.cloud.local", "--root", options["root"], "--socket", options["socket"]]
    process = subprocess.Popen(command, cwd=BASE, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=tie)  # noqa: S603
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                _stop(job)
                break
            except Temporary as error:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise CommandError(f"Training could not be reached: {error.message}") from None
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()
