"""The verbs of the pages: what each role may do, and what is told where it does not work."""

import re
from typing import Any

from portal.access.models import Grant
from portal.costs.models import Budget
from portal.operations.models import Operation
from portal.queries.models import SavedQuery
from tests.harness.people import People
from tests.web.conftest import Work

HTMX = {"HX-Request": "true"}


def test_an_analyst_runs_and_a_viewer_does_not(work: Work) -> None:
    people, form = (
        work.shop.people,
        {"sql": f"SELECT count(*) AS n FROM {work.shop.items}", "database": work.shop.database},
    )
    assert people.victor.page.post("/query/run", form).status_code == 403
    plain = people.carol.page.post("/query/run", form)
    assert plain.status_code == 303
    assert plain.headers["Location"].startswith("/query/")
    fragment = people.carol.page.post("/query/run", form, headers=HTMX)
    assert re.fullmatch(r"/query/[0-9a-f-]{36}", fragment.headers["HX-Push-Url"])
    assert b"data-operation" in fragment.content


def test_a_refusal_stands_at_its_line_and_keeps_the_text(work: Work) -> None:
    form = {"sql": f"SELECT id,\n  nothing_such FROM {work.shop.items}", "database": work.shop.database}
    client = work.shop.people.carol.page
    fragment = client.post("/query/run", form, headers=HTMX)
    assert fragment.status_code == 422
    assert 'data-line="2"' in fragment.content.decode()
    page = client.post("/query/run", form)
    assert page.status_code == 422
    assert "nothing_such FROM" in page.content.decode()


def test_the_price_is_told_before_the_run(work: Work) -> None:
    client = work.shop.people.carol.page
    form = {"sql": f"SELECT title FROM {work.shop.items}", "database": work.shop.database}
    text = client.post("/query/estimate", form, headers=HTMX).content.decode()
    assert re.search(r"reads .* of .* · \$0\.0000", text), text
    assert "Line 1" in client.post("/query/estimate", {"sql": "SELEC", "database": "d"}, headers=HTMX).content.decode()
    assert client.post("/query/estimate", {"sql": " ", "database": "d"}, headers=HTMX).status_code == 200


def test_rows_and_files_of_a_result_come_to_those_who_may_read(work: Work) -> None:
    people, page = work.shop.people, f"/query/{work.query.pk}"
    text = people.victor.page.get(page).content.decode()
    assert "item 10000" in text
    assert "1–5 of 5 rows" in text
    csv = b"".join(people.victor.page.get(f"{page}/download?format=csv").streaming_content)  # type: ignore[attr-defined]
    assert csv.splitlines()[0] == b"title,price"
    assert people.charlie.page.get(f"{page}/download?format=csv").status_code == 404


def test_a_query_is_saved_shared_and_deleted(work: Work) -> None:
    people = work.shop.people
    form = {"sql": "SELECT 1 AS one", "database": work.shop.database, "name": "One", "chart": '{"kind": "pie"}'}
    made = people.carol.page.post("/saved/save", form)
    saved = SavedQuery.objects.get(name="One")
    assert made.headers["Location"] == f"/saved/{saved.pk}"
    assert (saved.team, saved.chart) == (None, None)
    assert people.charlie.page.get(f"/saved/{saved.pk}").status_code == 404
    people.carol.page.post(f"/saved/{saved.pk}/share", {"add": "user:charlie"})
    assert people.charlie.page.get(f"/saved/{saved.pk}").status_code == 200
    people.carol.page.post(f"/saved/{saved.pk}/share", {"remove": "user:charlie"})
    assert people.charlie.page.get(f"/saved/{saved.pk}").status_code == 404
    people.carol.page.post("/saved/save", {**form, "sql": "SELECT 2 AS two", "over": str(saved.pk)})
    saved.refresh_from_db()
    assert (saved.sql, saved.version) == ("SELECT 2 AS two", 2)
    assert people.carol.page.post(f"/saved/{saved.pk}/delete").status_code == 303
    assert not SavedQuery.objects.filter(pk=saved.pk).exists()
    assert people.victor.page.post("/saved/save", {**form, "name": "No"}).status_code == 403


def test_stop_is_for_the_owner_and_admins(work: Work) -> None:
    people, where = work.shop.people, f"/activity/{work.job.pk}/stop"
    assert people.carol.page.post(where).status_code == 403
    assert people.charlie.page.post(where).status_code == 404
    assert people.bob.page.post(where, headers=HTMX).status_code == 204
    assert Operation.objects.get(pk=work.job.pk).cancel_requested_at is not None


