"""From what a person asked for to what will run and at most cost: checked against rights, templates and machines."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath

from portal.access.decide import require
from portal.access.model import Action, Actor
from portal.accounts.models import Team
from portal.accounts.services import team_resource
from portal.catalog import services as catalog
from portal.cloud.ports import Caller, Channel, InstanceType, PriceBook, TrainingSpec
from portal.cloud.registry import connect
from portal.datasets import services as datasets
from portal.problems import Denied, Invalid
from portal.training.templates import Template, template

RUNTIME_MAX = 5 * 24 * 3600  # seconds: SageMaker's longest by default is 5 days
ENTRY_POINT = "train.py"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
OUTSIDE_NAME = re.compile(r"[^A-Za-z0-9 ._-]")
CHANNEL = re.compile(r"[A-Za-z0-9_-]{1,64}")
SOURCES = (".py", ".zip", ".tar.gz")
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html, HyperParameters
HYPERPARAMETERS_MAX = 100
HYPERPARAMETER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,255}")
HYPERPARAMETER_VALUE = re.compile(r"[^\0\r\n\ud800-\udfff]{0,2500}")
# What scripts of one's own are read for in their logs: `name=value` and `name: value`, as people print them.
OWN_METRICS = {
    name: rf"(?:^|[\s,;{{(\"'])(?:{pattern})[\"']?\s*[=:]\s*([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
    for name, pattern in {
        "accuracy": "accuracy|acc",
        "loss": "loss|train_loss",
        "val_accuracy": "val_accuracy|val_acc",
        "val_loss": "val_loss",
        "f1": "f1|macro_f1",
        "rmse": "rmse",
        "mae": "mae",
    }.items()
}


@dataclass(frozen=True)
class Input:
    """One input as asked for: a prefix of a bucket, or a table (`database.table`)."""

    channel: str
    bucket: str = ""
    prefix: str = ""
    table: str = ""


@dataclass(frozen=True)
class Request:
    """A training job as asked for: a template, or a source of one's own (`bucket`, `key` of a .py or an archive)."""

    inputs: tuple[Input, ...] = ()
    name: str = ""
    template: str = ""
    image: str = ""
    source_bucket: str = ""
    source_key: str = ""
    entry_point: str = ""
    hyperparameters: dict[str, str] = field(default_factory=dict)
    instance_type: str = "local.cpu"
    instance_count: int = 1
    spot: bool = False
    max_runtime_s: int = 3600


@dataclass(frozen=True)
class Estimate:
    """The most it can cost at list price, and what of that is charged; with the arithmetic in words."""

    list_usd: Decimal
    charged_usd: Decimal
    usd_per_hour: Decimal
    hours: Decimal
    arithmetic: str
    price_as_of: str


@dataclass(frozen=True)
class Plan:
    """What will run, and what it can cost."""

    spec: TrainingSpec
    title: str
    estimate: Estimate
    book: PriceBook
    charges: bool


def plan(actor: Actor, request: Request) -> Plan:
    """Check everything and say what would run. Invalid, Denied or Missing with the field at fault."""
    team = Team.objects.get(slug=actor.team) if actor.team else None
    if team is None:
        raise Denied("You are in no team. Ask an admin for an invitation.")
    require(actor, Action.TRAIN, team_resource(team))
    shipped = template(request.template) if request.template else None
    machine = machine_of(actor, request)
    source = f"template:{shipped.name}" if shipped else own_source(actor, request)
    title = request.name or (shipped.title if shipped else OUTSIDE_NAME.sub("-", source.rpartition("/")[2])[:60])
    if request.name and not NAME.fullmatch(request.name):
        raise Invalid.field("name", "A name is 1 to 60 letters, digits, spaces, dots, hyphens and underscores.")
    spec = TrainingSpec(
        name=title,
        source=source,
        entry_point=shipped.entry_point if shipped else own_entry_point(request),
        channels=channels(actor, request, shipped),
        hyperparameters=hyperparameters(request, shipped),
        instance_type=request.instance_type,
        instance_count=request.instance_count,
        max_runtime_s=request.max_runtime_s,
        metrics=dict(shipped.metrics if shipped else OWN_METRICS),
    )
    prices = connect(actor.connection, Caller(actor.team, actor.username)).prices
    book = prices.book()
    return Plan(spec, title, price(actor, machine, request, book, prices.charges), book, prices.charges)


def machine_of(actor: Actor, request: Request) -> InstanceType:
    """The machine asked for, if it can be had. Invalid where not."""
    if not 1 <= request.max_runtime_s <= RUNTIME_MAX:
        raise Invalid.field("max_runtime_s", "The longest time is from 1 second to 5 days.")
    machines = {
        it.name: it for it in connect(actor.connection, Caller(actor.team, actor.username)).prices.instance_types()
    }
    machine = machines.get(request.instance_type)
    if machine is None or not machine.available:
        usable = ", ".join(it.name for it in machines.values() if it.available)
        raise Invalid.field("instance_type", f"“{request.instance_type}” cannot be had here. You can choose: {usable}.")
    if machine.like and request.instance_count != 1:
        raise Invalid.field("instance_count", "This is one machine. Several need a connection to AWS.")
    if machine.like and (request.spot or request.image):
        raise Invalid.field(
            "spot" if request.spot else "image", "Spot and images of one's own need a connection to AWS."
        )
    return machine


