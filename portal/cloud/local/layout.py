"""Where the local cloud keeps what it has: one folder an alias, the same on every start.

buckets/<bucket>/…        objects (store.py)
uploads/<id>/…            uploads in parts (store.py)
catalog.sqlite3           databases, tables, partitions (catalog.py)
results/<ref>.parquet     results of queries (sql.py)
runs/<ref>.json           one record a query, by its ref (server.py)
jobs/<ref>/…              one folder a training job (jobs.py)
journal.jsonl             append-only: what was accepted, started, ended (journal below)
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The paths of one local cloud under `root`. The socket may lie elsewhere: its path must stay under 108 bytes."""

    root: Path
    socket: Path

    @property
    def buckets(self) -> Path:
        return self.root / "buckets"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def catalog(self) -> Path:
        return self.root / "catalog.sqlite3"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def scratch(self) -> Path:
        return self.root / "scratch"

    @property
    def journal_file(self) -> Path:
        return self.root / "journal.jsonl"

    def make(self) -> "Layout":
        """Create the folders, readable by their owner alone."""
        for folder in (self.root, self.buckets, self.uploads, self.results, self.runs, self.jobs, self.scratch):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def journal(self, event: str, ref: str, token: str, kind: str) -> None:
        """Append one line durably. `event` is accepted, started or ended; it is what crash tests and audits read."""
        line = {"at": datetime.now(UTC).isoformat(), "event": event, "kind": kind, "ref": ref, "token": token}
        descriptor = os.open(self.journal_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_durably(path: Path, data: bytes) -> None:
    """Write a small file so that a reader, or a crash, sees the old bytes or the new: temporary, fsync, rename,
    fsync."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
