"""REST: machines, templates and training jobs (api.md, training)."""

import mimetypes
import uuid
from os import SEEK_END
from pathlib import PurePosixPath
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from ninja import Field, Query, Router, Schema

from portal.access.model import Actor
from portal.api.actors import for_owner
from portal.api.auth import in_team
from portal.api.operations_http import answer, idempotency
from portal.api.paging import PageQuery, page
from portal.api.requests import Request as HttpRequest
from portal.api.streaming import Slice, attachment
from portal.cloud.ports import InstanceType
from portal.costs.services import dollars, plain
from portal.operations.events import shown, stamp
from portal.operations.models import Operation
from portal.training import services
from portal.training.services import Estimate, Input, Request, Template

router = Router(tags=["training"])


class SourceIn(Schema):
    bucket: str
    key: str


class InputIn(Schema):
    channel: str
    bucket: str = ""
    prefix: str = ""
    table: str = ""


class JobIn(Schema):
    """A job to launch: a template, or a source of one's own."""

    name: str = ""
    template: str = ""
    image: str = ""
    source: SourceIn | None = None
    entry_point: str = ""
    inputs: list[InputIn] = Field(default_factory=list)
    hyperparameters: dict[str, str | int | float | bool] = Field(default_factory=dict)
    instance_type: str = "local.cpu"
    instance_count: int = Field(1, ge=1)
    spot: bool = False
    max_runtime_s: int = Field(3600, ge=1)
    team: str | None = None

    def request(self) -> Request:
        return Request(
            inputs=tuple(Input(**item.dict()) for item in self.inputs),
            name=self.name,
            template=self.template,
            image=self.image,
            source_bucket=self.source.bucket if self.source else "",
            source_key=self.source.key if self.source else "",
            entry_point=self.entry_point,
            hyperparameters={name: str(value) for name, value in self.hyperparameters.items()},
            instance_type=self.instance_type,
            instance_count=self.instance_count,
            spot=self.spot,
            max_runtime_s=self.max_runtime_s,
        )


class LogQuery(Schema):
    cursor: str = ""
    limit: int = Field(1000, ge=1, le=10_000)


def show_machine(machine: InstanceType) -> dict[str, object]:
    def price(usd: Any) -> str | None:
        return None if usd is None else plain(usd)

    return {
        **{name: getattr(machine, name) for name in ("name", "vcpus", "memory_gib", "gpus", "gpu", "gpu_memory_gib")},
        "available": machine.available,
        "usd_per_hour": price(machine.usd_per_hour),
        "spot_usd_per_hour": price(machine.spot_usd_per_hour),
        "like": machine.like,
        "about": machine.about,
    }


def show_template(template: Template) -> dict[str, object]:
    return {
        "name": template.name,
        "title": template.title,
        "description": template.description,
        "inputs": [vars(item) for item in template.inputs],
        "hyperparameters": [vars(item) for item in template.hyperparameters],
        "example": template.example,
    }


def show_estimate(estimate: Estimate) -> dict[str, object]:
    return {
        "list_usd": plain(estimate.list_usd),
        "charged_usd": plain(estimate.charged_usd),
        "usd_per_hour": plain(estimate.usd_per_hour),
        "arithmetic": estimate.arithmetic,
        "price_as_of": estimate.price_as_of,
    }


def show_job(operation: Operation) -> dict[str, object]:
    """The operation and what came of it. Outputs are listed once it has ended, by GET …/outputs."""
    cost = getattr(operation, "cost", None)
    return {
        **shown(operation),
        "name": operation.title,
        "owner": operation.owner.username,
        "team": operation.team.slug,
        "request": operation.params["request"],
        "metrics": operation.result.get("metrics", {}),
        "baseline": operation.result.get("baseline"),
        "seconds": operation.result.get("seconds"),
        "exit_code": operation.result.get("exit_code"),
        "outputs": f"/api/v1/training-jobs/{operation.id}/outputs",
        "estimate_usd": plain(dollars(cost.estimate_nano)) if cost else None,
        "list_usd": plain(dollars(cost.list_nano)) if cost else None,
        "charged_usd": plain(dollars(cost.charged_nano)) if cost else None,
    }


def _address(job_id: object) -> str:
    return f"/api/v1/training-jobs/{job_id}"


def _actor(request: HttpRequest, job_id: uuid.UUID) -> Actor:
    """The caller at work in the job's team, where they are in it."""
    return for_owner(request, None, Operation.objects.filter(id=job_id).values_list("team__slug", flat=True))


