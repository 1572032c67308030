"""The routes of training: as owner, team admin, team-mates of each role, stranger, nobody and with a wrong token."""

import json
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import Membership, Team
from portal.accounts.services import create_token
from portal.operations.models import Operation
from portal.training import services
from tests.training.conftest import Lab, carried_out

JSON = "application/json"
SCRIPT = """
    import os
    from pathlib import Path
    for n in (1, 2, 3): print(f"loss={1 / n:.2f}", flush=True)
    Path(os.environ["SM_OUTPUT_DATA_DIR"], "rows.csv").write_text("a\\n1\\n")
"""


def post(client: Client, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    return client.post(f"/api/v1/{path}", body or {}, content_type=JSON, headers=headers)


def get(client: Client, path: str) -> Any:
    return client.get(f"/api/v1/{path}")


def body_of(lab: Lab, **changes: Any) -> dict[str, Any]:
    source = {"bucket": lab.bucket, "key": lab.put("code/train.py", SCRIPT)}
    inputs = [{"channel": "train", "bucket": lab.bucket, "prefix": "reviews/"}]
    return {"name": "mine", "source": source, "inputs": inputs, "hyperparameters": {"rate": 0.1}, **changes}


@pytest.fixture
def done(lab: Lab) -> Operation:
    """A job of bob's at its end, launched over the API."""
    answer = post(lab.people.bob.api, "training-jobs", body_of(lab))
    assert answer.status_code == 202, answer.content
    return carried_out(Operation.objects.get(id=answer.json()["id"]))


def everybody(lab: Lab) -> dict[str, Client]:
    people = lab.people
    return {
        "owner": people.bob.api, "session": people.bob.page, "admin": people.alice.api, "analyst": people.carol.api,
        "viewer": people.victor.api, "stranger": people.charlie.api, "nobody": Client(),
        "wrong": Client(headers={"Authorization": "Bearer sky_no"}),
    }  # fmt: skip


def statuses(lab: Lab, call: Any) -> dict[str, int]:
    found = {}
    for who, client in everybody(lab).items():
        answer = call(client)
        found[who] = answer.status_code
        if answer.streaming:
            answer.getvalue()  # to its end, which closes the file
    return found


SEES = {
    "owner": 200, "session": 200, "admin": 200, "analyst": 200, "viewer": 200, "stranger": 404, "nobody": 401,
    "wrong": 401,
}  # fmt: skip
LAUNCHES = {**SEES, "owner": 202, "session": 202, "admin": 202, "analyst": 403, "viewer": 403, "stranger": 403}


def test_from_the_body_to_the_outputs(lab: Lab) -> None:
    api, body = lab.people.bob.api, body_of(lab)
    expected = post(api, "training-jobs/estimate", body).json()
    assert (expected["charged_usd"], float(expected["list_usd"])) == ("0", float(expected["usd_per_hour"]))
    started = post(api, "training-jobs", body)
    shown = started.json()
    path = f"training-jobs/{shown['id']}"
    assert (started.status_code, shown["state"], shown["kind"]) == (202, "queued", "training.run")
    assert started["Location"] == started["Skydeck-Again"] == f"/api/v1/{path}"
    assert get(api, f"{path}/logs").json() == {"items": [], "next": None}
    carried_out(Operation.objects.get(id=shown["id"]))

    ended = get(api, path).json()
    assert {key: ended[key] for key in ("state", "name", "owner", "team", "error", "exit_code", "metrics")} == {
        "state": "succeeded", "name": "mine", "owner": "bob", "team": "growth", "error": None, "exit_code": 0,
        "metrics": {"loss": 0.33},
    }  # fmt: skip
    assert ended["charged_usd"] == "0"
    assert 0 < float(ended["list_usd"]) < float(ended["estimate_usd"]) == float(expected["list_usd"])

    first = get(api, f"{path}/logs?limit=2").json()
    assert [item["line"] for item in first["items"]] == ["loss=1.00", "loss=0.50"]
    assert first["items"][0]["at"].endswith("Z")
    rest = get(api, f"{path}/logs?cursor={first['next']}").json()
    assert [item["line"] for item in rest["items"]] == ["loss=0.33"]
    assert get(api, f"{path}/logs?cursor={rest['next']}").json() == {"items": [], "next": rest["next"]}
    points = [(item["name"], item["step"], item["value"]) for item in get(api, f"{path}/metrics").json()["items"]]
    assert points == [("loss", 1, 1.0), ("loss", 2, 0.5), ("loss", 3, 0.33)]

    (output,) = get(api, f"{path}/outputs").json()["items"]
    assert (output["path"], output["size"]) == ("data/rows.csv", 4)
    file = api.get(output["url"])
    assert (file.getvalue(), file["Content-Disposition"]) == (b"a\n1\n", 'attachment; filename="rows.csv"')
    assert file["X-Content-Type-Options"] == "nosniff"


def test_who_may_see_a_job(lab: Lab, done: Operation) -> None:
    for path in ("", "/logs", "/metrics", "/outputs", "/outputs/data/rows.csv"):
        assert statuses(lab, lambda client, path=path: get(client, f"training-jobs/{done.id}{path}")) == SEES, path
    for person, count in ((lab.people.victor, 1), (lab.people.charlie, 0)):
        assert len(get(person.api, "training-jobs").json()["items"]) == count
    assert get(lab.people.charlie.api, "training-jobs?team=growth").status_code == 404
    assert get(Client(), "training-jobs").status_code == 401


def test_who_may_launch(lab: Lab) -> None:
    body = body_of(lab)
    assert statuses(lab, lambda client: post(client, "training-jobs", body)) == LAUNCHES
    assert Operation.objects.count() == 3
    seen = {who: 200 if status == 202 else status for who, status in LAUNCHES.items()}
    assert statuses(lab, lambda client: post(client, "training-jobs/estimate", body)) == seen
    denied = post(lab.people.carol.api, "training-jobs", body).json()
    assert (denied["code"], "scientist" in denied["detail"]) == ("denied", True)


def test_who_may_stop_and_clone(lab: Lab) -> None:
    job = Operation.objects.get(id=post(lab.people.bob.api, "training-jobs", body_of(lab)).json()["id"])
    assert statuses(lab, lambda client: post(client, f"training-jobs/{job.id}/clone")) == SEES
    people = lab.people
    for person, status in ((people.charlie, 404), (people.victor, 403), (people.carol, 403), (people.alice, 200)):
        assert post(person.api, f"training-jobs/{job.id}/stop").status_code == status
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert post(Client(), f"training-jobs/{job.id}/stop").status_code == 401


def test_a_clone_is_a_body_that_launches_again(lab: Lab) -> None:
    api = lab.people.bob.api
    job = Operation.objects.get(id=post(api, "training-jobs", body_of(lab)).json()["id"])
    cloned = post(api, f"training-jobs/{job.id}/clone").json()
    again = Operation.objects.get(id=post(api, "training-jobs", cloned).json()["id"])
    assert services.request_of(again) == services.request_of(job)
    assert again != job


def test_machines_and_templates(lab: Lab) -> None:
    for path in ("instance-types", "training-templates"):
        assert statuses(lab, lambda client, path=path: get(client, path)) == {**SEES, "stranger": 200}
    machines = get(lab.people.victor.api, "instance-types").json()["items"]
    assert [machine["name"] for machine in machines[:2]] == ["local.cpu", "local.gpu"]
    assert machines[0]["available"] is True
    assert all(float(machine["usd_per_hour"]) > 0 and not machine["available"] for machine in machines[2:])
    assert len({machine["price_as_of"] for machine in machines}) == 1


def test_a_templates_example_runs_as_it_is(lab: Lab) -> None:
    (template,) = get(lab.people.bob.api, "training-templates").json()["items"]
    body = json.loads(json.dumps(template["example"]).replace("shop.reviews", lab.table))
    job = carried_out(Operation.objects.get(id=post(lab.people.bob.api, "training-jobs", body).json()["id"]))
    assert job.state == "succeeded", job.error
    assert job.result["metrics"]["accuracy"] > job.result["baseline"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"template": "none"}, "template"),
        ({"inputs": [{"channel": "../x", "bucket": "b"}]}, "inputs"),
        ({"inputs": [{"bucket": "b"}]}, "inputs.0.channel"),
        ({"instance_type": "ml.g5.xlarge"}, "instance_type"),
        ({"instance_count": 2}, "instance_count"),
        ({"instance_count": 0}, "instance_count"),
        ({"spot": True}, "spot"),
        ({"image": "me/mine"}, "image"),
        ({"max_runtime_s": 0}, "max_runtime_s"),
        ({"entry_point": "../../x.py"}, "entry_point"),
        ({"source": None}, "source"),
    ],
)
def test_bad_input_names_its_field(lab: Lab, changes: dict[str, Any], field: str) -> None:
    for path in ("training-jobs", "training-jobs/estimate"):
        answer = post(lab.people.bob.api, path, body_of(lab, **changes))
        assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
        assert [error["field"].removeprefix("body.") for error in answer.json()["errors"]] == [field]


