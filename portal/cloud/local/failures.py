"""Limits that a query can reach, in words for people."""

from portal.cloud.errors import Failure

MEMORY = Failure(
    "EXCEEDED_MEMORY_LIMIT",
    "The query needed more memory than it may use. Read fewer columns or rows, or aggregate before you join or sort.",
)
TIME = Failure(
    "EXCEEDED_TIME_LIMIT",
    "The query ran longer than it may. Filter on a partition key, or look for a join without a condition.",
)
RESULT = Failure(
    "EXCEEDED_RESULT_SIZE",
    "The result is larger than it may be. Select fewer columns, aggregate, or add a LIMIT.",
)
DISK = Failure(
    "EXCEEDED_SPILL_LIMIT",
    "The query needed more space for intermediate data than there is. Aggregate or filter before you join or sort.",
)
