"""The ledger: the only place that writes Operation rows.

Each change is one conditional UPDATE that names its fields; whoever changes no row has lost the race and stops. A
*lease* stands from the claim to the saved ref (or, for work that a worker does by itself, to its end). Times are the
database client's clock in UTC; leases are long enough (settings.LEASE) that seconds of skew do not matter.
"""

import hashlib
import json
import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from portal.accounts.models import Team, User
from portal.cloud.errors import Failure
from portal.operations import dispatch, events
from portal.operations.models import ENDED, OPEN, IdempotencyKey, Operation, State
from portal.problems import Conflict

log = logging.getLogger(__name__)
ATTEMPTS_MAX = 3  # of work that the cloud lost: a machine that dies three times under it is not chance


def record(
    *,
    kind: str,
    team: Team,
    owner: User,
    connection: str,
    params: dict[str, Any],
    title: str = "",
    waiting_for: str = "",
    idempotency: tuple[str, Any] | None = None,
) -> Operation:
    """Write the row, and ring the queue once it is committed. `idempotency` is (key, body): the same again answers the
    operation that stands; the same key with another body is Conflict. Runs in the caller's transaction if there is
    one."""
    if idempotency and (found := recorded(owner, *idempotency)):
        return found
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                kind=kind, team=team, owner=owner, connection=connection, params=params,
                title=title[:200], waiting_for=waiting_for,
            )  # fmt: skip
            if idempotency:
                key, body = idempotency
                IdempotencyKey.objects.create(user=owner, key=key, digest=_digest(body), operation=operation)
            if not waiting_for:
                transaction.on_commit(lambda: dispatch.ring(operation.id))
            events.changed(operation)
    except IntegrityError:
        if idempotency and (found := recorded(owner, *idempotency)):
            return found
        raise
    log.info("recorded", extra={"operation": str(operation.id), "kind": kind, "team": team.slug})
    return operation


def recorded(owner: User, key: str, body: Any) -> Operation | None:
    """The operation that this key and body made before, if any; Conflict where the body differs."""
    found = IdempotencyKey.objects.select_related("operation").filter(user=owner, key=key).first()
    if found and found.digest != _digest(body):
        raise Conflict("This Idempotency-Key was used with another body. Use a new key for a new request.")
    return found.operation if found else None


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


# --- claims and leases ------------------------------------------------------------------------------------------------


