"""The verbs on queries: what one would read and cost, run it, list, preview. Its rows and files are in results.py and
downloads.py, saved ones in saved.py."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portal.access.decide import require
from portal.access.model import Action, Actor, Resource
from portal.accounts.models import Team, User
from portal.catalog import services as catalog
from portal.cloud.ports import Caller, Prices
from portal.cloud.registry import connect
from portal.costs.models import Cost
from portal.costs.services import hold, plain
from portal.operations import events, ledger
from portal.operations import services as operations
from portal.operations.models import ENDED, Operation, State
from portal.problems import Denied, Invalid
from portal.queries import downloads, results
from portal.queries.estimates import Estimate, ScanPrice, priced
from portal.queries.gate import Passed, examine
from portal.sql import SqlError
from portal.sql.estimate import scan

KIND = "query.run"
PREVIEW_MAX = 1000  # rows of a preview: it is for looking, a query is for reading


def estimate(actor: Actor, sql: str, database: str, parameters: Sequence[str] = ()) -> Estimate:
    """What a statement would read and cost, under the actor's rights. SqlError with the place in the text."""
    return _estimated(actor, examine(actor, sql, database, parameters), _price(actor))


def _price(actor: Actor) -> ScanPrice:
    prices: Prices = connect(actor.connection, Caller(actor.team, actor.username)).prices
    return ScanPrice.of(prices.book(), prices.charges)


def _estimated(actor: Actor, passed: Passed, price: ScanPrice) -> Estimate:
    reads = passed.analysis.reads
    stats = catalog.table_stats(actor.connection, set(reads))
    return priced(scan(passed.analysis, stats, passed.rights), price, bool(reads))


# --- run --------------------------------------------------------------------------------------------------------------


def run(
    actor: Actor,
    sql: str,
    database: str,
    parameters: Sequence[str] = (),
    saved_query: uuid.UUID | None = None,
    max_usd: Decimal | None = None,
    idempotency: tuple[str, Any] | None = None,
    title: str = "",
) -> Operation:
    """Gate, estimate, hold, record: an operation of kind query.run. SqlError where it is refused, Invalid where it may
    cost more than `max_usd`, Denied(budget) where the team's budget is spent. `saved_query` is where it came from."""
    require(actor, Action.QUERY, Resource("team", actor.team, actor.connection, actor.team))
    if idempotency and (found := ledger.recorded(_owner(actor), *idempotency)):
        return found
    passed = examine(actor, sql, database, parameters)
    if missing := passed.analysis.statement.parameters:
        raise SqlError("INVALID_PARAMETER", f"The statement has {missing} ? and no values were given.")
    extra = {"saved_query": str(saved_query) if saved_query else None, "from_catalog": passed.from_catalog}
    title = title or " ".join(sql.split())
    return _launch(actor, sql, database, list(parameters), passed, title, extra, max_usd, idempotency)


def _launch(
    actor: Actor,
    sql: str,
    database: str,
    parameters: list[str],
    passed: Passed,
    title: str,
    extra: dict[str, Any],
    max_usd: Decimal | None = None,
    idempotency: tuple[str, Any] | None = None,
) -> Operation:
    price = _price(actor)
    expected = _estimated(actor, passed, price)
    if max_usd is not None and expected.usd > max_usd:
        cost, limit = plain(expected.usd), plain(max_usd)
        raise Invalid.field("max_usd", f"This would cost up to {cost} USD, more than your limit of {limit} USD.")
    params = {
        "sql": sql, "restricted": passed.restricted, "database": database, "parameters": parameters,
        "reads": [read.as_json() for read in passed.reads], "estimate": expected.as_json(), "price": price.as_json(),
        **extra,
    }  # fmt: skip
    with transaction.atomic():
        operation = ledger.record(
            kind=KIND, team=Team.objects.get(slug=actor.team), owner=_owner(actor), connection=actor.connection,
            params=params, title=title, idempotency=idempotency,
        )  # fmt: skip
        hold(
            operation, Cost.Service.QUERY, expected.usd, price_as_of=price.as_of, charges=price.charges,
            arithmetic=price.arithmetic(expected.bytes, expected.billed_bytes),
        )  # fmt: skip
    return operation


