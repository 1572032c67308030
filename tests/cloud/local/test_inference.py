"""What is found in files of every kind, and that the engine then reads exactly that."""

import csv
import gzip
import io
import random
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
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
    good = "".join(f"{number},n{number},2024-01-{number % 28 + 1:02}\n" for number in range(200))
    seen = desk.infer(
        f'id,name,day\n{good}200,"q\nq",2024-01-01\n201,short\n202,long,2024-01-02,extra\nbad,x,2024-01-03\n,,\n'
    )
    assert types(seen) == {"id": "bigint", "name": "varchar", "day": "date"}
    assert seen.bad_rows.count == 3
    assert [(line, text) for line, text, _ in seen.bad_rows.examples] == [
        (204, "201,short"),
        (205, "202,long,2024-01-02,extra"),
        (206, "bad,x,2024-01-03"),
    ]
    assert "“bad” in id is not a whole number" in seen.bad_rows.examples[2][2]
    assert desk.rows(seen)[200:] == [
        (200, "q\nq", date(2024, 1, 1)),
        (201, "short", None),
        (202, "long", date(2024, 1, 2)),
        (None, "x", date(2024, 1, 3)),
        (None, None, None),
    ]


@pytest.mark.parametrize(
    ("body", "delimiter", "encoding"),
    [
        ("a;b\nÄ;1,5\nB;2,5\n".encode(), ";", "utf-8"),
        ("a\tb\nÄ\t1,5\nB\t2,5\n".encode("utf-8-sig"), "\t", "utf-8"),
        ("a|b\nÄ|1,5\nB|2,5\n".encode("latin-1"), "|", "latin-1"),
        ("a;b\r\nÄ;1,5\r\nB;2,5\r\n".encode("utf-16"), ";", "utf-16"),
        ('a,b\nÄ,"1,5"\nB,"2,5"\n'.encode(), ",", "utf-8"),
        ("a,b\nÄ,'1,5'\nB,'2,5'\nB,'2,5'\n".encode(), ",", "utf-8"),
        (gzip.compress("a^b\nÄ^1,5\nB^2,5\n".encode(), mtime=0), "^", "utf-8"),
    ],
)
def test_dialects_are_told_apart(desk: Desk, body: bytes, delimiter: str, encoding: str) -> None:
    seen = desk.infer(body)
    assert (seen.options["delimiter"], seen.options["encoding"]) == (delimiter, encoding)
    assert types(seen) == {"a": "varchar", "b": "varchar"}
    assert desk.rows(seen)[:2] == [("Ä", "1,5"), ("B", "2,5")]
    assert ("Latin-1" in seen.evidence["a"]) == (encoding == "latin-1")


@pytest.mark.parametrize(
    ("body", "names", "first"),
    [
        ("1,x\n2,y\n", ["column_1", "column_2"], (1, "x")),
        ("name\nAnna\nBob\n", ["name"], ("Anna",)),
        ("n\n1\n\n3\n", ["n"], (1,)),
        ("country,2019,2020\nPeru,1,2\nCuba,3,4\n", ["country", "2019", "2020"], ("Peru", 1, 2)),
        ("A,a,,Ü b!,select\n1,2,3,4,5\n", ["a", "a_2", "column_3", "b", "select"], (1, 2, 3, 4, 5)),
        ("a,b\r1,2\r3,4\r", ["a", "b"], (1, 2)),
        ("a,b\n\n1,2\n\n", ["a", "b"], (1, 2)),
        ('a,b\n1,5" nail\n', ["a", "b"], (1, '5" nail')),
    ],
)
def test_headers_and_odd_lines(desk: Desk, body: str, names: list[str], first: tuple[object, ...]) -> None:
    seen = desk.infer(body)
    assert list(types(seen)) == names
    assert desk.rows(seen)[0] == first