@router.get("/instance-types", summary="Machines with their prices; this machine's own first")
def instance_types(request: HttpRequest, team: str | None = None) -> dict[str, object]:
    actor = in_team(request, team) if team else request.actor
    as_of = services.price_date(actor)
    return {
        "items": [{**show_machine(it), "price_as_of": as_of} for it in services.instance_types(actor)],
        "next": None,
    }


@router.get("/training-templates", summary="Scripts that ship with Skydeck")
def training_templates(request: HttpRequest) -> dict[str, object]:
    return {"items": [show_template(template) for template in services.templates()], "next": None}


@router.post("/training-jobs/estimate", summary="The most a job can cost")
def estimate_job(request: HttpRequest, body: JobIn) -> dict[str, object]:
    return show_estimate(services.estimate(in_team(request, body.team), body.request()))


@router.post("/training-jobs", summary="Launch a training job")
def launch_job(request: HttpRequest, body: JobIn) -> HttpResponse:
    actor = in_team(request, body.team)
    operation = services.launch(actor, body.request(), idempotency(request, body.dict()))
    return answer(request, operation, show_job, _address(operation.id), started=True)


@router.get("/training-jobs", summary="Training jobs, newest first")
def list_jobs(request: HttpRequest, query: Query[PageQuery], team: str | None = None) -> dict[str, object]:
    """One's own and those of the team one works in."""
    rows = services.jobs(in_team(request, team) if team else request.actor)
    return page(rows.filter(team__slug=team) if team else rows, query, show_job)


@router.get("/training-jobs/{job_id}", summary="One job; `Prefer: wait=SECONDS` holds the answer until it ends")
def get_job(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    actor = _actor(request, job_id)

    def show(operation: Operation) -> dict[str, object]:
        whole = operation.error and services.may_read_inside(actor, operation)
        return {**show_job(operation), "error": operation.error} if whole else show_job(operation)

    return answer(request, services.get(actor, job_id), show)


@router.post("/training-jobs/{job_id}/stop", summary="Ask for its end")
def stop_job(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    return answer(request, services.stop(_actor(request, job_id), job_id), show_job, _address(job_id))


@router.post("/training-jobs/{job_id}/clone", summary="The body that launched it, to be changed and sent again")
def clone_job(request: HttpRequest, job_id: uuid.UUID) -> dict[str, object]:
    asked = services.clone(_actor(request, job_id), job_id)
    own = {"bucket": asked.source_bucket, "key": asked.source_key} if asked.source_key else None
    shared = ("name", "template", "image", "entry_point", "hyperparameters", "instance_type")
    return {
        **{name: getattr(asked, name) for name in (*shared, "instance_count", "spot", "max_runtime_s")},
        "source": own,
        "inputs": [vars(item) for item in asked.inputs],
    }


@router.get("/training-jobs/{job_id}/logs", summary="What it printed, from a cursor on")
def job_logs(request: HttpRequest, job_id: uuid.UUID, query: Query[LogQuery]) -> dict[str, object]:
    """`next` is where what comes after these lines will be, also while nothing has come yet."""
    found = services.logs(_actor(request, job_id), job_id, query.cursor, query.limit)
    return {"items": [{"at": stamp(at), "line": line} for at, line in found.lines], "next": found.next or None}


@router.get("/training-jobs/{job_id}/metrics", summary="All points logged so far")
def job_metrics(request: HttpRequest, job_id: uuid.UUID) -> dict[str, object]:
    points = services.metrics(_actor(request, job_id), job_id)
    shown_points = [{"name": p.name, "step": p.step, "value": p.value, "at": stamp(p.at)} for p in points]
    return {"items": shown_points, "next": None}


@router.get("/training-jobs/{job_id}/outputs", summary="The files it left")
def job_outputs(request: HttpRequest, job_id: uuid.UUID) -> dict[str, object]:
    found = services.outputs(_actor(request, job_id), job_id)
    url = f"{_address(job_id)}/outputs/"
    return {"items": [{"path": str(o.path), "size": o.size, "url": url + str(o.path)} for o in found], "next": None}


@router.get("/training-jobs/{job_id}/outputs/{path:path}", summary="One of them, as bytes")
def job_output(request: HttpRequest, job_id: uuid.UUID, path: str) -> HttpResponseBase:
    body = services.open_output(_actor(request, job_id), job_id, path)
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    size = body.seek(0, SEEK_END)
    return attachment(PurePosixPath(path).name, kind, Slice(body, 0, size), headers={"Content-Length": str(size)})
