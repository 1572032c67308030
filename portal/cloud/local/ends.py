"""How a child's task ended, in words for people."""

import signal
from typing import Any

from portal.cloud.errors import CloudError, Failure
from portal.cloud.local.children import ChildGone
from portal.cloud.local.failures import MEMORY, TIME
from portal.cloud.local.wire import error_from_json
from portal.cloud.ports import RunState, RunStatus

_OUT_OF_TIME = (signal.SIGXCPU, signal.SIGALRM)
_OUT_OF_MEMORY = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS)
"""The kernel kills what the machine has no memory for; a library that cannot allocate aborts or falls over."""


def end_of_process(error: ChildGone | TimeoutError) -> Failure:
    """Why there is no answer: over its time, out of memory, or a defect."""
    if isinstance(error, TimeoutError) or error.signal in _OUT_OF_TIME:
        return TIME
    if error.signal in _OUT_OF_MEMORY:
        return MEMORY
    return Failure("GENERIC_INTERNAL_ERROR", "The query ended unexpectedly. Run it again; tell an admin if it repeats.")


def end_without_answer(ref: str, error: ChildGone | TimeoutError) -> RunStatus:
    """The end of a query whose child gave none: lost where it was not its own fault."""
    if isinstance(error, ChildGone) and error.lost:
        return RunStatus(ref, RunState.LOST)
    return RunStatus(ref, RunState.FAILED, failure=end_of_process(error))


def end_of_work(ref: str, answer: dict[str, Any]) -> RunStatus:
    """The end that a child's answer tells."""
    if "answer" in answer:
        return RunStatus(ref, RunState.SUCCEEDED, progress=1.0, facts=answer["answer"])
    if "failure" in answer:
        return RunStatus(ref, RunState.FAILED, failure=Failure(**answer["failure"]))
    error: CloudError = error_from_json(answer["error"])
    return RunStatus(ref, RunState.FAILED, failure=Failure(error.code, error.message))
