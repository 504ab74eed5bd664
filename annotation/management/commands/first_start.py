"""`manage.py first_start`: creates the first person, queues the demonstration, says so in one line of JSON."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from annotation import demonstration, people, tasks


class Command(BaseCommand):
    help = "Create the first manager (once) and print {username, password, created} as JSON."

    def handle(self, *args: Any, **options: Any) -> None:
        created = people.create_first_manager(settings.ADMIN_PASSWORD)
        if created and settings.DEMO:
            job = demonstration.request(created[0])
            if job:
                tasks.enqueue(job)
        told = {"username": people.FIRST_MANAGER, "password": None, "created": created is not None}
        if created and not settings.ADMIN_PASSWORD:
            told["password"] = created[1]
        self.stdout.write(json.dumps(told))
