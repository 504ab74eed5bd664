"""`manage.py close_account NAME`: this person can no longer get in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation import people
from annotation.errors import NotFound


class Command(BaseCommand):
    help = "End a person's sign-in, sessions and tokens. What they did stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = people.close_account(options["username"])
        except NotFound as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(f"{user.username} can no longer get in. Sessions and tokens have ended.")
