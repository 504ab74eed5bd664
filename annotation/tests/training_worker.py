"""A train worker for tests that kill one: its own process on its own data folder (SONOLOOP_DATA), no broker.

python -m annotation.tests.training_worker prepare EPOCHS   make tables, gold, a dataset and a queued run
python -m annotation.tests.training_worker work             do what a worker does with the run's job
python -m annotation.tests.training_worker let-lease-end    as if 45 s had gone by, then the reaper
python -m annotation.tests.training_worker show             the job, the run and its metrics as JSON
"""

import json
import os
import sys
from datetime import timedelta

os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - Django first
from django.utils import timezone  # noqa: E402 - Django first

from annotation import jobs, tasks, training  # noqa: E402 - Django first
from annotation.models import Job, TrainingRun  # noqa: E402 - Django first
from annotation.tests.factories import make_dataset, make_project  # noqa: E402 - Django first

TINY = {
    "image_size": 128,
    "batch_size": 2,
    "augment": False,
    "model": {"widths": [8, 8, 8, 8, 8], "kernels": [1, 3]},
}


def prepare(epochs: str) -> None:
    call_command("migrate", verbosity=0)
    project = make_project()
    dataset = make_dataset(project)
    training.request_run(project, project.created_by, dataset, epochs=int(epochs), config=TINY)


def work() -> None:
    tasks.train_run(Job.objects.get().pk)


def let_lease_end() -> None:
    Job.objects.filter(state=Job.State.RUNNING).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    jobs.reap()


def show() -> None:
    run, job = TrainingRun.objects.get(), Job.objects.get()
    metrics = list(run.metrics.order_by("sequence").values_list("values", flat=True))
    model = getattr(run, "model", None)
    print(
        json.dumps(
            {
                "job": job.state,
                "attempts": job.attempts,
                "run": run.state,
                "error": run.error,
                "folder": str(training.folder_of(run)),
                "metrics": metrics,
                "model": model and model.scores,
            }
        )
    )


if __name__ == "__main__":
    commands = {"prepare": prepare, "work": work, "let-lease-end": let_lease_end, "show": show}
    commands[sys.argv[1]](*sys.argv[2:])
