"""Each page as everybody: what opens, what is refused, and in how many database queries."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.harness.people import People
from tests.web.conftest import Work

PAGES = (
    "/", "/query", "/data", "/data/files", "/tables/new", "/training", "/training/new", "/costs", "/people", "/account",
    "/activity", "/search?q=items",
)  # fmt: skip
QUERIES_MAX = 15
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES)
def test_strangers_are_sent_to_sign_in_and_back(db: None, page: str) -> None:
    answer = Client().get(page)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/signin?next=%2F")


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "victor", "charlie"])
def test_every_page_opens_for_every_role(work: Work, name: str, django_assert_max_num_queries: Any) -> None:
    client = getattr(work.shop.people, name).page
    for page in PAGES:
        with django_assert_max_num_queries(QUERIES_MAX, info=page):
            answer = client.get(page)
        assert answer.status_code == 200, (page, answer.status_code)


def test_a_site_admin_without_a_team_sees_pages_and_no_costs(people: People, cloud_server: Any) -> None:
    statuses = {page: people.root.page.get(page).status_code for page in PAGES}
    assert statuses.pop("/costs") == 403
    assert set(statuses.values()) == {200}


def test_what_the_team_made_opens_for_it_and_not_for_a_stranger(work: Work, django_assert_max_num_queries: Any) -> None:
    folder = f"/data/files/{work.shop.bucket}/items/"
    pages = (
        f"/query/{work.query.pk}", f"/saved/{work.saved.pk}", f"/saved/{work.saved.pk}/share",
        f"/training/{work.job.pk}",
        f"/query?table={work.shop.items}", f"/data/files/{work.shop.bucket}/", folder,
        f"{folder}month=2026-01/part-0.parquet",
        *(f"{work.table}?tab={tab}" for tab in ("columns", "access", "python")),
    )  # fmt: skip
    member = work.shop.people.victor.page
    for page in pages:
        limit = QUERIES_MAX if "?table=" not in page else 35  # this one starts a preview, which is gated like any query
        with django_assert_max_num_queries(limit, info=page):
            assert member.get(page).status_code == 200, page
    stranger = work.shop.people.charlie.page
    refused = {page: stranger.get(page).status_code for page in pages}
    assert {code for page, code in refused.items() if work.table in page} == {403}  # known, but not granted
    assert {code for page, code in refused.items() if work.table not in page} <= {403, 404}
    assert stranger.get(f"/query/{work.query.pk}").status_code == 404


def test_a_private_query_is_its_owners_alone(work: Work) -> None:
    people = work.shop.people
    assert people.carol.page.get(f"/saved/{work.private.pk}").status_code == 200
    assert people.alice.page.get(f"/saved/{work.private.pk}").status_code == 404


def test_a_hidden_table_is_not_to_be_known_of(work: Work) -> None:
    table = work.shop.table
    table.hidden, table.description = True, "hush"
    table.save()
    stranger = work.shop.people.charlie.page
    assert stranger.get(work.table).status_code == 404
    assert b"hush" not in stranger.get("/data").content


def test_no_page_has_inline_script_or_style(work: Work) -> None:
    """The policy forbids them; a page that had one would be broken in silence."""
    client = work.shop.people.alice.page
    for page in (*PAGES, f"/query/{work.query.pk}", f"/training/{work.job.pk}", work.table):
        answer = client.get(page)
        assert not INLINE.search(answer.content.decode()), (page, INLINE.search(answer.content.decode()))
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_what_people_write_is_escaped(work: Work) -> None:
    bad = "<script>alert(1)</script>"
    table = work.shop.table
    table.description = bad
    table.save()
    work.saved.name = bad
    work.saved.description = bad
    work.saved.save()
    client = work.shop.people.carol.page
    for page in ("/", "/data", "/query", work.table, f"/saved/{work.saved.pk}", f"/search?q={bad}"):
        assert bad not in client.get(page).content.decode(), page


def test_a_fragment_comes_for_htmx_and_the_page_without(work: Work) -> None:
    client = work.shop.people.carol.page
    for page in ("/", "/data", "/training", "/costs", "/activity", f"/query/{work.query.pk}"):
        whole, part = client.get(page).content, client.get(page, headers={"HX-Request": "true"}).content
        assert b"<html" in whole, page
        assert b"<html" not in part, page


def test_an_unknown_address_is_a_page_of_ours(people: People) -> None:
    answer = people.carol.page.get("/nowhere")
    assert answer.status_code == 404
    assert b"There is no page at this address" in answer.content


def test_what_was_run_is_listed_and_previews_are_not(work: Work) -> None:
    """A query has no `preview` among its parameters, and SQL's NULL must not hide it."""
    client = work.shop.people.carol.page
    client.get(f"/query?table={work.shop.items}")
    for page in ("/", "/activity", "/query"):
        text = client.get(page).content.decode()
        assert f"/query/{work.query.pk}" in text, page
        assert "Preview of" not in text, page


def test_the_first_steps_are_ticked_by_doing(work: Work) -> None:
    text = work.shop.people.carol.page.get("/").content.decode()
    steps = text.partition('aria-label="First steps"')[2].partition("</ul>")[0].split("<li>")[1:]
    assert [("done" in step) for step in steps] == [True, False, False]
