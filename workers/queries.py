"""What a query is for a worker: gated once more with the rights as they are now, begun, and settled on what it read."""

from decimal import Decimal
from typing import Any

from django.conf import settings

from portal.access.decide import require
from portal.access.model import Action, Resource
from portal.accounts.services import actor_of
from portal.cloud.errors import Rejected
from portal.cloud.ports import Cloud, Limits, Runner, RunStatus, SqlSpec
from portal.costs.services import settle
from portal.operations.models import Operation, State
from portal.queries.estimates import ScanPrice
from portal.queries.gate import Passed, Read, examine


class RunQuery:
    """RemoteKind `query.run`; params and result as portal/queries/services.py writes and reads them."""

    def runner(self, cloud: Cloud) -> Runner:
        return cloud.sql

    def start(self, operation: Operation, cloud: Cloud) -> str:
        """SqlError, Denied or Rejected where rights or tables are no longer what they were at the launch."""
        spec = SqlSpec(
            sql=(passed := _gated(operation)).restricted,
            database=operation.params["database"],
            reads=passed.opens,
            limits=Limits(settings.QUERY_SECONDS, settings.QUERY_MEMORY_BYTES, settings.QUERY_RESULT_BYTES),
        )
        return cloud.sql.start(spec, operation.token)

    def finish(self, operation: Operation, cloud: Cloud, status: RunStatus) -> dict[str, Any]:
        facts = status.facts
        found: dict[str, Any] = {name: facts[name] for name in ("bytes_scanned", "seconds") if name in facts}
        if status.failure is None and "columns" in facts:
            found.update(rows=facts["rows"], columns=facts["columns"], ref=status.ref)
        return found

    def settle(self, operation: Operation) -> None:
        """As Athena bills: what was read, a stopped query too, a failed one not."""
        price = ScanPrice.from_json(operation.params["price"])
        size = int(operation.result.get("bytes_scanned", 0))
        if operation.state == State.FAILED or not operation.params["reads"]:
            billed = 0
        else:
            billed = price.billed(size) if size or operation.state == State.SUCCEEDED else 0
        usd = price.usd(billed)
        lines = price.arithmetic(size, billed) if billed else ["nothing is billed for it"]
        settle(operation, usd, usd if price.charges else Decimal(0), lines)


def _gated(operation: Operation) -> Passed:
    """The user's own text through the gate again. A table that has grown since is fine; one whose columns have
    changed what the statement shows is refused, since its estimate and its result's rights were decided on the old."""
    params = operation.params
    actor = actor_of(operation.owner, operation.team.slug)
    if not params.get("preview"):
        require(actor, Action.QUERY, Resource("team", actor.team, operation.connection, actor.team))
    passed = examine(actor, params["sql"], params["database"], params["parameters"])
    before = [Read.from_json(read).shows for read in params["reads"]]
    if [read.shows for read in passed.reads] != before:
        raise Rejected("TABLE_CHANGED", "A table it reads changed since you asked. Look at its price and run it again.")
    return passed
