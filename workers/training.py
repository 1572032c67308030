"""Training jobs: started by their spec, watched by the watcher, settled on the seconds they ran."""

from decimal import Decimal
from typing import Any

from portal.cloud.errors import CloudError
from portal.cloud.ports import Caller, Cloud, Runner, RunStatus
from portal.cloud.registry import connect
from portal.costs import services as costs
from portal.operations.models import Operation
from portal.training import plans, services
from workers.actors import owner_as_actor


class RunTraining:
    """A RemoteKind."""

    def runner(self, cloud: Cloud) -> Runner:
        return cloud.training

    def start(self, operation: Operation, cloud: Cloud) -> str:
        """Planned anew: rights may have ended since the launch, and tables may lie elsewhere."""
        plan = plans.plan(owner_as_actor(operation), services.request_of(operation))
        return cloud.training.start(plan.spec, operation.token)

    def finish(self, operation: Operation, cloud: Cloud, status: RunStatus) -> dict[str, Any]:
        """Seconds, exit code and the last value of each metric."""
        facts = status.facts
        metrics = facts.get("metrics") or {}
        assert isinstance(metrics, dict)
        return {
            "seconds": facts.get("seconds"),
            "exit_code": facts.get("exit_code"),
            "metrics": {name: value for name, value in metrics.items() if name != "baseline"},
            "baseline": metrics.get("baseline"),
        }

    def settle(self, operation: Operation) -> None:
        """Seconds that it ran, at the machine's price; nothing where it never started."""
        cloud = connect(operation.connection, Caller(operation.team.slug, operation.owner.username))
        asked = services.request_of(operation)
        per_hour, like = _price(cloud, asked.instance_type)
        seconds = Decimal(str(operation.result.get("seconds") or 0)).quantize(Decimal("0.1"))
        amount = (per_hour * seconds / 3600 * asked.instance_count).quantize(Decimal("0.000000001"))
        lines = [f"{seconds} s × ${per_hour.normalize():f} an hour{f' ({like} on AWS)' if like else ''}"]
        if asked.instance_count > 1:
            lines.append(f"{asked.instance_count} machines")
        if not cloud.prices.charges:
            lines.append("This machine is your own: nothing is charged.")
        costs.settle(operation, amount, amount if cloud.prices.charges else Decimal(0), lines)


def _price(cloud: Cloud, name: str) -> tuple[Decimal, str]:
    """Dollars an hour of an instance type, and the AWS type that stands for a machine of one's own."""
    try:
        machines = {machine.name: machine for machine in cloud.prices.instance_types()}
    except CloudError:
        return Decimal(0), ""
    machine = machines.get(name)
    if machine is None:
        return Decimal(0), ""
    if machine.usd_per_hour is not None:
        return machine.usd_per_hour, ""
    like = machines.get(machine.like)
    return (like.usd_per_hour or Decimal(0), like.name) if like else (Decimal(0), "")
