"""Answers for machines: is the process alive, can it do its work."""

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from webapp.broker import redis_url


def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database has this code's tables and the broker answers, else 503 with what is missing."""
    checks = {"database": _database(), "broker": _broker()}
    ready = all(answer == "ok" for answer in checks.values())
    return JsonResponse({"status": "ready" if ready else "not ready", **checks}, status=200 if ready else 503)


_migrated = False


def _database() -> str:
    global _migrated
    try:
        if _migrated:  # reading all migrations again would cost more than any page
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            return "ok"
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as fault:
        return f"no answer ({type(fault).__name__})"
    _migrated = not waiting
    return "ok" if _migrated else f"{len(waiting)} migrations to run: manage.py migrate"


def _broker() -> str:
    client = redis.Redis.from_url(redis_url(), socket_connect_timeout=1, socket_timeout=1)
    try:
        client.ping()
    except redis.RedisError as fault:
        return f"no answer ({type(fault).__name__})"
    finally:
        client.close()
    return "ok"
