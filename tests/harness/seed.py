"""`python -m tests.harness.seed`: makes the people in a house's database; prints their tokens and sessions as JSON."""

import json
import sys

import django


def main() -> None:
    django.setup()
    from tests.harness.people import make_people

    people = make_people()
    names = ("alice", "bob", "carol", "victor", "charlie", "root")
    found = {name: getattr(people, name) for name in names}
    json.dump(
        {name: {"token": person.token, "session": person.page.session.session_key} for name, person in found.items()},
        sys.stdout,
    )


if __name__ == "__main__":
    main()
