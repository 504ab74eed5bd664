"""A real instance with much in it: rows by bulk SQL into a data folder of its own, then the process tree on it.

    with data_folder() as folder:
        prepare(folder)          # from here on this process has Django, on that folder
        rows with the models …
        with running_tree(folder) as tree: requests to tree.url

Modules of `annotation` are imported inside functions: they read the data folder when they are imported.
"""

import hashlib
import http.client
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from webapp.tests.trees import PASSWORD

if TYPE_CHECKING:
    from annotation.models import Clip, Project, User

BLOCK_FRAMES = 64
KEPT_OPEN_S = 3.0  # uvicorn hangs up after five seconds


@contextmanager
def data_folder() -> Iterator[Path]:
    """A new data folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sonoloop-bench-") as folder:
        yield Path(folder) / "data"


def prepare(folder: Path) -> None:
    """Give this process Django on `folder`, with all tables and the first manager. Once per process."""
    if "django" in sys.modules and "DJANGO_SETTINGS_MODULE" in os.environ:
        raise RuntimeError("Django is set up already; one process measures one data folder")
    for name in ("DATABASE_URL", "REDIS_URL", "STORAGE_URL"):
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "SONOLOOP_DATA": str(folder),
        "SONOLOOP_ADMIN_PASSWORD": PASSWORD,
        "SONOLOOP_DEMO": "0",
    }
    import django
    from django.core.management import call_command

    django.setup()
    logging.getLogger("annotation.events").setLevel(logging.ERROR)  # it would say that there is no broker yet
    call_command("migrate", verbosity=0)
    from annotation import people

    people.create_first_manager(PASSWORD)


def manager() -> "User":
    """The first manager."""
    from annotation.models import User

    return User.objects.get(is_staff=True)


def make_project(name: str, labels: int = 12) -> "Project":
    """A project of the manager's with this many labels: those of a preset, and further ones."""
    from annotation import projects
    from annotation.presets import PRESETS

    names = [*PRESETS["lumbar_pso"].structures, *(f"structure {n}" for n in range(labels))][:labels]
    return projects.create_project(name=name, by=manager(), labels=[{"name": each} for each in names])


def picture(seed: int, width: int = 640, height: int = 480) -> np.ndarray:
    """Speckle, uint8 [H, W]: compresses about as badly as real ultrasound."""
    rng = np.random.default_rng(seed)
    return np.clip(cv2.GaussianBlur(rng.rayleigh(60, (height, width)).astype(np.float32), (0, 0), 1.5), 0, 255).astype(
        np.uint8
    )


