"""The queue: Celery over Redis. Messages are hints; the job's row in the database is the truth (promise 5).

Queues: `cpu` (decode, export, the daily sweep), `gpu` (drafts, propagation), `train` (training runs) and
`interactive` (answers a person waits for, never behind a batch).
"""

import os

from celery import Celery
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

from django.conf import settings

# A message not acknowledged after this long is delivered again. Long jobs (training) hold theirs longer than
# that: the second delivery finds the job's lease taken and does nothing.
VISIBILITY_TIMEOUT_S = 60 * 60

app = Celery("sonoloop")
app.set_default()  # for every thread: a web request runs in one of its own
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        # How often, and how eagerly, a worker looks for messages a dead worker left unacknowledged.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # A web request must not hang when the broker is away: the reaper queues the job's message again.
        "socket_connect_timeout": 2,
        "max_retries": 1,
        "interval_start": 0,
        "interval_max": 0.2,
    },
    # Results are rows; nothing is kept in the broker.
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    # A message is taken off the queue when its work is done, not when it begins.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # JSON only: a broker message can never carry code.
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    task_queues=[Queue(name) for name in ("cpu", "gpu", "train", "interactive")],
    task_default_queue="cpu",
    task_create_missing_queues=False,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    timezone="UTC",
    enable_utc=True,
)
app.autodiscover_tasks(["annotation"])
