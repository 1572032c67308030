"""`manage.py token USERNAME`: an API token, alone on a line."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.services import create_token, get_user
from portal.problems import Problem


class Command(BaseCommand):
    help = "Print a new API token of a person. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="console", help="what it is called in the person's list of tokens")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = get_user(options["username"])
        except Problem as error:
            raise CommandError(error.message) from None
        if not user.is_active:
            raise CommandError(f"{user.username} is deactivated.")
        self.stdout.write(create_token(user, options["name"])[1])
