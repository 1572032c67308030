"""An exception as what people are told."""

import logging

from portal.cloud.errors import CloudError, Failure
from portal.operations.models import Operation
from portal.problems import Problem
from portal.sql.model import SqlError

log = logging.getLogger(__name__)


def failure_of(error: Exception, operation: Operation) -> Failure:
    """What is theirs to mend in its own words; what is ours goes to the log in full, and to them in a sentence."""
    if isinstance(error, SqlError):
        return Failure(error.code, error.message, error.line, error.column)
    if isinstance(error, CloudError | Problem):
        log.warning("failed", extra={"operation": str(operation.id), "error": error.code, "why": error.message})
        return Failure(error.code.upper(), error.message)
    log.exception("defect", exc_info=error, extra={"operation": str(operation.id)})
    why = f"Something broke on our side, not on yours. An admin finds it in the log by {operation.id}."
    return Failure("INTERNAL_ERROR", why)