def test_training_starts_for_scientists_with_its_price_in_view(work: Work) -> None:
    people = work.shop.people
    form = {
        "code": "text-classifier", "channel1": "train", "data1": f"table:{work.shop.items}", "hours": "0.5",
        "instance_type": "local.cpu", "hp.epochs": "2", "name": "two epochs",
    }  # fmt: skip
    assert people.carol.page.post("/training/new", form).status_code == 403
    price = people.bob.page.post("/training/estimate", form, headers=HTMX).content.decode()
    assert re.search(r"at most \$0\.\d+.* = 0\.5 h", price), price
    started = people.bob.page.post("/training/new", form)
    assert started.status_code == 303
    job = Operation.objects.get(title="two epochs")
    assert started.headers["Location"] == f"/training/{job.pk}"
    assert job.params["request"]["hyperparameters"]["epochs"] == "2"
    missing = people.bob.page.post("/training/new", {**form, "data1": ""})
    assert missing.status_code == 422
    assert "input is missing" in missing.content.decode()
    again = people.bob.page.get(f"/training/new?from={job.pk}").content.decode()
    assert f"table:{work.shop.items}" in again


def test_a_budget_is_set_by_admins_alone(people: People) -> None:
    assert people.carol.page.post("/costs/budget", {"monthly_usd": "5"}).status_code == 403
    people.alice.page.post("/costs/budget", {"monthly_usd": "12.50", "hard_stop": "1"})
    budget = Budget.objects.get(team__slug="growth")
    assert (budget.monthly_nano, budget.hard_stop) == (12_500_000_000, True)
    told = people.alice.page.post("/costs/budget", {"monthly_usd": "much"}, follow=True)
    assert "is not an amount in USD" in told.content.decode()


def test_grants_are_given_and_taken_back_on_the_page(work: Work) -> None:
    people = work.shop.people
    form = {
        "principal": "user:charlie",
        "action": "read",
        "resource": f"table:{work.shop.items}",
        "columns": "id, title",
    }
    assert people.carol.page.post("/grants", form).status_code == 403
    people.alice.page.post("/grants", form)
    grant = Grant.objects.get(user=people.charlie.user)
    assert grant.columns == ["id", "title"]
    seen = people.charlie.page.get(work.table).content.decode()
    assert "you see 2 of 4 columns" in seen
    assert "price" not in seen.partition('aria-label="About the table"')[2]
    people.alice.page.post(f"/grants/{grant.pk}/revoke")
    assert people.charlie.page.get(work.table).status_code == 403


def test_an_invitation_is_made_by_admins_and_shown_once(people: People) -> None:
    assert people.carol.page.post("/people/invite", {"role": "viewer"}).status_code == 403
    page = people.alice.page.post("/people/invite", {"role": "viewer"}).content.decode()
    assert re.search(r"http://testserver/invitation/[\w-]{20,}", page)
    assert "/invitation/" not in people.alice.page.get("/people").content.decode()


def test_roles_change_and_the_last_admin_stays(people: People) -> None:
    people.alice.page.post("/people/victor/role", {"role": "analyst"})
    assert people.victor.actor.role == "analyst"
    told = people.alice.page.post("/people/alice/role", {"role": "viewer"}, follow=True).content.decode()
    assert "last admin" in told
    assert people.alice.actor.role == "admin"


def test_a_token_is_shown_once_and_revoked(people: People) -> None:
    page = people.carol.page.post("/account/tokens", {"name": "notebook", "days": "30"}).content.decode()
    secret = re.search(r"sky_[\w-]{40,}", page)
    assert secret
    assert "sky_" not in people.carol.page.get("/account").content.decode()
    token = people.carol.user.api_tokens.get(name="notebook")
    assert people.bob.page.post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    people.carol.page.post(f"/account/tokens/{token.pk}/revoke")
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_the_team_is_switched_and_only_to_ones_own(people: People) -> None:
    client = people.carol.page
    assert client.post("/team", {"team": "ops"}).status_code == 404
    assert people.root.page.post("/team", {"team": "ops"}).status_code == 303


def test_a_plain_form_uploads_without_javascript(work: Work, tmp_path: Any) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("a,b\n1,2\n")
    client = work.shop.people.carol.page
    with file.open("rb") as body:
        answer = client.post(f"/data/files/{work.shop.bucket}/in/", {"file": body}, follow=True)
    assert "orders.csv" in answer.content.decode()
    found = client.get(f"/data/files/{work.shop.bucket}/in/orders.csv").content.decode()
    assert "8 bytes" in found
    with file.open("rb") as body:
        assert (
            work.shop.people.victor.page.post(f"/data/files/{work.shop.bucket}/in/", {"file": body}).status_code == 403
        )
