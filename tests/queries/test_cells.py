"""Cells as api.md spells them, from arrow arrays as a result's Parquet gives them."""

import datetime as dt
import json
import math
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portal.queries.cells import EXACT, cells

UTC = dt.UTC


def naive(*parts: int) -> dt.datetime:
    """A timestamp without a zone, as Athena's `timestamp` is."""
    return dt.datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[misc, arg-type]


CASES: list[tuple[str, pa.DataType, list[Any], list[Any]]] = [
    ("boolean", pa.bool_(), [True, False, None], [True, False, None]),
    ("tinyint", pa.int8(), [-128, 127, None], [-128, 127, None]),
    ("integer", pa.int32(), [-(2**31), None], [-(2**31), None]),
    ("bigint within", pa.int64(), [EXACT, -EXACT, None], [EXACT, -EXACT, None]),
    (
        "bigint beyond",
        pa.int64(),
        [EXACT + 1, -EXACT - 1, 2**63 - 1],
        [str(EXACT + 1), str(-EXACT - 1), str(2**63 - 1)],
    ),
    ("double", pa.float64(), [0.1, -0.0, 1e300, None], [0.1, -0.0, 1e300, None]),
    ("not finite", pa.float64(), [math.nan, math.inf, -math.inf], ["NaN", "Infinity", "-Infinity"]),
    ("real", pa.float32(), [0.1, 16777216.0, math.nan, None], [0.1, 16777216.0, "NaN", None]),
    ("decimal", pa.decimal128(12, 2), [Decimal("1.50"), Decimal("-0.01"), None], ["1.50", "-0.01", None]),
    ("decimal of zeros", pa.decimal128(38, 10), [Decimal(0)], ["0.0000000000"]),
    ("decimal 38", pa.decimal128(38, 0), [Decimal("9" * 38)], ["9" * 38]),
    ("varchar", pa.string(), ["", "Zoë ☃", "\u0000", None], ["", "Zoë ☃", "\u0000", None]),
    ("varbinary", pa.binary(), [b"", b"\x00\xff", None], ["", "AP8=", None]),
    ("date", pa.date32(), [dt.date(2026, 11, 20), dt.date(1, 1, 1), None], ["2026-11-20", "0001-01-01", None]),
    (
        "timestamp",
        pa.timestamp("us"),
        [naive(2026, 11, 20, 13, 5), naive(1969, 12, 31, 23, 59, 59, 999999), None],
        ["2026-11-20 13:05:00.000", "1969-12-31 23:59:59.999", None],
    ),
    (
        "timestamp with time zone",
        pa.timestamp("us", tz="UTC"),
        [dt.datetime(2026, 11, 20, 13, 5, 0, 125000, tzinfo=UTC), None],
        ["2026-11-20 13:05:00.125 UTC", None],
    ),
    ("nanoseconds", pa.timestamp("ns"), [naive(2026, 1, 2)], ["2026-01-02 00:00:00.000"]),
    ("time", pa.time64("us"), [dt.time(13, 5, 0, 1500), None], ["13:05:00.001", None]),
    ("nothing but NULL", pa.null(), [None, None], [None, None]),
    ("array", pa.list_(pa.int64()), [[1, None, 2**60], [], None], [[1, None, str(2**60)], [], None]),
    (
        "array of arrays",
        pa.list_(pa.list_(pa.decimal128(3, 1))),
        [[[Decimal("1.5")], None, []], None],
        [[["1.5"], None, []], None],
    ),
    (
        "row",
        pa.struct([("a", pa.date32()), ("b", pa.float64())]),
        [{"a": dt.date(2026, 1, 1), "b": math.inf}, {"a": None, "b": 1.5}, None],
        [{"a": "2026-01-01", "b": "Infinity"}, {"a": None, "b": 1.5}, None],
    ),
    ("map", pa.map_(pa.string(), pa.int64()), [[("k", 1), ("l", None)], [], None], [{"k": 1, "l": None}, {}, None]),
    (
        "map with keys that are no text",
        pa.map_(pa.int32(), pa.list_(pa.binary())),
        [[(1, [b"a"]), (2, None)]],
        [{"1": ["YQ=="], "2": None}],
    ),
    ("map of booleans", pa.map_(pa.bool_(), pa.string()), [[(True, "x")]], [{"true": "x"}]),
    ("dictionary", pa.dictionary(pa.int32(), pa.string()), ["a", None, "a"], ["a", None, "a"]),
    ("fixed list", pa.list_(pa.int8(), 2), [[1, 2], None], [[1, 2], None]),
    ("large", pa.large_list(pa.large_string()), [["a"], None], [["a"], None]),
]


@pytest.mark.parametrize(("kind", "values", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_cells_of_a_type(kind: pa.DataType, values: list[Any], expected: list[Any]) -> None:
    found = cells(pa.array(values, kind))
    assert found == expected
    assert [type(cell) for cell in found] == [type(cell) for cell in expected]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(("kind", "values", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_cells_of_a_slice(kind: pa.DataType, values: list[Any], expected: list[Any]) -> None:
    """Offsets of nested arrays count from the start of the whole, not of the slice."""
    twice = pa.concat_arrays([pa.array(values, kind)] * 2)
    for start in range(len(values)):
        assert cells(twice.slice(start, len(values))) == (expected * 2)[start : start + len(values)]


def test_timestamps_beyond_the_year_9999_have_a_text() -> None:
    micros = 253_402_300_800_000_000  # 10000-01-01
    assert cells(pa.array([micros, None], pa.timestamp("us"))) == ["10000-01-01 00:00:00.000", None]


def test_a_uuid_is_text() -> None:
    raw = bytes(range(16))
    table = pa.table({"u": pa.array([raw, None], pa.uuid())})
    stream = BytesIO()
    pq.write_table(table, stream)
    column = pq.read_table(BytesIO(stream.getvalue())).column("u").combine_chunks()
    assert cells(column) == ["00010203-0405-0607-0809-0a0b0c0d0e0f", None]


def test_fields_without_a_name_are_called_as_athena_does() -> None:
    array = pa.StructArray.from_arrays([pa.array([1]), pa.array(["x"])], names=["", "b"])
    assert cells(array) == [{"field0": 1, "b": "x"}]


def test_a_null_row_hides_the_values_beneath_it() -> None:
    array = pa.StructArray.from_arrays([pa.array([1, 2])], names=["a"], mask=pa.array([False, True]))
    assert cells(array) == [{"a": 1}, None]
