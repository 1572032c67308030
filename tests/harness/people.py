"""The people of the tests: four roles in team `growth`, a stranger in team `ops`, and the site's admin."""

from dataclasses import dataclass

from django.test import Client

from portal.access.model import Actor
from portal.accounts.models import Membership, Role, Team, User
from portal.accounts.services import actor_of, create_token, create_user

TEAMS = {"growth": "Growth", "ops": "Operations"}
ROLES = {
    "alice": ("growth", Role.ADMIN),
    "bob": ("growth", Role.SCIENTIST),
    "carol": ("growth", Role.ANALYST),
    "victor": ("growth", Role.VIEWER),
    "charlie": ("ops", Role.ANALYST),
}
SITE_ADMIN = "root"


@dataclass(frozen=True)
class Person:
    """Somebody, with the ways they come in: `page` has their session, `api` their bearer token."""

    user: User
    token: str

    @property
    def actor(self) -> Actor:
        """Them in their (first) team, as of now."""
        return actor_of(self.user)

    @property
    def page(self) -> Client:
        client = Client()
        client.force_login(self.user)
        return client

    @property
    def api(self) -> Client:
        return Client(headers={"Authorization": f"Bearer {self.token}"})


@dataclass(frozen=True)
class People:
    """Everybody by name: alice (team admin), bob (scientist), carol (analyst), victor (viewer), all of growth; charlie
    (analyst of ops, a stranger to growth); root (site admin, in no team)."""

    alice: Person
    bob: Person
    carol: Person
    victor: Person
    charlie: Person
    root: Person


def make_people() -> People:
    """Into the database at hand."""
    teams = {slug: Team.objects.create(slug=slug, name=name, connection="local") for slug, name in TEAMS.items()}
    persons = {SITE_ADMIN: _person(SITE_ADMIN, is_admin=True)}
    for username, (team, role) in ROLES.items():
        persons[username] = _person(username)
        Membership.objects.create(user=persons[username].user, team=teams[team], role=role)
    return People(**persons)


def _person(username: str, is_admin: bool = False) -> Person:
    user = create_user(None, username, f"{username}@example.org", is_admin=is_admin)
    return Person(user, create_token(user, "tests")[1])
