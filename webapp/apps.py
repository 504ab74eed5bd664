"""Makes the configured queue known to every process that starts Django."""

from django.apps import AppConfig


class WebappConfig(AppConfig):
    """The web application itself."""

    name = "webapp"

    def ready(self) -> None:
        """Import the queue: a `@shared_task` called before that would look for a broker on localhost:5672."""
        from webapp import celery  # noqa: F401