def test_types_lose_nothing(desk: Desk) -> None:
    seen = desk.infer(
        "zip,tel,n,big,exact,mixed\n"
        "01234,+49123,1,12345678901234567890,12345678901234567.25,1\n"
        "99999,+49124,NA,12345678901234567891,12345678901234567.75,x\n"
    )
    assert types(seen) == {
        "zip": "varchar", "tel": "varchar", "n": "bigint", "big": "decimal(38,0)", "exact": "decimal(38,2)",
        "mixed": "varchar",
    }  # fmt: skip
    assert seen.bad_rows.count == 0  # NA is no value
    assert [str(cell) for cell in desk.rows(seen)[1]] == [
        "99999", "+49124", "None", "12345678901234567891", "12345678901234567.75", "x",
    ]  # fmt: skip


def test_integers_are_not_rounded_into_a_column(desk: Desk) -> None:
    seen = desk.infer("n\n" + "5\n" * 150 + "1.5\n")
    assert (types(seen), seen.bad_rows.count) == ({"n": "bigint"}, 1)
    assert desk.rows(seen)[-1] == (None,)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"", "EMPTY_FILE", "0 bytes"),
        (b"\n \n", "EMPTY_FILE", "blank"),
        (bytes(range(256)), "UNREADABLE_FILE", "binary"),
        (b"PK\x03\x04rest", "UNREADABLE_FILE", "Excel"),
        (b"PAR1" + b"x" * 100, "UNREADABLE_FILE", "cut off"),
        (b"PAR1" + b"\xff" * 100 + b"PAR1", "UNREADABLE_FILE", "Parquet"),
        (gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-20], "UNREADABLE_FILE", "gzip"),
        ("a,b\nü,1\n".encode() + b"\xff,2\n", "UNREADABLE_FILE", "line 3"),
        (b"\xfe\xff" + "a,b\n1,2\n".encode("utf-16-be"), "UNREADABLE_FILE", "UTF-8"),
        (",".join(f"c{n}" for n in range(10_000)) + "\n", "UNREADABLE_FILE", "10,000 columns"),
        ('a,b\n1,"x\n2,y\n3,z\n', "UNREADABLE_FILE", "line 2"),
        ("Dear all, a text.\nNo table, no rows, nothing.\nBye\nfoo, b, c, d, e\n", "UNREADABLE_FILE", "delimiter"),
        ("[1, 2, 3]", "UNREADABLE_FILE", "objects"),
        ('[{"a": 1}, {"a"', "UNREADABLE_FILE", "cut off"),
        ('{\n "a": 1\n}', "UNREADABLE_FILE", "one object on each line"),
    ],
)
def test_what_is_no_table_is_refused_in_words(desk: Desk, body: bytes | str, code: str, words: str) -> None:
    refusal = desk.refusal(body)
    assert refusal.code == code
    assert words in refusal.message
    assert "file0" in refusal.message


def test_mixed_files_are_refused(desk: Desk, tmp_path: Path) -> None:
    assert desk.refusal("a,b\n1,2\n", "a,c\n1,2\n").code == "MIXED_SCHEMAS"
    assert desk.refusal("a,b\n1,2\n", '{"a": 1}\n').code == "MIXED_SCHEMAS"
    assert desk.refusal(parquet(a=[1]), parquet(a=["x"])).code == "MIXED_SCHEMAS"


def parquet(**columns: list[object]) -> bytes:
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body)
    return body.getvalue()


def test_parquet_says_itself_and_files_may_lack_columns(desk: Desk) -> None:
    seen = desk.infer(parquet(a=[1, 2], B=["x", "y"]), parquet(a=[3], c=[{"d": [1]}]))
    assert types(seen) == {"a": "bigint", "b": "varchar", "c": "row(d array(bigint))"}
    assert desk.rows(seen) == [(1, "x", None), (2, "y", None), (3, None, {"d": [1]})]


def test_json_lines_with_nested_missing_and_broken_ones(desk: Desk) -> None:
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
