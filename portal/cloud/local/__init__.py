"""The embedded cloud: files, an SQL engine and processes of this machine, owned by one server (`python -m …local`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portal.cloud.ports import Caller, Cloud


def connect(alias: str, options: Mapping[str, Any], caller: Caller) -> Cloud:
    """Open a connection of provider `local`. Options: `root`, the folder of its data; `socket`, where its server
    listens; `region`, whose list prices are shown (us-east-1). The caller is not needed here: the machine has one
    user."""
    # Here, so that the server and its children load only their own part.
    from portal.cloud.local.catalog import LocalCatalog
    from portal.cloud.local.client import Client
    from portal.cloud.local.layout import Layout
    from portal.cloud.local.prices import LocalPrices
    from portal.cloud.local.sql import LocalSql
    from portal.cloud.local.store import LocalStore
    from portal.cloud.local.training import LocalTrainer

    del caller
    layout = Layout(Path(options["root"]), Path(options["socket"]))
    client = Client(layout.socket)
    store = LocalStore(layout)
    region = options.get("region", "us-east-1")
    return Cloud(
        alias=alias,
        provider="local",
        region=region,
        store=store,
        catalog=LocalCatalog(layout, store, client),
        sql=LocalSql(layout, client),
        training=LocalTrainer(layout, client),
        prices=LocalPrices(region),
    )
