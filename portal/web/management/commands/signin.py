"""`manage.py signin USERNAME`: a new one-time link."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.services import sign_in_link
from portal.problems import Problem


class Command(BaseCommand):
    help = "Print a link that signs a person in once, within 15 minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(settings.URL + sign_in_link(options["username"]))
        except Problem as error:
            raise CommandError(error.message) from None
