"""Carrying out one operation: claim the row, do the work or have a cloud begin it, write what came of it."""

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from portal.cloud.errors import Temporary
from portal.cloud.ports import Caller, Cloud
from portal.cloud.registry import connect
from portal.operations import kinds, ledger
from portal.operations.conclude import conclude
from portal.operations.kinds import RemoteKind, WorkerKind
from portal.operations.models import Operation, State
from workers import watch
from workers.failures import failure_of

log = logging.getLogger(__name__)
FIRST_LOOK = 0.5  # seconds: a short query has ended by then, and nobody waits for the watcher's next round
PAUSE_MAX = timedelta(seconds=30)


def carry_out(operation_id: uuid.UUID) -> None:
    """Whoever claims the row goes on; everybody else returns at once. Never raises for what the work did."""
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    operation = ledger.claim(operation_id, holder)
    if operation is None:
        return
    implementation = kinds.load(operation.kind)
    try:
        cloud = connect(operation.connection, Caller(operation.team.slug, operation.owner.username))
        if kinds.is_remote(implementation):
            _start(operation, holder, cast(RemoteKind, implementation), cloud)
        else:
            _do(operation, holder, cast(WorkerKind, implementation), cloud)
    except Temporary as error:
        pause = _pause(operation)
        log.warning(
            "put off", extra={"operation": str(operation.id), "error": error.code, "seconds": pause.total_seconds()}
        )
        ledger.release(operation, holder, pause)
    except Exception as error:
        conclude(operation, State.FAILED, holder=holder, failure=failure_of(error, operation))


def _pause(operation: Operation) -> timedelta:
    """Longer the longer it has waited: a quarter of its age, from 1 to 30 seconds."""
    return min(PAUSE_MAX, max(timedelta(seconds=1), (timezone.now() - operation.created_at) / 4))


def _start(operation: Operation, holder: str, kind: RemoteKind, cloud: Cloud) -> None:
    with _kept(operation, holder):
        ref = kind.start(operation, cloud)
    if not ledger.submitted(operation, holder, ref):
        return  # the lease was lost: whoever has it now starts by the same token and gets the same ref
    operation.refresh_from_db(fields=["cancel_requested_at"])
    if operation.cancel_requested_at:
        kind.runner(cloud).stop(ref)
    watch.look([operation], kind, cloud, wait=FIRST_LOOK)


def _do(operation: Operation, holder: str, kind: WorkerKind, cloud: Cloud) -> None:
    if operation.cancel_requested_at:
        conclude(operation, State.CANCELLED, holder=holder)
        return
    if not ledger.began(operation, holder):
        return
    with _kept(operation, holder):
        result = kind.carry_out(operation, cloud, lambda done: _told(operation, holder, done))
    conclude(operation, State.SUCCEEDED, holder=holder, result=result)


def _told(operation: Operation, holder: str, done: float) -> None:
    ledger.renew(operation, holder, done)


@contextmanager
def _kept(operation: Operation, holder: str) -> Iterator[None]:
    """Renew the lease from a thread as long as the work goes on."""
    over = threading.Event()

    def renew() -> None:
        try:
            while not over.wait(settings.LEASE.total_seconds() / 3):
                try:
                    ledger.renew(operation, holder)
                except DatabaseError as error:
                    log.warning("lease not renewed", extra={"operation": str(operation.id), "error": str(error)})
        finally:
            connection.close()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
