"""A new training job on one page: data, code, machine, with the most that it can cost always in view."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from portal.access.model import Actor
from portal.catalog import services as catalog
from portal.cloud.errors import Rejected
from portal.datasets.stored import ensure_bucket, store
from portal.problems import Conflict, Invalid
from portal.training import services
from portal.training.services import Input, Request
from portal.web.pages import PageRequest, go, page

INPUTS = 3
ENDINGS = (".py", ".zip", ".tar.gz")


@require_http_methods(["GET", "POST"])
@page("training")
def new(request: PageRequest) -> HttpResponse:
    """The form; `?from=` fills it with what another job was asked, `?table=` with its data. POST launches."""
    actor = request.actor
    if request.method == "GET":
        return render(request, "training/new.html", _frame(actor, _start(actor, request.GET)))
    values = request.POST.dict()
    try:
        asked = _request(request.POST, _script(request))
        operation = services.launch(actor, asked)
    except (Invalid, Conflict, Rejected) as error:
        context = {**_frame(actor, values), "problem": error.message}
        return render(request, "training/new.html", context, status=422)
    return go(request, f"/training/{operation.pk}")


@require_POST
@page("training")
def estimate(request: PageRequest) -> HttpResponse:
    """The price, as one chooses. What is still missing is said beside it."""
    problem = ""
    try:
        asked = _request(request.POST, None)
    except Invalid as error:
        return render(request, "training/_price.html", {"problem": error.message})
    try:
        expected = services.estimate(request.actor, asked)
    except (Invalid, Rejected) as error:
        problem = error.message
        try:
            expected = services.price(request.actor, asked)
        except Invalid as without:
            return render(request, "training/_price.html", {"problem": without.message})
    return render(request, "training/_price.html", {"estimate": expected, "problem": problem})


def _start(actor: Actor, query: Mapping[str, str]) -> dict[str, str]:
    """What the form begins with."""
    template = services.templates()[0]
    if job := query.get("from"):
        return _values(services.clone(actor, job))
    values = {"code": template.name, "instance_type": "local.cpu", "hours": "1", "channel1": "train"}
    example: dict[str, str] = next(iter(template.example.get("inputs", [])), {})
    wanted = query.get("table") or example.get("table", "")
    if any(f"{k.table.database.name}.{k.table.name}" == wanted for k in catalog.tables(actor) if k.may_read):
        values["data1"] = f"table:{wanted}"
    return values


def _values(kept: Request) -> dict[str, str]:
    """A request as the form's fields."""
    values = {
        "name": kept.name, "code": kept.template or "own", "entry_point": kept.entry_point,
        "source": f"s3://{kept.source_bucket}/{kept.source_key}" if kept.source_key else "",
        "instance_type": kept.instance_type, "hours": f"{kept.max_runtime_s / 3600:g}",
        "own_hyperparameters": "\n".join(f"{name}={value}" for name, value in kept.hyperparameters.items()),
    }  # fmt: skip
    values |= {f"hp.{name}": value for name, value in kept.hyperparameters.items()}
    for number, item in enumerate(kept.inputs[:INPUTS], 1):
        values[f"channel{number}"] = item.channel
        values[f"data{number}"] = f"table:{item.table}" if item.table else f"s3://{item.bucket}/{item.prefix}"
    return values


def _frame(actor: Actor, values: dict[str, str]) -> dict[str, Any]:
    """Everything there is to choose from, with what is chosen."""
    tables = [
        f"{k.table.database.name}.{k.table.name}" for k in catalog.tables(actor) if k.may_read and not k.hidden_count
    ]
    inputs = [(n, values.get(f"channel{n}", ""), values.get(f"data{n}", "")) for n in range(1, INPUTS + 1)]
    templates = [
        {
            "template": one,
            "fields": [(field, values.get(f"hp.{field.name}", field.default)) for field in one.hyperparameters],
        }
        for one in services.templates()
    ]
    machines = services.instance_types(actor)
    return {
        "values": values,
        "tables": tables,
        "inputs": inputs,
        "templates": templates,
        "machines": machines,
        "usable": [machine for machine in machines if machine.available],
        "others": [machine for machine in machines if not machine.available],
    }


def _script(request: PageRequest) -> tuple[str, str] | None:
    """A script that came with the form, kept in the team's bucket: (bucket, key)."""
    sent = request.FILES.get("script")
    if sent is None or request.POST.get("code") != "own":
        return None
    name = PurePosixPath(sent.name or "").name
    if not name.endswith(ENDINGS):
        raise Invalid.field("script", "A script is a .py file, or a .zip or .tar.gz with all that it needs.")
    bucket, key = ensure_bucket(request.actor), f"scripts/{name}"
    store(request.actor, bucket, key, cast(BinaryIO, sent.file), sent.size or 0)
    return bucket, key


def _request(form: Mapping[str, str], stored: tuple[str, str] | None) -> Request:
    """The form as a request. Invalid where a field is not what it should be."""
    code = form.get("code", "")
    own = code == "own"
    bucket, key = stored or _location(form.get("source", "")) if own else ("", "")
    try:
        seconds = round(float(form.get("hours") or 1) * 3600)
    except (ValueError, OverflowError):
        raise Invalid.field("hours", "The longest time is a number of hours.") from None
    entry = form.get("entry_point", "").strip() or (key.rpartition("/")[2] if key.endswith(".py") else "")
    return Request(
        name=form.get("name", "").strip(),
        template="" if own else code,
        source_bucket=bucket,
        source_key=key,
        entry_point=entry if own else "",
        inputs=tuple(_inputs(form)),
        hyperparameters=_own_hyperparameters(form.get("own_hyperparameters", ""))
        if own
        else _template_values(form, code),
        instance_type=form.get("instance_type", ""),
        max_runtime_s=seconds,
    )


def _inputs(form: Mapping[str, str]) -> list[Input]:
    found = []
    for number in range(1, INPUTS + 1):
        channel, data = form.get(f"channel{number}", "").strip(), form.get(f"data{number}", "").strip()
        if not data:
            continue
        if data.startswith("table:"):
            found.append(Input(channel or "train", table=data.removeprefix("table:")))
        elif data.startswith("s3://"):
            bucket, prefix = _location(data)
            found.append(Input(channel or "train", bucket=bucket, prefix=prefix))
        else:
            found.append(Input(channel or "train", table=data))
    return found


def _location(text: str) -> tuple[str, str]:
    bucket, _, key = text.strip().removeprefix("s3://").partition("/")
    return bucket, key


def _template_values(form: Mapping[str, str], template: str) -> dict[str, str]:
    known = next((one for one in services.templates() if one.name == template), None)
    names = [field.name for field in known.hyperparameters] if known else []
    return {name: form[f"hp.{name}"] for name in names if form.get(f"hp.{name}", "") != ""}


def _own_hyperparameters(text: str) -> dict[str, str]:
    """Lines of name=value."""
    found = {}
    for line in filter(str.strip, text.splitlines()):
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise Invalid.field("own_hyperparameters", f"“{line.strip()[:60]}” is not of the form name=value.")
        found[name.strip()] = value.strip()
    return found
