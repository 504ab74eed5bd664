"""Tells open pages that something changed: one Redis channel, told after the commit, listened to by `/api/events`.

An event says only what kind of thing changed, its id and its project; the page then asks for it through the API,
where access is checked. A broker that is away costs liveliness, never data, so a lost event is only logged.
"""

import functools
import json
import logging

import redis
from django.db import models, transaction

from webapp.broker import redis_url

CHANNEL = "sonoloop:changes"
log = logging.getLogger(__name__)


@functools.cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(redis_url(), socket_connect_timeout=1, socket_timeout=1)


def changed(row: models.Model) -> None:
    """After the running transaction commits, tell listeners that `row` changed."""
    kind = row._meta.model_name or ""
    project_id = row.pk if kind == "project" else getattr(row, "project_id", None)
    told = json.dumps({"kind": _KINDS.get(kind, kind), "id": row.pk, "project": project_id})
    transaction.on_commit(lambda: _publish(told))


_KINDS = {"trainingrun": "run", "modelversion": "model", "datasetversion": "dataset"}


def _publish(told: str) -> None:
    try:
        _client().publish(CHANNEL, told)
    except redis.RedisError as fault:
        log.warning("an event was not told: the broker gave no answer (%s)", type(fault).__name__)
