"""`manage.py signin` and `manage.py token`: each prints one line, and it works."""

from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from portal.accounts.services import spend_sign_in, user_of_token
from portal.problems import Missing
from tests.harness.people import People


def printed(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_signin_prints_an_address_that_works_once(people: People) -> None:
    address = printed("signin", "bob")
    assert address.startswith(f"{settings.URL}/signin/")
    secret = address.strip().rpartition("/")[2]
    assert spend_sign_in(secret) == people.bob.user
    with pytest.raises(Missing):
        spend_sign_in(secret)


def test_token_prints_the_token_alone(people: People) -> None:
    lines = printed("token", "bob").splitlines()
    assert len(lines) == 1
    token = user_of_token(lines[0])
    assert token is not None
    assert token.user == people.bob.user


@pytest.mark.parametrize("command", ["signin", "token"])
def test_nobody_and_the_deactivated_get_none(people: People, command: str) -> None:
    with pytest.raises(CommandError, match="nobody called mallory"):
        call_command(command, "mallory")
    people.bob.user.is_active = False
    people.bob.user.save()
    with pytest.raises(CommandError, match="deactivated"):
        call_command(command, "bob")