def test_the_same_key_answers_the_same_job(lab: Lab) -> None:
    api, body = lab.people.bob.api, body_of(lab)
    first, again = (post(api, "training-jobs", body, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert post(api, "training-jobs", {**body, "name": "x"}, **{"Idempotency-Key": "one"}).status_code == 409
    assert Operation.objects.count() == 1


def test_no_path_leads_out_of_the_outputs(lab: Lab, done: Operation) -> None:
    for path in ("../job.json", "data/../../job.json", "%2e%2e/job.json", "/etc/passwd", "data", "data/none", "code/x"):
        answer = get(lab.people.bob.api, f"training-jobs/{done.id}/outputs/{path}")
        assert answer.status_code == 404, path
    for cursor in ("x", "-1", "²", "1", "9" * 15, "9" * 50):
        answer = get(lab.people.bob.api, f"training-jobs/{done.id}/logs?cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_CURSOR"), cursor


def test_a_person_in_two_teams_reads_the_jobs_of_both(lab: Lab, done: Operation) -> None:
    bob = lab.people.bob
    other = Team.objects.create(slug="a-first", name="A", connection="local")
    Membership.objects.create(user=bob.user, team=other, role="admin")
    assert bob.actor.team == "a-first"
    assert len(get(bob.api, f"training-jobs/{done.id}/logs").json()["items"]) == 3
    assert post(bob.api, "training-jobs", body_of(lab)).status_code == 422
    assert post(bob.api, "training-jobs", body_of(lab, team="growth")).status_code == 202


def test_a_token_that_may_only_read(lab: Lab, done: Operation) -> None:
    _, secret = create_token(lab.people.bob.user, "reader", scopes=["read"])
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    assert get(api, f"training-jobs/{done.id}/logs").status_code == 200
    assert post(api, "training-jobs", body_of(lab)).status_code == 403
    assert post(api, f"training-jobs/{done.id}/stop").status_code == 403
