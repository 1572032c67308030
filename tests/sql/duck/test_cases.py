"""The corpus of statements with Trino's answers, each through parse, analyse, restrict and translate."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from portal.sql import SqlError, analyse, duck, parse, restrict
from tests.sql.duck.engine import cell, connect, same

CASES = json.loads((Path(__file__).parents[1] / "athena_cases.json").read_text())
REFUSED = {
    "checksum/approx_set": "approx_set",
    "numeric_histogram": "numeric_histogram",
    "array_sort lambda": "array_sort with a comparator",
    "regexp lookahead (java regex)": "lookaround",
    "regexp_replace lambda": "regexp_replace with a function",
    "MATCH_RECOGNIZE": "MATCH_RECOGNIZE",
}
"""What is not to be had on the local cloud, by name. It may only get shorter."""

CORRECTED = {"ST_Point/great_circle": [[2886.0]]}
"""Where the corpus errs. Trino's own TestGeoFunctions has 2886.4489734367016 km for these two points."""


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return connect()


def run(engine: duckdb.DuckDBPyConnection, sql: str) -> list[list[Any]]:
    restricted = restrict(analyse(parse(sql), {}, "default"), {})
    rows = engine.execute(duck.translate(restricted, {}, "default")).fetchall()
    return [[cell(value) for value in row] for row in rows]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['group']}: {case['name']}" for case in CASES])
def test_answers_as_trino_does(engine: duckdb.DuckDBPyConnection, case: dict[str, Any]) -> None:
    if case["name"] in REFUSED:
        with pytest.raises(SqlError) as refused:
            run(engine, case["sql"])
        assert refused.value.code == "NOT_SUPPORTED"
        assert REFUSED[case["name"]] in refused.value.message
        assert "not available on the local cloud" in refused.value.message
    elif case["expected"] == "error":
        with pytest.raises(duckdb.Error):
            run(engine, case["sql"])
    else:
        assert same(run(engine, case["sql"]), CORRECTED.get(case["name"], case["expected"]))
