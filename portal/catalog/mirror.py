"""The mirror: what a provider's catalog says, kept in the portal's tables so that no page waits for a cloud.

Written here alone, in the same worker step as the change itself. Owner, tags, visibility and description are the
portal's own and stay as they are.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.catalog.models import Database, Table, TableFiles
from portal.cloud import ports
from portal.sql.stats import TableStats


@dataclass
class _Sums:
    """What the files of a table come to. `rows` is None where one file does not say."""

    rows: int | None = 0
    bytes: int = 0
    files: int = 0

    def over(self, facts: Iterator[ports.FileFacts]) -> Iterator[ports.FileFacts]:
        """The same facts, added up as they pass: there may be too many to keep."""
        for one in facts:
            self.rows = None if self.rows is None or one.rows is None else self.rows + one.rows
            self.bytes += one.size
            self.files += 1
            yield one


def sync(
    cloud: ports.Cloud,
    database: Database,
    table: ports.Table,
    owner: User | None = None,
    inference: ports.Inference | None = None,
) -> Table:
    """Write one table as the provider has it, with what its files say, in one step. `owner` counts only for a table
    that is new to the mirror. `inference` gives the rows, and those that did not fit, where files do not say
    themselves. Raises CloudError."""
    sums = _Sums()
    stats = TableStats.from_files(sums.over(cloud.catalog.files(table.database, table.name)))
    partitions = len(cloud.catalog.partitions(table.database, table.name)) if table.partition_keys else 0
    fields: dict[str, Any] = {
        "location": table.location,
        "format": table.format,
        "options": table.options,
        "columns": [asdict(column) for column in table.columns],
        "partition_keys": [asdict(column) for column in table.partition_keys],
        "version": table.version,
        "rows": inference.rows if sums.rows is None and inference else sums.rows,
        "bytes": sums.bytes,
        "files": sums.files,
        "partitions": partitions,
        "bad_rows": asdict(inference.bad_rows) if inference else {},
        "synced_at": timezone.now(),
    }
    with transaction.atomic():
        row, _ = Table.objects.update_or_create(
            database=database, name=table.name, defaults=fields, create_defaults={**fields, "owner": owner}
        )
        TableFiles.objects.update_or_create(table=row, defaults={"version": table.version, "stats": stats.to_json()})
    return row