def own_source(actor: Actor, request: Request) -> str:
    """A script or archive that the actor may read."""
    if not request.source_bucket or not request.source_key.endswith(SOURCES):
        raise Invalid.field(
            "source", "Choose a template, or a source of your own in a bucket: a .py file, a .zip or a .tar.gz."
        )
    datasets.require_raw(actor, request.source_bucket, request.source_key)
    datasets.head_object(actor, request.source_bucket, request.source_key)
    return f"s3://{request.source_bucket}/{request.source_key}"


def own_entry_point(request: Request) -> str:
    """The file of the source that is run: a relative path of a .py file."""
    path = PurePosixPath(request.entry_point or ENTRY_POINT)
    if path.suffix != ".py" or path.is_absolute() or ".." in path.parts or path.parts[0].startswith("-"):
        raise Invalid.field("entry_point", f"“{path}” cannot be run. Name a .py file of the source: src/train.py.")
    return str(path)


def hyperparameters(request: Request, shipped: Template | None) -> dict[str, str]:
    """A template's are checked and completed by its defaults; one's own go as they are."""
    given = {name: str(value) for name, value in request.hyperparameters.items()}
    if len(given) > HYPERPARAMETERS_MAX:
        raise Invalid.field("hyperparameters", f"A job takes {HYPERPARAMETERS_MAX} hyperparameters at most.")
    for name, value in given.items():
        if not HYPERPARAMETER_NAME.fullmatch(name) or not HYPERPARAMETER_VALUE.fullmatch(value):
            raise Invalid.field(
                "hyperparameters",
                f"“{name[:60]}” cannot be passed on: a name has 1 to 256 letters, digits and . _ -, and a value is one "
                "line of 2,500 characters at most.",
            )
    if shipped is None:
        return given
    known = {item.name: item for item in shipped.hyperparameters}
    if unknown := sorted(set(given) - set(known)):
        raise Invalid.field(
            "hyperparameters", f"{shipped.title} has no {', '.join(unknown)}. It has: {', '.join(known)}."
        )
    return {name: item.checked(given.get(name, item.default)) for name, item in known.items()}


def channels(actor: Actor, request: Request, shipped: Template | None) -> tuple[Channel, ...]:
    """The inputs as prefixes that the actor may read whole."""
    names = [item.channel for item in request.inputs]
    if wrong := [name for name in names if not CHANNEL.fullmatch(name)]:
        raise Invalid.field("inputs", f"“{wrong[0][:60]}” cannot name an input: use letters, digits, - and _.")
    wanted = [item.channel for item in shipped.inputs] if shipped else []
    if missing := [name for name in wanted if name not in names]:
        raise Invalid.field("inputs", f"An input is missing: {', '.join(missing)}.")
    if len({name.upper() for name in names}) != len(names):  # each becomes a variable SM_CHANNEL_<NAME>
        raise Invalid.field("inputs", "Two inputs have the same name.")
    return tuple(_channel(actor, item) for item in request.inputs)


def _channel(actor: Actor, item: Input) -> Channel:
    if item.table:
        database, _, name = item.table.partition(".")
        known = catalog.get_table(actor, database, name)
        if not known.may_read or known.hidden_count:
            raise Denied(f"To train on {item.table} you need to read all of its columns. {known.decision.why}")
        bucket, _, prefix = known.table.location.removeprefix("s3://").partition("/")
        return Channel(item.channel, bucket, prefix)
    datasets.require_raw(actor, item.bucket, item.prefix)
    return Channel(item.channel, item.bucket, item.prefix)


def price(actor: Actor, machine: InstanceType, request: Request, book: PriceBook, charges: bool) -> Estimate:
    """The longest time at the machine's price; one's own machine at the price of the AWS type that is most like it."""
    per_hour = machine.usd_per_hour or _like(actor, machine)
    hours = (Decimal(request.max_runtime_s) / 3600).quantize(Decimal("0.0001"))
    most = (per_hour * hours * request.instance_count).quantize(Decimal("0.000001"))
    like = f" ({machine.like} on AWS)" if machine.like else ""
    arithmetic = f"{hours.normalize():f} h × ${per_hour.normalize():f}{like}"
    return Estimate(most, most if charges else Decimal(0), per_hour, hours, arithmetic, book.as_of.isoformat())


def _like(actor: Actor, machine: InstanceType) -> Decimal:
    prices = connect(actor.connection, Caller(actor.team, actor.username)).prices
    return next(
        (it.usd_per_hour for it in prices.instance_types() if it.name == machine.like and it.usd_per_hour), Decimal(0)
    )
