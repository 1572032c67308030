"""The one decision: by role, by grant, by token, and what no sequence of grants may do."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.access.decide import decide, require
from portal.access.model import Action, Actor, Resource
from portal.access.models import Grant
from portal.accounts.models import Role, Team, User
from portal.problems import Denied
from tests.harness.people import People

REVIEWS = Resource("table", "shop.reviews", "local", "growth")
SHOP = Resource("database", "shop", "local", "growth")
FILES = Resource("bucket", "data/reviews/", "local", "growth")
GROWTH = Resource("team", "growth", "local", "growth")
ALLOWED = {
    "victor": {Action.VIEW, Action.READ},
    "carol": {Action.VIEW, Action.READ, Action.WRITE, Action.UPLOAD, Action.QUERY, Action.SAVE},
    "bob": {Action.VIEW, Action.READ, Action.WRITE, Action.UPLOAD, Action.QUERY, Action.SAVE, Action.TRAIN},
    "alice": set(Action),
    "charlie": set(),
    "root": {Action.VIEW, Action.MANAGE},
}


@pytest.mark.parametrize("username", ALLOWED)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("resource", [REVIEWS, SHOP, FILES, GROWTH], ids=str)
def test_what_a_role_allows(people: People, username: str, action: Action, resource: Resource) -> None:
    decision = decide(getattr(people, username).actor, action, resource)
    assert decision.allowed == (action in ALLOWED[username]), decision.why
    assert decision.why
    assert decision.columns is None


def test_another_connection_is_another_world(people: People) -> None:
    elsewhere = Resource("table", "shop.reviews", "aws", "growth")
    assert not decide(people.alice.actor, Action.READ, elsewhere)


def test_a_reading_token_only_reads(people: People) -> None:
    actor = Actor(**{**vars(people.alice.actor), "scopes": frozenset({"read"})})
    assert decide(actor, Action.READ, REVIEWS)
    assert not decide(actor, Action.WRITE, REVIEWS)
    assert not decide(actor, Action.QUERY, GROWTH)


def give(people: People, kind: str, name: str, action: str = "read", **more: object) -> Grant:
    """A grant to charlie's team, or what `more` says."""
    owner = Team.objects.get(slug="growth")
    if "user" not in more and "team" not in more:
        more["team"] = Team.objects.get(slug="ops")
    return Grant.objects.create(
        resource_kind=kind, resource_name=name, action=action, connection="local", owner_team=owner, **more
    )


@pytest.mark.parametrize(
    ("kind", "name", "resource", "reached"),
    [
        ("table", "shop.reviews", REVIEWS, True),
        ("table", "shop.review", REVIEWS, False),
        ("database", "shop", REVIEWS, True),
        ("database", "shop", SHOP, True),
        ("database", "sho", REVIEWS, False),
        ("bucket", "data/", FILES, True),
        ("bucket", "data/reviews/", FILES, True),
        ("bucket", "data/rev/", FILES, False),
        ("bucket", "data/reviews/2026/", FILES, False),
        ("table", "shop.reviews", FILES, False),
        ("bucket", "data/", REVIEWS, False),
    ],
)
def test_what_a_grant_reaches(people: People, kind: str, name: str, resource: Resource, reached: bool) -> None:
    give(people, kind, name)
    assert decide(people.charlie.actor, Action.READ, resource).allowed == reached
    assert not decide(people.charlie.actor, Action.WRITE, resource)


def test_a_higher_grant_includes_the_lower(people: People) -> None:
    give(people, "table", "shop.reviews", "manage")
    for action in (Action.READ, Action.WRITE, Action.MANAGE):
        assert decide(people.charlie.actor, action, REVIEWS)


def test_columns_add_up_and_never_allow_writing(people: People) -> None:
    give(people, "table", "shop.reviews", columns=["stars"])
    give(people, "table", "shop.reviews", columns=["title"])
    assert decide(people.charlie.actor, Action.READ, REVIEWS).columns == {"stars", "title"}
    give(people, "table", "shop.reviews", "write", columns=["body"])
    assert not decide(people.charlie.actor, Action.WRITE, REVIEWS)
    give(people, "database", "shop")
    assert decide(people.charlie.actor, Action.READ, REVIEWS).columns is None


def test_a_grant_ends(people: People) -> None:
    give(people, "table", "shop.reviews", expires_at=timezone.now() - timedelta(seconds=1))
    assert not decide(people.charlie.actor, Action.READ, REVIEWS)
    give(people, "table", "shop.reviews", expires_at=timezone.now() + timedelta(hours=1))
    assert decide(people.charlie.actor, Action.READ, REVIEWS)


def test_a_grant_to_a_person_is_theirs_alone(people: People) -> None:
    give(people, "table", "shop.reviews", user=people.charlie.user)
    other = User.objects.create(username="olga")
    Team.objects.get(slug="ops").memberships.create(user=other, role=Role.ADMIN)
    assert decide(people.charlie.actor, Action.READ, REVIEWS)
    from portal.accounts.services import actor_of

    assert not decide(actor_of(other), Action.READ, REVIEWS)


def test_a_viewer_stays_a_reader_whatever_their_team_was_granted(people: People) -> None:
    give(people, "table", "shop.reviews", "manage")
    Team.objects.get(slug="ops").memberships.filter(user=people.charlie.user).update(role=Role.VIEWER)
    assert decide(people.charlie.actor, Action.READ, REVIEWS)
    assert not decide(people.charlie.actor, Action.WRITE, REVIEWS)
    assert not decide(people.charlie.actor, Action.MANAGE, REVIEWS)


def test_a_refusal_says_whom_to_ask(people: People) -> None:
    with pytest.raises(Denied, match="Ask an admin of growth"):
        require(people.charlie.actor, Action.READ, REVIEWS)


GRANTS = st.lists(
    st.tuples(
        st.sampled_from(
            [("table", "shop.reviews"), ("database", "shop"), ("bucket", "data/"), ("table", "shop.other")]
        ),
        st.sampled_from(["read", "write", "manage"]),
        st.sampled_from([None, ["stars"], ["title", "body"]]),
    ),
    max_size=5,
)


@given(given_before=GRANTS, added=GRANTS.filter(len))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_taking_back_returns_to_the_state_before_and_giving_never_takes_away(
    people: People, given_before: list[object], added: list[object]
) -> None:
    Grant.objects.all().delete()

    def state() -> list[tuple[bool, object]]:
        actor = people.charlie.actor
        decisions = [decide(actor, a, r) for a in Action for r in (REVIEWS, SHOP, FILES, GROWTH)]
        return [(decision.allowed, decision.columns) for decision in decisions]

    for (kind, name), action, columns in given_before:  # type: ignore[misc]
        give(people, kind, name, action, columns=columns)
    before = state()
    new = [give(people, kind, name, action, columns=columns) for (kind, name), action, columns in added]  # type: ignore[misc]
    for (was, had), (now, has) in zip(before, state(), strict=True):
        assert now or not was
        if was and has is not None:
            assert had is not None
            assert had <= has  # type: ignore[operator]
    for grant in new:
        grant.delete()
    assert state() == before