def claimable(now: datetime) -> Q:
    """Rows that somebody should carry out now: never claimed, given back until a time that is over, or left by the
    dead."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return Q(state__in=(State.QUEUED, State.RUNNING), ref="", waiting_for="") & free


def claim(operation_id: uuid.UUID, holder: str) -> Operation | None:
    """Take the row, or None where another has it, it has ended, or it waits."""
    now = timezone.now()
    taken = Operation.objects.filter(claimable(now), id=operation_id).update(
        lease_holder=holder, lease_until=now + settings.LEASE
    )
    return Operation.objects.select_related("team", "owner").get(id=operation_id) if taken else None


def renew(operation: Operation, holder: str, progress: float | None = None) -> bool:
    """Keep the lease; False where it was lost. With `progress` (0..1) say how far it is."""
    fields: dict[str, Any] = {"lease_until": timezone.now() + settings.LEASE}
    if progress is not None:
        fields["progress"] = progress
    return _update(operation, Q(lease_holder=holder, state__in=OPEN), announce=progress is not None, **fields)


def release(operation: Operation, holder: str, after: timedelta) -> bool:
    """Give the row back, to be tried again with the same token when `after` is over."""
    return _update(operation, Q(lease_holder=holder, state__in=OPEN), lease_until=timezone.now() + after)


# --- what happened ----------------------------------------------------------------------------------------------------


def began(operation: Operation, holder: str) -> bool:
    """A worker does this one by itself and has begun."""
    return _update(
        operation, Q(lease_holder=holder, state__in=(State.QUEUED, State.RUNNING)),
        state=State.RUNNING, started_at=operation.started_at or timezone.now(),
    )  # fmt: skip


def submitted(operation: Operation, holder: str, ref: str) -> bool:
    """The cloud has it: save the ref and end the lease. A late attempt (its lease lost) changes nothing."""
    condition = Q(lease_holder=holder, attempt=operation.attempt, state=State.QUEUED, ref="")
    return _update(operation, condition, state=State.SUBMITTED, ref=ref, lease_holder="", lease_until=None)


def running(operation: Operation, progress: float | None = None) -> bool:
    """The cloud says that it runs."""
    condition = Q(ref=operation.ref, attempt=operation.attempt, state__in=(State.SUBMITTED, State.RUNNING))
    if operation.state == State.RUNNING and operation.progress == progress:
        return True
    return _update(
        operation, condition,
        state=State.RUNNING, progress=progress, started_at=operation.started_at or timezone.now(),
    )  # fmt: skip


def lost(operation: Operation) -> bool:
    """The cloud says that the work is gone: queue it again, with a new token. False where ATTEMPTS_MAX is reached."""
    if operation.attempt >= ATTEMPTS_MAX:
        return False
    condition = Q(ref=operation.ref, attempt=operation.attempt, state__in=(State.SUBMITTED, State.RUNNING))
    again = _update(operation, condition, state=State.QUEUED, ref="", attempt=operation.attempt + 1, progress=None)
    if again:
        transaction.on_commit(lambda: dispatch.ring(operation.id))
    return again


def ended(
    operation: Operation,
    state: State,
    *,
    holder: str = "",
    result: dict[str, Any] | None = None,
    failure: Failure | None = None,
) -> bool:
    """Write the end. The condition is the attempt, the ref and, for a worker's own work, the lease: a late one loses.
    True exactly once an operation: whoever gets it settles the cost, in the same transaction."""
    error = None
    if failure:
        error = {"code": failure.code, "message": failure.message, "line": failure.line, "column": failure.column}
    condition = Q(attempt=operation.attempt, ref=operation.ref, lease_holder=holder, state__in=OPEN)
    now = timezone.now()
    return _update(
        operation, condition,
        state=state, result=result or {}, error=error, progress=1.0 if state == State.SUCCEEDED else None,
        started_at=operation.started_at or now, finished_at=now, lease_holder="", lease_until=None,
    )  # fmt: skip


def request_cancel(operation: Operation) -> bool:
    """Ask for the end. True where it ended at once, since nobody had claimed it; otherwise the state stays until the
    cloud confirms."""
    now = timezone.now()
    untouched = Q(state=State.QUEUED, ref="", lease_holder="", attempt=1)
    if _update(operation, untouched, state=State.CANCELLED, cancel_requested_at=now, finished_at=now):
        return True
    _update(operation, Q(state__in=OPEN, cancel_requested_at=None), cancel_requested_at=now)
    return False


def hide(operation: Operation) -> None:
    """Take an ended operation off people's lists; its cost stays."""
    _update(operation, Q(state__in=ENDED), hidden_at=timezone.now())


def proceed(operation: Operation) -> bool:
    """What it waited for has come: let it run."""
    went = _update(operation, ~Q(waiting_for="") & Q(state=State.QUEUED), waiting_for="")
    if went:
        transaction.on_commit(lambda: dispatch.ring(operation.id))
    return went


def _update(operation: Operation, condition: Q, *, announce: bool = True, **fields: Any) -> bool:
    changed = Operation.objects.filter(condition, id=operation.id).update(**fields)
    if not changed:
        return False
    for name, value in fields.items():
        if not isinstance(value, F):
            setattr(operation, name, value)
    if announce:
        events.changed(operation)
    if "state" in fields:
        log.info("state", extra={"operation": str(operation.id), "kind": operation.kind, "state": operation.state})
    return True
