"""The dated price book that ships with Skydeck: list prices of a region, read from `price_book.json`.

Athena bills what a query reads, 10 MB at least, by the TB: https://aws.amazon.com/athena/pricing/. Memory of a GPU is
that of one GPU. Spot prices change by the hour and are not kept here.
"""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from portal.cloud.errors import Rejected
from portal.cloud.ports import InstanceType, PriceBook

_FILE = Path(__file__).with_name("price_book.json")


@dataclass(frozen=True)
class RegionPrices:
    """The book of a region, and its machines by price; `available` is for a provider to say."""

    book: PriceBook
    instances: tuple[InstanceType, ...]


@cache
def prices_of(region: str) -> RegionPrices:
    """The prices of a region. Rejected(NO_PRICES) where the book has none for it."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    if region not in data["regions"]:
        known = ", ".join(sorted(data["regions"]))
        raise Rejected("NO_PRICES", f"There are no list prices for the region “{region}”. The price book has: {known}.")
    prices = data["regions"][region]
    book = PriceBook(
        region=region,
        as_of=date.fromisoformat(data["as_of"]),
        source=data["source"],
        scan_usd_per_tb=Decimal(prices["scan_usd_per_tb"]),
        scan_minimum_bytes=prices["scan_minimum_bytes"],
        storage_usd_per_gb_month=Decimal(prices["storage_usd_per_gb_month"]),
    )
    instances = sorted(
        (_instance(entry) for entry in prices["instances"]), key=lambda it: it.usd_per_hour or Decimal(0)
    )
    return RegionPrices(book, tuple(instances))


def _instance(entry: dict[str, Any]) -> InstanceType:
    return InstanceType(
        name=entry["name"],
        vcpus=entry["vcpus"],
        memory_gib=float(entry["memory_gib"]),
        gpus=entry.get("gpus", 0),
        gpu=entry.get("gpu", ""),
        gpu_memory_gib=float(entry.get("gpu_memory_gib", 0)),
        available=False,
        usd_per_hour=Decimal(entry["usd_per_hour"]),
        spot_usd_per_hour=None,
    )
