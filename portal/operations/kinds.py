"""The kinds of operation, each by the dotted name of what carries it out. This table is all that the ledger knows of
features."""

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol, cast

from portal.cloud.ports import Cloud, Runner, RunStatus
from portal.operations.models import Operation

KINDS = {
    "query.run": "workers.queries.RunQuery",
    "training.run": "workers.training.RunTraining",
    "table.create": "workers.catalog.CreateTable",
    "table.refresh": "workers.catalog.RefreshTable",
    "table.infer": "workers.catalog.InferTable",
}


class RemoteKind(Protocol):
    """Work that a cloud runs: start, poll and stop are apart, and the cloud keeps the ref."""

    def runner(self, cloud: Cloud) -> Runner:
        """The port that polls and stops it."""

    def start(self, operation: Operation, cloud: Cloud) -> str:
        """Begin by `operation.token`; the answer is the ref. Idempotent by token."""

    def finish(self, operation: Operation, cloud: Cloud, status: RunStatus) -> dict[str, Any]:
        """What the row's `result` is to be, however it ended. Idempotent; called before the end is written."""

    def settle(self, operation: Operation) -> None:
        """In the transaction that wrote the end: what it cost. Called exactly once."""


class WorkerKind(Protocol):
    """Work that a worker does by itself in seconds to minutes, under a lease that it renews. Must be idempotent:
    after a
    crash it is carried out again from the start."""

    def carry_out(self, operation: Operation, cloud: Cloud, progress: Callable[[float], None]) -> dict[str, Any]:
        """Do it; the answer is the row's `result`. Raises CloudError or Problem where it fails."""

    def settle(self, operation: Operation) -> None:
        """As RemoteKind.settle."""


@lru_cache
def load(kind: str) -> RemoteKind | WorkerKind:
    """The implementation of a kind, imported on first use."""
    module, _, name = KINDS[kind].rpartition(".")
    return cast(RemoteKind | WorkerKind, getattr(import_module(module), name)())


def is_remote(implementation: RemoteKind | WorkerKind) -> bool:
    """Does a cloud run it (True), or the worker itself?"""
    return hasattr(implementation, "runner")
