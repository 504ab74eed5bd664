"""Lists with a million frames in the project: what the screens ask for, over real HTTP, one request at a time."""

import json
from typing import TYPE_CHECKING

from benchmarks import _instance
from benchmarks._report import Row

if TYPE_CHECKING:
    from annotation.models import Project, User

BUDGET_MS = 200
FRAMES_PER_CLIP = 500
CLIPS_PER_SUBJECT = 5
ANNOTATORS = 20
REVISION_DAYS = 200
PAGES = 60
JOBS_PER_CLIP = 3

# Of 1000 frames of every clip, by index: who has done what. The others are untouched.
STATES = (("accepted", 0, 60), ("submitted", 60, 80), ("open", 80, 95), ("returned", 95, 100))


def build(frames: int) -> tuple["Project", "User"]:
    """A project of that many frames, all of them selected; a tenth of them touched by twenty people.

    Returns the project and one of its annotators. SQLite only: rows are made by the database itself, a hundred clips
    at a time.
    """
    from django.db import connection

    from annotation import files
    from annotation.models import Job, Membership, User

    project = _instance.make_project("A million frames")
    people = [User.objects.create(username=f"annotator{n}", password="!") for n in range(ANNOTATORS)]
    for person in people:
        Membership.objects.create(project=project, user=person, role=Membership.Role.REVIEWER)
    clips = frames // FRAMES_PER_CLIP
    first = _clips(project, clips)
    png = files.encode_label_map(_instance.label_map(0, list(range(1, 13))))
    with connection.cursor() as cursor:
        for start in range(first, first + clips, 100):
            _frames_of(cursor, project, start, min(start + 100, first + clips))
            _work_on(cursor, people, png, start, min(start + 100, first + clips))
        for at in range(0, clips * JOBS_PER_CLIP, 5000):
            Job.objects.bulk_create(
                Job(
                    kind=Job.Kind.INGEST,
                    queue="cpu",
                    project=project,
                    state=Job.State.DONE,
                    title="Read frames",
                    params={"clip": first + number % clips},
                    created_by=project.created_by,
                )
                for number in range(at, min(at + 5000, clips * JOBS_PER_CLIP))
            )
    return project, people[0]


