"""The watcher: one loop under one lease polls all that runs at the clouds, many refs a call, and rings for what waits.

It holds nothing in memory that matters: whatever it knew, the next one reads from the rows.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from django.db import IntegrityError, close_old_connections
from django.db.models import Q
from django.utils import timezone

from portal.cloud.errors import CloudError, Failure, Temporary
from portal.cloud.ports import Caller, Cloud, RunState, RunStatus
from portal.cloud.registry import connect
from portal.operations import dispatch, kinds, ledger
from portal.operations.conclude import conclude
from portal.operations.kinds import RemoteKind
from portal.operations.models import Beat, Operation, State
from workers.actors import NOBODY
from workers.failures import failure_of

log = logging.getLogger(__name__)
ROUND = 0.5  # seconds: a round holds its poll this long, so an end is seen at once and a new row within it
REFS_A_POLL = 50  # BatchGetQueryExecution takes 50
LEASE = timedelta(seconds=10)
RING_AFTER = timedelta(seconds=5)  # what was not claimed by then lost its message
RING_EVERY = 5.0
BEAT_EVERY = 15.0
ENDS = {
    RunState.SUCCEEDED: State.SUCCEEDED,
    RunState.FAILED: State.FAILED,
    RunState.CANCELLED: State.CANCELLED,
}


class Watcher:
    """The loop. `stop` ends it between two rounds."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self._next_ring = self._next_beat = 0.0

    def run(self) -> None:
        """Rounds until stopped. A round that fails is logged, and the next one starts from the rows."""
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                close_old_connections()
                if hold(self.holder):
                    self.round()
            except Exception:
                log.exception("a round failed")
            self.stop.wait(max(0.0, ROUND - (time.monotonic() - began)))

    def round(self) -> None:
        """Poll what runs, stop what is to be stopped, ring for what waits."""
        now = time.monotonic()
        if now >= self._next_beat:
            dispatch.ring_beat()
            self._next_beat = now + BEAT_EVERY
        if now >= self._next_ring:
            ring_waiting()
            self._next_ring = now + RING_EVERY
        groups = running_groups()
        for (connection, kind), operations in groups.items():
            try:
                cloud = connect(connection, Caller(team="", username=NOBODY))
                for start in range(0, len(operations), REFS_A_POLL):
                    part = operations[start : start + REFS_A_POLL]
                    look(part, cast(RemoteKind, kinds.load(kind)), cloud, wait=ROUND / len(groups))
            except CloudError as error:
                log.warning("poll failed", extra={"connection": connection, "kind": kind, "error": error.message})


def hold(holder: str) -> bool:
    """Take or keep the watcher's lease; False where another lives."""
    now = timezone.now()
    free = Q(holder=holder) | Q(at__lt=now - LEASE)
    if Beat.objects.filter(free, name="watch").update(holder=holder, at=now):
        return True
    if Beat.objects.filter(name="watch").exists():
        return False
    try:
        Beat.objects.create(name="watch", holder=holder, at=now)
    except IntegrityError:
        return False
    return True


def running_groups() -> dict[tuple[str, str], list[Operation]]:
    """What clouds run, by connection and kind."""
    groups: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    rows = (
        Operation.objects.select_related("team", "owner")
        .filter(state__in=(State.SUBMITTED, State.RUNNING))
        .exclude(ref="")
    )
    for operation in rows.order_by("created_at"):
        groups[operation.connection, operation.kind].append(operation)
    return groups


def ring_waiting() -> None:
    """Ring for rows whose message or worker was lost: not claimed for a while, or claimed by one who is dead."""
    now = timezone.now()
    unclaimed = Q(lease_until=None) & Q(created_at__gt=now - RING_AFTER)
    waiting = list(Operation.objects.filter(ledger.claimable(now)).exclude(unclaimed).values_list("id", flat=True))
    if waiting and dispatch.waiting() < len(waiting):  # else their messages are there, and the workers are busy
        for operation_id in waiting:
            dispatch.ring(operation_id)


def look(operations: Sequence[Operation], kind: RemoteKind, cloud: Cloud, wait: float) -> None:
    """One poll of operations of one kind at one connection, and what follows from it."""
    runner = kind.runner(cloud)
    for operation in operations:
        if operation.cancel_requested_at:
            runner.stop(operation.ref)
    by_ref = {operation.ref: operation for operation in operations}
    for status in runner.poll(list(by_ref), wait=wait):
        if status.ref in by_ref:
            _apply(by_ref[status.ref], kind, cloud, status)


def _apply(operation: Operation, kind: RemoteKind, cloud: Cloud, status: RunStatus) -> None:
    if status.state == RunState.RUNNING:
        ledger.running(operation, status.progress)
    elif status.state == RunState.LOST:
        _lost(operation)
    elif status.state.ended:
        _end(operation, kind, cloud, status)


def _lost(operation: Operation) -> None:
    if operation.cancel_requested_at:
        conclude(operation, State.CANCELLED)
    elif not ledger.lost(operation) and operation.attempt >= ledger.ATTEMPTS_MAX:
        why = f"The machine under it died {ledger.ATTEMPTS_MAX} times. Try again later, or with less data."
        conclude(operation, State.FAILED, failure=Failure("LOST", why))


def _end(operation: Operation, kind: RemoteKind, cloud: Cloud, status: RunStatus) -> None:
    state, failure = ENDS[status.state], status.failure
    try:
        result = kind.finish(operation, cloud, status)
    except Temporary as error:  # the next round tries again; the cloud keeps the result
        log.warning("not finished yet", extra={"operation": str(operation.id), "error": error.message})
        return
    except Exception as error:
        state, failure, result = State.FAILED, failure_of(error, operation), {}
    conclude(operation, state, result=result, failure=failure)