def _owner(actor: Actor) -> User:
    return User.objects.get(pk=actor.user_id)


def preview(actor: Actor, database: str, table: str, limit: int = 100) -> Operation:
    """The first rows of what the actor may see of a table: a gated SELECT like any other, so a reader without the right
    to write SQL has it too. The same one is given again as long as the table's version and the columns stand."""
    if not actor.team:
        raise Denied("A preview is run by a team, and you are in none. Ask an admin for an invitation.")
    known = catalog.readable(actor, database, table)
    limit = max(1, min(limit, PREVIEW_MAX))
    database, table = known.table.database.name, known.table.name
    names = ", ".join('"' + column["name"].replace('"', '""') + '"' for column in known.columns)
    sql = f'SELECT {names} FROM "{database}"."{table}" LIMIT {limit}'  # noqa: S608 - gated below like all text
    passed = examine(actor, sql, database)
    what = [actor.connection, sql, [read.as_json() for read in passed.reads]]
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    same = Operation.objects.select_related("team", "owner").filter(
        kind=KIND, team__slug=actor.team, connection=actor.connection, params__preview_key=key
    )
    if found := same.exclude(state__in=(State.FAILED, State.CANCELLED)).first():
        return found
    title = f"Preview of {database}.{table}"
    return _launch(actor, sql, database, [], passed, title, {"preview": True, "preview_key": key})


# --- see --------------------------------------------------------------------------------------------------------------


def get(actor: Actor, query_id: uuid.UUID | str) -> Operation:
    """One query that the actor may know of: their own, or one of their team. Missing."""
    return operations.get(actor, query_id, KIND)


def history(actor: Actor, mine: bool = False, state: str = "") -> QuerySet[Operation]:
    """Queries of the actor and their team, newest first, without previews."""
    rows = operations.visible(actor).filter(kind=KIND).exclude(params__has_key="preview").select_related("cost")
    if mine:
        rows = rows.filter(owner_id=actor.user_id)
    if state and state not in State.values:
        raise Invalid.field("state", f"A state is one of {', '.join(State.values)}.")
    return rows.filter(state=state) if state else rows


def cancel(actor: Actor, query_id: uuid.UUID | str) -> Operation:
    """Ask for its end."""
    return operations.cancel(actor, query_id, KIND)


def rows(actor: Actor, operation: Operation, offset: int = 0, limit: int = 100) -> results.Rows:
    """A page of the result; the rights on all that it shows are decided anew, each time."""
    return results.rows(actor, operation, offset, limit)


def download(actor: Actor, operation: Operation, format: str) -> tuple[str, str, Iterator[bytes]]:
    """The whole result as a file: its name, its content type, its bytes. Rights as for rows()."""
    return downloads.download(actor, operation, format)


def shown(operation: Operation) -> dict[str, Any]:
    """A query as clients see it: its operation and more (api.md, queries)."""
    params, result = operation.params, operation.result
    cost = Cost.objects.filter(operation=operation).first() if not hasattr(operation, "cost") else operation.cost
    ended = operation.state in ENDED
    return {
        **events.shown(operation), "url": f"/api/v1/queries/{operation.id}",
        "sql": params["sql"], "database": params["database"], "parameters": params["parameters"],
        "team": operation.team.slug, "owner": operation.owner.username, "saved_query": params.get("saved_query"),
        "columns": result.get("columns"), "rows": result.get("rows"), "seconds": result.get("seconds"),
        "bytes_scanned": result.get("bytes_scanned"), "estimate": params["estimate"],
        "list_usd": results.usd(cost.list_nano) if cost and ended else None,
        "charged_usd": results.usd(cost.charged_nano) if cost and ended else None,
    }  # fmt: skip
