"""`manage.py sample`: load the sample workspace, or remove it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User
from portal.cloud.errors import CloudError, Temporary
from portal.problems import Problem
from portal.sample import load


class Command(BaseCommand):
    help = "Load the sample workspace (a shop's products, reviews and clicks), or take it away with --remove."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true", help="take the sample and its files away")
        parser.add_argument("--owner", default="", help="admin of its team; by default the first site admin")

    def handle(self, *args: Any, **options: Any) -> None:
        people = User.objects.filter(is_active=True).order_by("pk")
        name = options["owner"]
        owner = people.filter(username=name).first() if name else people.filter(is_superuser=True).first()
        if owner is None:
            raise CommandError(
                f"There is nobody called {name}." if name else "There is no site admin yet. Run make run."
            )
        try:
            if options["remove"]:
                load.remove(self.stdout.write)
            else:
                load.load(owner, self.stdout.write)
        except Temporary as error:
            raise CommandError(f"{error.message} The sample needs Skydeck running: make run.") from None
        except (CloudError, Problem) as error:
            raise CommandError(error.message) from None
