"""SqlEngine on the local cloud: asks the server to run, and reads results where they lie."""

import re
from collections.abc import Sequence
from typing import BinaryIO

from portal.cloud.errors import NotFound
from portal.cloud.local.client import Client
from portal.cloud.local.layout import Layout
from portal.cloud.local.wire import spec_to_json, status_from_json
from portal.cloud.ports import RunStatus, SqlSpec

_SPARE_SECONDS = 15.0  # for the way there and back, beyond what is waited for
_REF = re.compile(r"q-[0-9a-f]{40}")


class LocalSql:
    """Athena SQL by the local cloud's server."""

    def __init__(self, layout: Layout, client: Client) -> None:
        self._layout = layout
        self._client = client

    def start(self, spec: SqlSpec, token: str) -> str:
        """As SqlEngine.start. Rejected(TABLE_CHANGED) where a table is no longer at the version given."""
        ref: str = self._client.call("sql.start", {"spec": spec_to_json(spec), "token": token})
        return ref

    def poll(self, refs: Sequence[str], wait: float = 0.0) -> Sequence[RunStatus]:
        """As Runner.poll; the server holds the answer, for 60 seconds at most."""
        params = {"refs": list(refs), "wait": wait}
        return [status_from_json(status) for status in self._client.call("sql.poll", params, wait + _SPARE_SECONDS)]

    def stop(self, ref: str) -> None:
        """As Runner.stop."""
        self._client.call("sql.stop", {"ref": ref})

    def open_result(self, ref: str) -> BinaryIO:
        """As SqlEngine.open_result. Row groups hold 50,000 rows; columns are in order, their names unique."""
        if _REF.fullmatch(ref):
            try:
                return open(self._layout.results / f"{ref}.parquet", "rb")
            except FileNotFoundError:
                pass
        raise NotFound("The result of this query is not there any more. Run the query again.")

    def delete_result(self, ref: str) -> None:
        """As SqlEngine.delete_result. What is known of the query stays."""
        if _REF.fullmatch(ref):
            (self._layout.results / f"{ref}.parquet").unlink(missing_ok=True)
