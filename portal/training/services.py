"""The verbs on training jobs. A job is an operation of kind training.run; its outputs are read through the cloud's
port."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import QuerySet

from portal.access.model import Actor
from portal.accounts.models import Team, User
from portal.cloud.ports import Caller, Cloud, InstanceType, LogPage, MetricPoint, Output
from portal.cloud.registry import connect
from portal.costs import services as costs
from portal.costs.models import Cost
from portal.operations import ledger
from portal.operations import services as operations
from portal.operations.models import Operation
from portal.problems import Denied, Missing
from portal.training import plans
from portal.training.plans import Estimate, Input, Request
from portal.training.templates import Template, templates

__all__ = ["Estimate", "Input", "Request", "Template", "templates"]
KIND = "training.run"


def _cloud(connection: str, actor: Actor) -> Cloud:
    return connect(connection, Caller(actor.team, actor.username))


def instance_types(actor: Actor) -> Sequence[InstanceType]:
    """This machine's first, then what AWS has, by price."""
    return _cloud(actor.connection, actor).prices.instance_types()


def price_date(actor: Actor) -> str:
    """The day the prices are of, ISO."""
    return _cloud(actor.connection, actor).prices.book().as_of.isoformat()


def estimate(actor: Actor, request: Request) -> Estimate:
    """The most that a job can cost, before it starts."""
    return plans.plan(actor, request).estimate


def price(actor: Actor, request: Request) -> Estimate:
    """As estimate(), of the machine and the time alone, while code and data are still being chosen."""
    prices = _cloud(actor.connection, actor).prices
    return plans.price(actor, plans.machine_of(actor, request), request, prices.book(), prices.charges)


def launch(actor: Actor, request: Request, idempotency: tuple[str, Any] | None = None) -> Operation:
    """Record the job, with its money held, and let a worker start it."""
    owner = User.objects.get(pk=actor.user_id)
    if idempotency and (found := ledger.recorded(owner, *idempotency)):
        return found
    plan = plans.plan(actor, request)
    with transaction.atomic():
        operation = ledger.record(
            kind=KIND, team=Team.objects.get(slug=actor.team), owner=owner, connection=actor.connection,
            params={"request": asdict(request)}, title=plan.title, idempotency=idempotency,
        )  # fmt: skip
        costs.hold(
            operation, Cost.Service.TRAINING, plan.estimate.list_usd,
            arithmetic=[f"at most {plan.estimate.arithmetic}"], price_as_of=plan.book.as_of, charges=plan.charges,
        )  # fmt: skip
    return operation


def jobs(actor: Actor) -> QuerySet[Operation]:
    """The jobs the actor may know of, newest first."""
    return operations.visible(actor).filter(kind=KIND).select_related("cost")


def get(actor: Actor, job_id: object) -> Operation:
    """One job, or Missing."""
    return operations.get(actor, str(job_id), KIND)


def stop(actor: Actor, job_id: object) -> Operation:
    """Ask for its end; it reads Stopped once the machine says so."""
    return operations.cancel(actor, str(job_id), KIND)


def request_of(operation: Operation) -> Request:
    """What was asked for, as it was."""
    kept = operation.params["request"]
    return Request(**{**kept, "inputs": tuple(Input(**item) for item in kept["inputs"])})


def clone(actor: Actor, job_id: object) -> Request:
    """What a job was asked with, to be changed and launched again."""
    return request_of(get(actor, job_id))


def _readable(actor: Actor, job_id: object) -> tuple[Operation, Cloud]:
    """A job whose log and outputs the actor may read: one of theirs or of their team, as long as they may read its
    inputs. Denied also where an input is gone, since nobody can decide on it any more."""
    operation = get(actor, job_id)
    request = request_of(operation)
    if actor.connection != operation.connection:
        raise Denied(f"This job ran on another connection. Switch to the team {operation.team.slug} to read it.")
    try:
        plans.channels(actor, request, None)
    except (Denied, Missing):
        raise Denied(
            "You may not read all that this job was trained on: access to an input was not granted to you, was taken "
            "away, or the input is gone. So its log and outputs are closed to you. Ask the input's owner for access."
        ) from None
    return operation, _cloud(operation.connection, actor)


def may_read_inside(actor: Actor, operation: Operation) -> bool:
    """May the actor read what the job printed and left?"""
    try:
        _readable(actor, operation.pk)
    except Denied:
        return False
    return True


def logs(actor: Actor, job_id: object, cursor: str = "", limit: int = 1000) -> LogPage:
    """What the job printed, from a cursor on; empty until it has started."""
    operation, cloud = _readable(actor, job_id)
    return cloud.training.logs(operation.ref, cursor, limit) if operation.ref else LogPage((), "")


def metrics(actor: Actor, job_id: object) -> Sequence[MetricPoint]:
    """All points logged so far."""
    operation, cloud = _readable(actor, job_id)
    return cloud.training.metrics(operation.ref) if operation.ref else ()


def outputs(actor: Actor, job_id: object) -> Sequence[Output]:
    """The files the job has left."""
    operation, cloud = _readable(actor, job_id)
    return cloud.training.outputs(operation.ref) if operation.ref else ()


def open_output(actor: Actor, job_id: object, path: str) -> BinaryIO:
    """One of them. Missing where there is none."""
    operation, cloud = _readable(actor, job_id)
    if not operation.ref:
        raise Missing("The job has not started, so it has left nothing.")
    return cloud.training.open_output(operation.ref, path)
