"""What a statement will read and cost, before it runs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.cloud.ports import PriceBook
from portal.costs.services import plain
from portal.sql import ScanEstimate, TableScan

TB = 10**12  # https://aws.amazon.com/athena/pricing/ bills decimal terabytes


@dataclass(frozen=True)
class ScanPrice:
    """The price of scanning at one connection on one day, as it is kept with a query until it is settled."""

    usd_per_tb: Decimal
    minimum_bytes: int
    as_of: date
    charges: bool

    def billed(self, size: int) -> int:
        """Bytes billed for `size` bytes read from tables: at least the minimum."""
        return max(size, self.minimum_bytes)

    def usd(self, billed: int) -> Decimal:
        return Decimal(billed) / TB * self.usd_per_tb

    def arithmetic(self, size: int, billed: int) -> list[str]:
        """How the amount came about, as lines for people."""
        lines = [f"{size:,} bytes read"]
        if billed != size:
            lines.append(f"billed as {billed:,} bytes, the least that a query over tables is billed")
        lines.append(
            f"{billed:,} bytes × {plain(self.usd_per_tb)} USD per TB = {plain(self.usd(billed))} USD at list price"
        )
        if not self.charges:
            lines.append("nothing is charged on this connection")
        return lines

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "usd_per_tb": str(self.usd_per_tb), "as_of": self.as_of.isoformat()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ScanPrice":
        return cls(
            **{**data, "usd_per_tb": Decimal(data["usd_per_tb"]), "as_of": date.fromisoformat(data["as_of"])},
        )

    @classmethod
    def of(cls, book: PriceBook, charges: bool) -> "ScanPrice":
        return cls(book.scan_usd_per_tb, book.scan_minimum_bytes, book.as_of, charges)


@dataclass(frozen=True)
class Advice:
    """A hint, and the USD that following it would save where that is known."""

    message: str
    saves_usd: Decimal | None


@dataclass(frozen=True)
class Estimate:
    """`bytes` will be read, at most where not `exact`; `billed_bytes` is what they count as; `usd` is at list price."""

    bytes: int
    billed_bytes: int
    usd: Decimal
    price_as_of: date
    exact: bool
    tables: tuple[TableScan, ...]
    warnings: tuple[Advice, ...]

    def as_json(self) -> dict[str, Any]:
        """As the API shows it (api.md)."""
        return {
            "bytes": self.bytes, "billed_bytes": self.billed_bytes, "usd": plain(self.usd), "exact": self.exact,
            "price_as_of": self.price_as_of.isoformat(),
            "tables": [{**table.__dict__, "columns": list(table.columns)} for table in self.tables],
            "warnings": [
                {"message": w.message, **({} if w.saves_usd is None else {"saves_usd": plain(w.saves_usd)})}
                for w in self.warnings
            ],
        }  # fmt: skip


def priced(scan: ScanEstimate, price: ScanPrice, tables: bool) -> Estimate:
    """A scan with its price. A statement over no `tables` is free."""
    billed = price.billed(scan.bytes) if tables else 0
    usd = price.usd(billed)
    advice = tuple(
        Advice(w.message, None if w.saves_bytes is None else usd - price.usd(price.billed(scan.bytes - w.saves_bytes)))
        for w in scan.warnings
    )
    return Estimate(scan.bytes, billed, usd, price.as_of, scan.exact, scan.tables, advice)
