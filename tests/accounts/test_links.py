"""One-time links and tokens: once, in time, kept hashed."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from portal.accounts import services
from portal.accounts.models import ApiToken, Membership, OneTimeLink, User
from portal.problems import Conflict, Invalid, Missing
from tests.harness.people import People, make_people

PASSWORD = "correct horse battery"


def secret_of(path: str) -> str:
    return path.rpartition("/")[2]


def test_a_sign_in_link_works_once(people: People) -> None:
    secret = secret_of(services.sign_in_link("bob"))
    assert services.spend_sign_in(secret) == people.bob.user
    with pytest.raises(Missing, match="used"):
        services.spend_sign_in(secret)


def test_a_sign_in_link_ends(people: People) -> None:
    secret = secret_of(services.sign_in_link("bob"))
    OneTimeLink.objects.update(expires_at=timezone.now())
    with pytest.raises(Missing):
        services.spend_sign_in(secret)


def test_of_many_at_once_one_spends_it(transactional_db: None) -> None:
    make_people()
    secret = secret_of(services.sign_in_link("bob"))
    outcomes: list[str] = []

    def spend() -> None:
        try:
            outcomes.append(services.spend_sign_in(secret).username)
        except Missing:
            outcomes.append("")
        finally:
            connection.close()

    threads = [threading.Thread(target=spend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [""] * 5 + ["bob"]


def test_secrets_are_kept_hashed(people: People) -> None:
    secret = secret_of(services.sign_in_link("bob"))
    _, token = services.create_token(people.bob.user, "laptop")
    assert not OneTimeLink.objects.filter(digest__contains=secret).exists()
    assert not ApiToken.objects.filter(digest__contains=token).exists()
    assert services.user_of_token(token).user == people.bob.user  # type: ignore[union-attr]


def test_a_token_ends_and_is_revoked_by_its_owner_alone(people: People) -> None:
    row, token = services.create_token(people.bob.user, "laptop")
    with pytest.raises(Missing):
        services.revoke_token(people.alice.actor, row.pk)
    services.revoke_token(people.bob.actor, row.pk)
    assert services.user_of_token(token) is None
    _, late = services.create_token(people.bob.user, "late", expires_at=timezone.now() - timedelta(seconds=1))
    assert services.user_of_token(late) is None


def test_an_invitation_makes_a_new_person_a_member_once(people: People) -> None:
    _, path = services.invite(people.alice.actor, "growth", "analyst", "maria@example.org")
    maria = services.accept_invitation(secret_of(path), None, "maria", "Maria Silva", PASSWORD)
    assert maria.check_password(PASSWORD)
    assert maria.password.startswith("argon2")
    assert Membership.objects.get(user=maria).role == "analyst"
    assert maria.email == "maria@example.org"
    with pytest.raises(Missing):
        services.accept_invitation(secret_of(path), None, "marta", "Marta", PASSWORD)
    assert not User.objects.filter(username="marta").exists()


def test_an_invitation_refused_is_not_spent(people: People) -> None:
    _, path = services.invite(people.alice.actor, "growth", "analyst")
    with pytest.raises(Invalid):
        services.accept_invitation(secret_of(path), None, "maria", "Maria", "short")
    with pytest.raises(Conflict):
        services.accept_invitation(secret_of(path), None, "bob", "Bob", PASSWORD)
    assert not User.objects.filter(username="maria").exists()
    assert services.accept_invitation(secret_of(path), None, "maria", "Maria", PASSWORD).username == "maria"


def test_somebody_signed_in_joins_and_keeps_a_role_they_have(people: People) -> None:
    _, path = services.invite(people.alice.actor, "growth", "viewer")
    services.accept_invitation(secret_of(path), people.charlie.user)
    assert Membership.objects.get(user=people.charlie.user, team__slug="growth").role == "viewer"
    _, path = services.invite(people.alice.actor, "growth", "viewer")
    services.accept_invitation(secret_of(path), people.alice.user)
    assert Membership.objects.get(user=people.alice.user, team__slug="growth").role == "admin"
