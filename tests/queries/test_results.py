"""Pages and files of a result, from Parquet as engines leave it: many groups of rows, odd names and cells."""

import csv
import io
import json
import tracemalloc
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portal.queries.downloads import _Closing, _csv, _json, _parquet, field
from portal.queries.results import BATCH, batches, by_row, open_parquet

ROWS, GROUP = 7_321, 2_500


def file_of(table: pa.Table, group: int = GROUP) -> io.BytesIO:
    stream = io.BytesIO()
    pq.write_table(table, stream, row_group_size=group)
    return io.BytesIO(stream.getvalue())


NUMBERS = pa.table(
    {"n": pa.array(range(ROWS), pa.int64()), "t": [None if n % 7 == 0 else f"t{n}" for n in range(ROWS)]}
)


@pytest.mark.parametrize(
    "offset", [0, 1, BATCH - 1, BATCH, GROUP - 1, GROUP, GROUP + 1, 2 * GROUP, ROWS - 1, ROWS, ROWS + 9]
)
def test_rows_from_any_offset_are_those_behind_it(offset: int) -> None:
    found = [row[0] for batch in batches(open_parquet(file_of(NUMBERS)), offset) for row in by_row(batch)]
    assert found == list(range(offset, ROWS))


def test_groups_before_the_offset_are_not_read() -> None:
    class Counted(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

    noise = pa.table({"b": [bytes([n % 251]) * 10 + str(n * 7919).encode() * 20 for n in range(20_000)]})
    raw = file_of(noise, 1_000).getvalue()
    file = Counted(raw)
    next(batches(open_parquet(file), 19_500))
    assert file.count < len(raw) / 4


# --- files ------------------------------------------------------------------------------------------------------------


def test_csv_is_rfc_4180_and_tells_null_from_empty() -> None:
    table = pa.table(
        {"a,b": ["x", 'say "hi"', "two\r\nlines", "", None], "n": pa.array([1, None, -3, 4, 5], pa.int64())}
    )
    text = b"".join(_csv(file_of(table), ["a,b", "n"])).decode()
    assert text == '"a,b",n\r\nx,1\r\n"say ""hi""",\r\n"two\r\nlines",-3\r\n"",4\r\n,5\r\n'
    assert list(csv.reader(io.StringIO(text, newline="")))[1:3] == [["x", "1"], ['say "hi"', ""]]


def test_a_csv_of_all_rows_is_read_back_the_same() -> None:
    text = b"".join(_csv(file_of(NUMBERS), ["n", "t"])).decode()
    back = list(csv.reader(io.StringIO(text, newline="")))
    assert back[0] == ["n", "t"]
    assert [int(row[0]) for row in back[1:]] == list(range(ROWS))


@pytest.mark.parametrize(
    ("cell", "text", "expected"),
    [
        ("=1+1", True, "'=1+1"),
        ("+1", True, "'+1"),
        ("-x", True, "'-x"),
        ("@sum", True, "'@sum"),
        ("\tx", True, "'\tx"),
        ('=HYPERLINK("x")', True, '"\'=HYPERLINK(""x"")"'),
        ("a=1", True, "a=1"),
        ("-12.50", False, "-12.50"),
        (-3, False, "-3"),
        (True, False, "true"),
        (1e300, False, "1e+300"),
        (["é", None], False, '"[""é"", null]"'),
        (" x", True, '" x"'),
    ],
)
def test_fields_of_csv(cell: Any, text: bool, expected: str) -> None:
    assert field(cell, text) == expected


def test_numbers_in_text_form_are_no_formulas() -> None:
    table = pa.table({"d": pa.array([Decimal("-1.50")], pa.decimal128(5, 2)), "s": ["-1.50"]})
    assert b"".join(_csv(file_of(table), ["d", "s"])) == b"d,s\r\n-1.50,'-1.50\r\n"


@pytest.mark.parametrize("rows", [0, 1, ROWS])
def test_json_is_one_array_whatever_its_length(rows: int) -> None:
    chunks = list(_json(file_of(NUMBERS.slice(0, rows)), ["n", "t"]))
    assert json.loads(b"".join(chunks)) == NUMBERS.slice(0, rows).to_pylist()


def test_json_has_a_key_for_each_of_two_columns_of_one_name() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a_1"])
    assert json.loads(b"".join(_json(file_of(table), ["a", "a"]))) == [{"a": 1, "a_1": 2}]


def test_parquet_comes_as_it_is() -> None:
    file = file_of(NUMBERS)
    assert b"".join(_parquet(file, [])) == file.getvalue()


def test_memory_does_not_grow_with_the_result() -> None:
    """Four times the rows at most half as much again of Python's memory and arrow's together."""

    def peak(groups: int) -> int:
        table = pa.table({"t": [f"row {n} " + "x" * 200 for n in range(5_000 * groups)]})
        file = file_of(table, 5_000)
        del table
        before = pa.total_allocated_bytes()
        most = 0
        tracemalloc.start()
        for _ in _csv(file, ["t"]):
            most = max(most, pa.total_allocated_bytes() - before)
        python = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most + python

    assert peak(8) < 1.5 * peak(2)


def test_a_download_that_nobody_reads_closes_its_file() -> None:
    file = file_of(NUMBERS)
    _Closing(file, _csv(file, ["n", "t"])).close()
    assert file.closed


def test_a_download_closes_its_file_at_the_end() -> None:
    file = file_of(NUMBERS)
    assert list(_Closing(file, _csv(file, ["n", "t"])))
    assert file.closed
