"""The demonstration project: simulated spine clips that go through the steps as a hospital's own would.

Nothing here is a picture of a person: `python -m ml.phantom` simulates the clips and their exact masks from seeds.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotation import corrections, frames, jobs, projects, registry, review
from annotation.errors import SonoloopError
from annotation.ingest import uploads
from annotation.models import Clip, Frame, Job, Project, Review, Revision, Subject, User

NAME = "Demonstration: lumbar spine (simulated)"
VIEW = "lumbar_pso"
WEIGHTS = Path(settings.BASE_DIR) / "ml" / "weights" / "phantom_champion.safetensors"
SUBJECTS = 7
FIRST_SEED = 100  # people the shipped champion has never seen: it was made from seeds above 1000
FRAMES = 48
GOLD_SUBJECTS = 5  # the others wait for an annotator
WAIT_S = 1.0
TEST_SUBJECTS = (4, 5)  # two, so that scores have an interval


def request(user: User) -> Job | None:
    """Queue the making of the demonstration project; None when it is there already."""
    if Project.objects.filter(is_demonstration=True).exists():
        return None
    with transaction.atomic():
        project = projects.create_project(
            name=NAME,
            by=user,
            description="Simulated clips, made on this machine. Try everything here: nothing in it is of a person.",
            preset=VIEW,
            is_demonstration=True,
        )
        projects.change_project(project, by=user, frames_per_clip=8)
        return jobs.create(
            Job.Kind.DEMONSTRATION,
            queue="cpu",
            title="Make the demonstration project",
            project=project,
            created_by=user,
            params={"project": project.pk},
        )


def make(attempt: jobs.Attempt, project: Project, user: User, then: Callable[[Clip], None]) -> None:
    """Simulate the clips and take them through ingest, correction and review; install the shipped champion.

    Safe to run twice: what an attempt before this one made is kept. `then` is called, in the transaction that ends
    the job, for each clip that waits for drafts.
    """
    with tempfile.TemporaryDirectory(prefix="demonstration-", dir=settings.FILE_UPLOAD_TEMP_DIR) as scratch:
        attempt.progress(0, SUBJECTS + 1, "Simulating clips")
        entries = _simulate(Path(scratch))
        waiting = []
        for number, entry in enumerate(entries, start=1):
            attempt.progress(number, SUBJECTS + 1, f"Reading simulated clip {number} of {SUBJECTS}")
            clip = _ingest(attempt, project, user, _pseudonym(number), Path(scratch) / entry["video"])
            Clip.objects.filter(pk=clip.pk).update(millimetres_per_pixel=entry["millimetres_per_pixel"])
            if number <= GOLD_SUBJECTS:
                _annotate(clip, _simulator(), Path(scratch) / entry["masks"])
            else:
                waiting.append(clip)
    Subject.objects.filter(project=project, pseudonym__in=[_pseudonym(each) for each in TEST_SUBJECTS]).update(
        is_test=True
    )
    with transaction.atomic():
        if project.champion_id is None:
            registry.import_champion(project, WEIGHTS, json.loads(WEIGHTS.with_suffix(".json").read_text()), user)
        attempt.complete(f"{SUBJECTS} simulated subjects")
        for clip in waiting:
            then(clip)


def _simulator() -> User:
    """Whose work the exact masks are: nobody's who can sign in, so that no person's effort or audit tells of them."""
    user, made = User.objects.get_or_create(username="simulator", defaults={"is_active": False})
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def _pseudonym(number: int) -> str:
    return f"Phantom {number:02d}"


def _simulate(folder: Path) -> list[dict[str, Any]]:
    command = [
        sys.executable, "-m", "ml.phantom", "--view", VIEW, "--subjects", str(SUBJECTS),
        "--frames", str(FRAMES), "--seed", str(FIRST_SEED), "--out", str(folder),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise SonoloopError(f"The simulated clips could not be made: {done.stderr.strip()[-300:]}")
    clips: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text())["clips"]
    return clips


def _ingest(attempt: jobs.Attempt, project: Project, user: User, subject: str, video: Path) -> Clip:
    """Take one file through upload and ingest, under a job of its own as any upload, unless it is here."""
    here = Clip.objects.filter(project=project, subject__pseudonym=subject).exclude(state=Clip.State.FAILED).first()
    if here is not None:
        return _read(attempt, here)
    upload = uploads.begin(project, subject=subject, length=video.stat().st_size, by=user)
    try:
        uploads.append(upload, 0, [video.read_bytes()])
        sha256 = uploads.inspect(upload)
        with transaction.atomic():
            clip = uploads.make_clip(upload, sha256)
            job = frames.request_extract(clip, user)
    except BaseException:
        uploads.discard(upload)
        raise
    return _read(attempt, clip, job)


def _read(attempt: jobs.Attempt, clip: Clip, job: Job | None = None) -> Clip:
    """Have the clip's frames read, by its ingest job: an attempt before this one may have died before or in it."""
    job = job or Job.objects.filter(kind=Job.Kind.INGEST, params__clip=clip.pk).order_by("-pk").first()
    while clip.state == Clip.State.PROCESSING:
        if job is None or job.state in jobs.ENDED:
            raise SonoloopError(f"Simulated clip {clip.number} of {clip.subject.pseudonym} was not read.")
        # Does nothing while another worker, or a dead one's lease, has the job: then this waits for either.
        jobs.run(job.pk, lambda ingest: frames.extract(ingest, clip))
        clip.refresh_from_db()
        job.refresh_from_db()
        attempt.check()
        if clip.state == Clip.State.PROCESSING and job.state == Job.State.RUNNING:
            time.sleep(WAIT_S)
    if clip.state == Clip.State.FAILED:
        raise SonoloopError(f"A simulated clip was refused: {clip.state_reason}")
    return clip


def _annotate(clip: Clip, user: User, masks: Path) -> None:
    """Save and accept the simulator's exact masks on the selected frames."""
    untouched = Frame.objects.filter(clip=clip, selected=True, state=Frame.State.UNTOUCHED)
    for frame in untouched.select_related("clip", "project"):
        png = (masks / f"{frame.index:04d}.png").read_bytes()
        save = corrections.Save(png=png, base=0, origin=Revision.Origin.IMPORTED)
        with transaction.atomic():
            corrections.save_mask(frame, save, by=user, may_reopen=True)
            corrections.submit(frame, by=user)
            review.decide(frame, verdict=Review.Verdict.ACCEPTED, by=user, comment="Exact mask of the simulator")