def _clips(project: "Project", clips: int) -> int:
    from annotation.models import Clip, Subject

    subjects = Subject.objects.bulk_create(
        [Subject(project=project, pseudonym=f"S{n:04d}") for n in range(-(-clips // CLIPS_PER_SUBJECT))]
    )
    counters = {f"{state}_count": (end - begin) * FRAMES_PER_CLIP // 1000 for state, begin, end in STATES}
    rows = [
        Clip(
            project=project,
            subject=subjects[n // CLIPS_PER_SUBJECT],
            number=n % CLIPS_PER_SUBJECT + 1,
            state=Clip.State.READY,
            uploaded_by=project.created_by,
            sha256=f"{n:064x}",
            byte_size=1,
            width=640,
            height=480,
            frame_count=FRAMES_PER_CLIP,
            selected_count=FRAMES_PER_CLIP,
            drafted_count=FRAMES_PER_CLIP // 2,
            pack_name=f"clips/none-{n}/frames.pack",
            **counters,
        )
        for n in range(clips)
    ]
    return int(Clip.objects.bulk_create(rows, batch_size=500)[0].pk)


def _frames_of(cursor, project: "Project", first: int, end: int) -> None:
    """Frames of clips first … end-1. Every other one is drafted, so has an uncertainty."""
    state = " ".join(
        f"WHEN n.i * 1000 / {FRAMES_PER_CLIP} >= {a} AND n.i * 1000 / {FRAMES_PER_CLIP} < {b} THEN '{name}'"
        for name, a, b in STATES
    )
    cursor.execute(
        f"""
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {FRAMES_PER_CLIP})
        INSERT INTO annotation_frame
            (project_id, clip_id, "index", time_us, pack_offset, pack_length, sha256, dhash, selected, state,
             uncertainty, disagreement, rank, arm)
        SELECT {project.pk}, c.id, n.i, n.i * 33333, n.i * 100000, 100000, hex(randomblob(32)), random(), 1,
            CASE {state} ELSE 'untouched' END,
            CASE WHEN n.i % 2 THEN -1.0 ELSE (abs(random()) % 1000000) / 1000000.0 END, -1.0,
            CASE WHEN n.i % 2 THEN -1.0 ELSE (abs(random()) % 1000000) / 1000000.0 END,
            CASE WHEN n.i % 2 THEN '' WHEN n.i % 10 THEN 'ranked' ELSE 'random' END
        FROM annotation_clip c, n WHERE c.id >= %s AND c.id < %s
        """,
        [first, end],
    )


def _work_on(cursor, people: list["User"], png: bytes, first: int, end: int) -> None:
    """An annotation with one revision for every touched frame, spread over people and days."""
    people_first = people[0].pk
    cursor.execute(
        f"""
        INSERT INTO annotation_annotation (frame_id, slot, annotator_id, state, head, created_at, updated_at)
        SELECT id, 0, {people_first} + id % {len(people)}, state, 1, datetime('now'), datetime('now')
        FROM annotation_frame WHERE clip_id >= %s AND clip_id < %s AND state <> 'untouched'
        """,
        [first, end],
    )
    cursor.execute(
        f"""
        INSERT INTO annotation_revision
            (annotation_id, number, author_id, origin, png, sha256, label_pixels, active_seconds, created_at,
             provenance)
        SELECT a.id, 1, a.annotator_id, 'hand', %s, hex(randomblob(32)), '{{"1": 900}}', 30.0,
            datetime('now', '-' || (a.id %% {REVISION_DAYS}) || ' days'), '{{}}'
        FROM annotation_annotation a JOIN annotation_frame f ON f.id = a.frame_id
        WHERE f.clip_id >= %s AND f.clip_id < %s
        """,
        [png, first, end],
    )
    cursor.execute(
        """
        UPDATE annotation_frame SET gold_id = (SELECT r.id FROM annotation_revision r JOIN annotation_annotation a
            ON a.id = r.annotation_id WHERE a.frame_id = annotation_frame.id)
        WHERE clip_id >= %s AND clip_id < %s AND state = 'accepted'
        """,
        [first, end],
    )


def measure(client: _instance.Client, project: "Project", frames: int) -> list[Row]:
    """Time every list; pages are walked to the 60th, so deep pages are among them."""
    clip = int(json.loads(client.call("GET", f"/api/projects/{project.pk}/clips?limit=1")[2])["results"][0]["id"])
    here = f"/api/projects/{project.pk}"
    frames_of = f"/api/clips/{clip}/frames?limit=20"
    lists = {
        "queue to annotate": f"{here}/queue?role=annotate",
        "queue to review": f"{here}/queue?role=review",
        "clips": f"{here}/clips?limit=50",
        "frames of a clip, by index": frames_of,
        "frames of a clip, most uncertain first": f"{frames_of}&order=uncertainty&state=untouched",
        "jobs of the project": f"/api/jobs?project={project.pk}",
        "jobs of all my projects": "/api/jobs?limit=50",
        "subjects": f"{here}/subjects?limit=50",
        "stats": f"{here}/stats",
        "effort": f"{here}/effort",
    }
    rows = []
    for name, path in lists.items():
        p95 = _instance.percentile(_walk(client, path), 0.95) * 1000
        rows.append(Row(f"{name}, {frames:,} frames, p95", p95, "ms", f"≤ {BUDGET_MS}", p95 <= BUDGET_MS))
    return rows


def _walk(client: _instance.Client, path: str) -> list[float]:
    """Seconds of each of 60 requests, page after page, from the start again after the last."""
    seconds, cursor = [], None
    for _ in range(PAGES):
        address = path + (f"{'&' if '?' in path else '?'}cursor={cursor}" if cursor else "")
        spent, status, body, _headers = client.call("GET", address)
        if status != 200:
            raise RuntimeError(f"{address} answered {status}: {body[:200]!r}")
        seconds.append(spent)
        cursor = json.loads(body).get("next")
    return seconds