def label_map(seed: int, labels: list[int], width: int = 640, height: int = 480) -> np.ndarray:
    """Wavy layers and a few ellipses of every label, uint8 [H, W]: about as large as a drawn mask when stored."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((height, width), np.uint8)
    across = np.arange(width)
    for place, index in enumerate(labels):
        middle = height * (place + 1) / (len(labels) + 1) + 12 * np.sin(
            across / rng.uniform(30, 90) + rng.uniform(0, 6)
        )
        thick = rng.uniform(8, 20)
        rows = np.arange(height)[:, None]
        drawn[np.abs(rows - middle[None]) < thick * (0.6 + 0.4 * np.sin(across / 70))] = index
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        axes = (int(rng.integers(10, 50)), int(rng.integers(8, 30)))
        cv2.ellipse(drawn, centre, axes, float(rng.uniform(0, 180)), 0, 360, index, -1)
    return drawn


def add_clip(
    project: "Project",
    subject: str,
    frames: int,
    *,
    width: int = 640,
    height: int = 480,
    fps: int = 30,
    pictures: Sequence[np.ndarray] = (),
) -> "Clip":
    """A ready clip with a real pack, all frames selected, of speckle unless told which pictures.

    After 64 different pictures they come again.
    """
    from django.conf import settings

    from annotation import files
    from annotation.models import Clip, Frame, Subject

    owner, _ = Subject.objects.get_or_create(project=project, pseudonym=subject)
    number = Clip.objects.filter(subject=owner).count() + 1
    clip = Clip.objects.create(
        project=project,
        subject=owner,
        number=number,
        state=Clip.State.READY,
        uploaded_by=project.created_by,
        sha256=hashlib.sha256(f"{project.pk} {subject} {number}".encode()).hexdigest(),
        byte_size=1,
        width=width,
        height=height,
        frame_count=frames,
        selected_count=frames,
        duration_us=frames * 1_000_000 // fps,
        pack_name=f"clips/bench-{project.pk}-{owner.pk}-{number}/frames.pack",
    )
    pngs = []
    for seed in range(min(frames, BLOCK_FRAMES)):
        pixels = pictures[seed] if len(pictures) else picture(seed, width, height)
        pngs.append((cv2.imencode(".png", pixels)[1].tobytes(), hashlib.sha256(pixels.data).hexdigest()))
    local = Path(settings.FILE_UPLOAD_TEMP_DIR) / f"pack-{clip.pk}"
    pack = files.PackWriter(local)
    rows = []
    for index in range(frames):
        png, digest = pngs[index % len(pngs)]
        offset, length = pack.append(png)
        place = {"index": index, "time_us": index * 1_000_000 // fps, "pack_offset": offset, "pack_length": length}
        rows.append(Frame(project=project, clip=clip, sha256=digest, dhash=index, selected=True, **place))
    pack.close()
    clip.pack_size = local.stat().st_size
    clip.save(update_fields=["pack_size"])
    files.store_once(clip.pack_name, local)
    Frame.objects.bulk_create(rows, batch_size=2000)
    return clip


def accept_all(clip: "Clip", labels: list[int]) -> None:
    """Give every frame of the clip a gold mask, by bulk rows."""
    from django.db import connection

    from annotation import files
    from annotation.models import Annotation, Clip, Frame, Revision

    author = clip.project.created_by
    masks = []
    for seed in range(min(clip.frame_count, BLOCK_FRAMES)):
        drawn = label_map(seed, labels, clip.width, clip.height)
        pixels = {str(index): int(n) for index, n in enumerate(np.bincount(drawn.ravel())) if n and index}
        masks.append((files.encode_label_map(drawn), hashlib.sha256(drawn.data).hexdigest(), pixels))
    frames = list(Frame.objects.filter(clip=clip).order_by("index"))
    state = Frame.State.ACCEPTED
    chains = Annotation.objects.bulk_create(
        [Annotation(frame=frame, annotator=author, state=state, head=1) for frame in frames], batch_size=2000
    )
    revisions = []
    for frame, chain in zip(frames, chains, strict=True):
        png, digest, pixels = masks[frame.index % len(masks)]
        revisions.append(
            Revision(annotation=chain, number=1, author=author, png=png, sha256=digest, label_pixels=pixels)
        )
    Revision.objects.bulk_create(revisions, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE annotation_frame SET state = 'accepted', gold_id = (SELECT r.id FROM annotation_revision r "
            "JOIN annotation_annotation a ON a.id = r.annotation_id WHERE a.frame_id = annotation_frame.id) "
            "WHERE clip_id = %s",
            [clip.pk],
        )
    Clip.objects.filter(pk=clip.pk).update(accepted_count=clip.frame_count)


class Client:
    """One kept-open connection with a token: as light as a client can be, so that it is the server that is timed."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._used_at = 0.0
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[float, int, bytes, Any]:
        """One request: (seconds until the last byte, status, body, headers). Header names with underscores."""
        sent = {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        began = time.perf_counter()
        if began - self._used_at > KEPT_OPEN_S:
            self._connection.close()  # and open it anew: the server has hung up, or is about to
        self._used_at = began
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        data = answer.read()
        return time.perf_counter() - began, answer.status, data, answer.headers

    def close(self) -> None:
        self._connection.close()


def token_for(user: "User") -> str:
    """A new token of this person's."""
    from annotation import people

    return people.create_token(user, name="benchmark", scope="write")[1]


def percentile(values: list[float], share: float) -> float:
    """The value that `share` (0..1) of the values do not exceed."""
    return float(np.quantile(np.asarray(values), share, method="higher"))
