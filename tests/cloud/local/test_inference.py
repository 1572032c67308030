"""What is found in files of every kind, and that the engine then reads exactly that."""

import csv
import io
import random
from datetime import date
from pathlib import Path

import duckdb
import pytest

from portal.cloud.errors import Rejected
from portal.cloud.local.catalog import LocalCatalog
from portal.cloud.local.layout import Layout
from portal.cloud.local.reading import relation_sql
from portal.cloud.local.store import LocalStore
from portal.cloud.local.types import athena_type, duck_type, normalise
from portal.cloud.ports import Inference, Table
from tests.cloud.local.inprocess import InProcess


class Desk:
    """Uploads files, infers them, makes the table and reads it as a query would."""

    def __init__(self, root: Path) -> None:
        layout = Layout(root, root / "socket").make()
        self.root = root
        self.store = LocalStore(layout)
        self.catalog = LocalCatalog(layout, self.store, InProcess())
        self.store.create_bucket("bucket")
        self.catalog.create_database("shop")

    def infer(self, *bodies: bytes | str, keys: tuple[str, ...] = ()) -> Inference:
        for number, body in enumerate(bodies):
            key = keys[number] if keys else f"file{number}"
            self.store.put("bucket", f"t/{key}", io.BytesIO(body.encode() if isinstance(body, str) else body))
        return self.catalog.infer("s3://bucket/t/" if len(bodies) > 1 or keys else "s3://bucket/t/file0")

    def rows(self, seen: Inference) -> list[tuple[object, ...]]:
        table = Table("shop", "t", seen.columns, "s3://bucket/t/", seen.format, seen.partition_keys, seen.options)
        table = self.catalog.create_table(table)
        files = [path for path, _ in self.catalog.table_files("shop", "t")]
        names = [column.name for column in (*table.columns, *table.partition_keys)]
        with duckdb.connect() as connection:
            found = connection.execute(relation_sql(table, files, names)).fetchall()
        assert len(found) == seen.rows
        return found

    def refusal(self, *bodies: bytes | str) -> Rejected:
        with pytest.raises(Rejected) as caught:
            self.infer(*bodies)
        assert str(self.root) not in caught.value.message
        return caught.value


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "cloud")


def types(seen: Inference) -> dict[str, str]:
    return {column.name: column.type for column in seen.columns}


def test_a_plain_csv(desk: Desk) -> None:
    seen = desk.infer('id,Preis €,at,ok,day,note\n1,2.5,2024-01-01 10:00:00,true,2024-02-03,"a, b\nc"\n2,,,FALSE,,\n')
    assert types(seen) == {
        "id": "bigint", "preis": "double", "at": "timestamp", "ok": "boolean", "day": "date", "note": "varchar",
    }  # fmt: skip
    assert seen.evidence["id"] == "All 2 sampled values are whole numbers."
    rows = desk.rows(seen)
    assert rows[0][-2:] == (date(2024, 2, 3), "a, b\nc")
    assert rows[1] == (2, None, None, False, None, None)


def test_rows_that_do_not_fit_are_counted_shown_and_read_as_null(desk: Desk) -> None:
    line = '{"a": %d, "B c": "x", "n": {"userId": %d, "t": ["p"]}, "d": "2024-01-01"}\n'
    good = "".join(line % (number, number) for number in range(99))
    seen = desk.infer(good + '{"a": "x"}\nnot json\n[1]\n')
    assert types(seen) == {
        "a": "bigint", "b_c": "varchar", "n": 'row("userId" bigint, t array(varchar))', "d": "date",
    }  # fmt: skip
    assert (seen.rows, seen.bad_rows.count) == (102, 3)
    rows = desk.rows(seen)
    assert rows[5] == (5, "x", {"userId": 5, "t": ["p"]}, date(2024, 1, 1))
    assert rows[99:] == [(None,) * 4] * 3


def test_a_json_list(desk: Desk) -> None:
    seen = desk.infer('[{"a": 1, "s": "007"},\n {"a": 2.5, "b": null}]')
    assert types(seen) == {"a": "double", "s": "varchar", "b": "varchar"}
    assert desk.rows(seen) == [(1.0, "007", None), (2.5, None, None)]


def test_hive_folders_become_typed_keys(desk: Desk) -> None:
    keys = ("Day=2024-01-01/n=1/city=K%C3%B6ln/a.csv", "Day=2024-01-02/n=20/city=__HIVE_DEFAULT_PARTITION__/a.csv")
    seen = desk.infer("id,n\n1,5\n", "id,n\n2,6\n", keys=keys)
    assert [(column.name, column.type) for column in seen.partition_keys] == [
        ("day", "date"),
        ("n", "bigint"),
        ("city", "varchar"),
    ]
    assert desk.rows(seen) == [(1, 5, date(2024, 1, 1), 1, "Köln"), (2, 6, date(2024, 1, 2), 20, None)]


def test_any_table_that_a_csv_writer_writes_is_read_back(desk: Desk) -> None:
    generator = random.Random(11)
    alphabet = ["a", "Ö", ",", ";", '"', "\n", "'", " x", "|", "{", "\t", "😀"]
    for attempt in range(15):
        rows = [["w" + "".join(generator.choices(alphabet, k=generator.randint(0, 8))) + "." for _ in range(3)]
                for _ in range(30)]  # fmt: skip
        text = io.StringIO()
        csv.writer(text, delimiter=generator.choice(",;\t|"), lineterminator="\n").writerows(
            [["h1", "h2", "h3"], *rows]
        )
        seen = desk.infer(text.getvalue())
        assert list(types(seen)) == ["h1", "h2", "h3"]
        assert seen.bad_rows.count == 0
        assert desk.rows(seen) == [tuple(row) for row in rows], attempt
        desk.catalog.delete_table("shop", "t")


@pytest.mark.parametrize("text", ["bigint", "decimal(12,2)", "array(row(a integer, b map(varchar, double)))"])
def test_types_go_there_and_back(text: str) -> None:
    assert normalise(text) == text
    assert athena_type(duck_type(text)) == text


def test_types_of_results_that_tables_cannot_have() -> None:
    assert athena_type('STRUCT(a BIGINT, "B c" VARCHAR[])') == 'row(a bigint, "B c" array(varchar))'
    assert athena_type("TIMESTAMP WITH TIME ZONE[]") == "array(timestamp with time zone)"
    assert athena_type("ENUM('a)', 'b')") == "varchar"
    assert athena_type('"NULL"') == "unknown"
