"""Queries through every real process: held answers, streamed files, concurrent clients."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor

from tests.harness.house import House

ROWS = 60_000
SQL = f"""SELECT n, concat('row ', CAST(n AS varchar)) AS t
FROM UNNEST(sequence(1, {ROWS // 10})) AS a(n) CROSS JOIN UNNEST(sequence(1, 10)) AS b(m)"""


def test_a_query_is_answered_when_it_has_ended_and_its_file_is_whole(house: House) -> None:
    with house.api("carol") as api:
        started = api.post("/queries", json={"sql": SQL, "database": "none"}, headers={"Prefer": "wait=60"})
        body = started.json()
        assert (started.status_code, body["state"], body["rows"]) == (200, "succeeded", ROWS), started.text
        with api.stream("GET", f"/queries/{body['id']}/download?format=csv") as answer:
            text = "".join(answer.iter_text())
        assert sum(1 for _ in csv.reader(io.StringIO(text, newline=""))) == ROWS + 1
        page = api.get(f"/queries/{body['id']}/rows", params={"offset": ROWS - 1, "limit": 10}).json()
        assert (len(page["rows"]), page["total"]) == (1, ROWS)
        with api.stream("GET", f"/queries/{body['id']}/download?format=json") as answer:
            next(answer.iter_raw(10))  # and go away in the middle
        assert api.get(f"/queries/{body['id']}").status_code == 200


def test_ten_clients_at_once_each_get_their_own_answer(house: House) -> None:
    def ask(number: int) -> list[list[int]]:
        with house.api("bob") as api:
            body = {"sql": f"SELECT {number} AS n", "database": "none"}
            query = api.post("/queries", json=body, headers={"Prefer": "wait=60"}).json()
            assert query["state"] == "succeeded", query
            return list(api.get(f"/queries/{query['id']}/rows").json()["rows"])

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(ask, range(10))) == [[[n]] for n in range(10)]
