"""CONNECTIONS, as Django has DATABASES: an alias names a provider and its options; connect() opens it for a caller."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any, cast

from portal.cloud.errors import Rejected
from portal.cloud.ports import Caller, Cloud

PROVIDERS = {"local": "portal.cloud.local.connect"}  # imported on first use: an SDK is paid for only where it is used


class Registry:
    """The connections of one site. Holds configuration alone; what connect() answers is cheap and made anew."""

    def __init__(self, connections: Mapping[str, Mapping[str, Any]]) -> None:
        self._connections = connections

    def aliases(self) -> list[str]:
        return sorted(self._connections)

    def describe(self, alias: str) -> Mapping[str, Any]:
        """The options of one connection. Rejected(UNKNOWN_CONNECTION)."""
        try:
            return self._connections[alias]
        except KeyError:
            known = ", ".join(self.aliases())
            raise Rejected("UNKNOWN_CONNECTION", f"There is no connection “{alias}”. This site has: {known}.") from None

    def connect(self, alias: str, caller: Caller) -> Cloud:
        """Open a connection for a caller. Makes no call to the cloud by itself."""
        options = self.describe(alias)
        return _factory(options["provider"])(alias, options, caller)


@lru_cache
def _factory(provider: str) -> Callable[[str, Mapping[str, Any], Caller], Cloud]:
    module, _, name = PROVIDERS[provider].rpartition(".")
    return cast(Callable[[str, Mapping[str, Any], Caller], Cloud], getattr(import_module(module), name))


def connect(alias: str, caller: Caller) -> Cloud:
    """Open a connection of settings.CONNECTIONS."""
    from django.conf import settings  # here, so that a provider's own server needs no Django

    return Registry(settings.CONNECTIONS).connect(alias, caller)
