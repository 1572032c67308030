"""The end of an operation and what it cost, in one transaction: either both are written or neither."""

from typing import Any

from django.db import transaction

from portal.cloud.errors import Failure
from portal.operations import kinds, ledger
from portal.operations.models import Operation, State


def conclude(
    operation: Operation,
    state: State,
    *,
    holder: str = "",
    result: dict[str, Any] | None = None,
    failure: Failure | None = None,
) -> bool:
    """Write the end and settle. True exactly once an operation, whoever tries."""
    with transaction.atomic():
        if not ledger.ended(operation, state, holder=holder, result=result, failure=failure):
            return False
        kinds.load(operation.kind).settle(operation)
    return True


def cancel(operation: Operation) -> None:
    """Ask for the end; what nobody had begun ends, and settles, at once."""
    with transaction.atomic():
        if ledger.request_cancel(operation):
            kinds.load(operation.kind).settle(operation)
