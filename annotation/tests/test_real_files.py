"""Every real clip through the door: uploaded over the API, read by the worker, served pixel for pixel (promise 6)."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.test import Client

from annotation import files
from annotation.ingest import uploads
from annotation.models import Clip, Frame, Job, Project, Subject
from annotation.tests.clips import post_clip

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
FOLDERS = ("video_lung_pocus", "video_muscle", "pocus_devices", "odd_files/video")
REAL = sorted(str(path.relative_to(SHARED)) for folder in FOLDERS for path in (SHARED / folder).glob("*"))
STILLS = (".png", ".jpg")
# These give no clip, but a reason; every other file gives all its frames.
REFUSED = {
    "odd_files/video/bipbop_480wp_1001kbps-cenc-video-key1-init.mp4",
    "odd_files/video/invalid_userdata.mp4",
    "odd_files/video/sine-3s-xhe-aac-44khz-mono.mp4",
    "odd_files/video/test_case_1185230.mp4",
}
PARTIAL = {"no_timescale.mp4"}


def by_pyav(path: Path) -> list[av.VideoFrame]:
    """The frames as plain PyAV gives them until the end or the first error, without our limits and rules."""
    frames = []
    with av.open(str(path)) as container:
        try:
            for frame in container.decode(video=0):
                frames.append(frame)
        except av.FFmpegError:
            assert file_is_cut(path)
    return frames


def file_is_cut(path: Path) -> bool:
    return path.name in PARTIAL


def nothing_half_stored() -> None:
    """Every pack on storage belongs to a clip with frames, and no uploaded bytes wait."""
    root = Path(default_storage.path("clips"))
    stored = {f"clips/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file()}
    named = set(Clip.objects.filter(frame_count__gt=0).values_list("pack_name", flat=True))
    assert {name for name in named if name not in stored} == set()
    mine = {str(uuid) for uuid in Clip.objects.values_list("uuid", flat=True)}
    assert {name for name in stored if name.split("/")[1] in mine} == named
    assert not {path.stem for path in uploads.folder().iterdir()} & mine
    assert Frame.objects.filter(clip__state=Clip.State.FAILED).count() == 0


def test_the_folders_of_real_files_are_there(real_data: Path) -> None:
    assert len(REAL) >= 29


@pytest.mark.parametrize("file", REAL or ["none"])
def test_a_real_file_becomes_its_frames_or_a_reason(
    real_data: Path, client: Client, project: Project, work_at_once: None, file: str
) -> None:
    path = real_data / file
    answer = post_clip(client, project, path.read_bytes(), name=path.name)
    if answer.status_code == 400:
        assert file in REFUSED
        assert answer.json()["error"]["message"].endswith("Nothing was stored.")
        assert (Clip.objects.count(), Subject.objects.count()) == (0, 0)
        return
    assert answer.status_code == 202, answer.content
    clip = Clip.objects.get()
    shown = client.get(f"/api/clips/{clip.pk}").json()
    nothing_half_stored()
    if file in REFUSED:
        assert shown["state"] == "failed"
        assert shown["state_reason"].endswith("Nothing was stored.")
        assert Job.objects.get().error == shown["state_reason"]
        return

    assert shown["state"] == ("partial" if path.name in PARTIAL else "ready"), shown["state_reason"]
    assert bool(shown["state_reason"]) == (path.name in PARTIAL)
    rows = list(clip.frames.order_by("index"))
    assert [row.index for row in rows] == list(range(shown["frame_count"]))
    assert all(earlier.time_us < later.time_us for earlier, later in itertools.pairwise(rows))
    assert rows[0].time_us == 0
    if file.endswith(STILLS):
        assert (shown["kind"], len(rows)) == ("stills", 1)
        return
    expected = by_pyav(path)
    assert len(rows) == len(expected)
    check_times(rows, expected)
    check_pixels(client, clip, rows, expected)


def check_times(rows: list[Frame], expected: list[av.VideoFrame]) -> None:
    """Where the file gives rising times, they are the rows' to the microsecond."""
    given = [None if frame.pts is None else frame.pts * Fraction(frame.time_base) for frame in expected]
    if None in given or any(later <= earlier for earlier, later in itertools.pairwise(given)):
        return
    assert [row.time_us for row in rows] == [round((time - given[0]) * 1_000_000) for time in given]


def check_pixels(client: Client, clip: Clip, rows: list[Frame], expected: list[av.VideoFrame]) -> None:
    for index in sorted({0, len(rows) // 2, len(rows) - 1}):
        served = files.decode_frame(client.get(f"/api/frames/{rows[index].pk}/image").content)
        assert served.shape[:2] == (clip.height, clip.width)
        assert served.ndim == (2 if clip.is_grey else 3)
        if not clip.is_grey or served.shape[:2] != (expected[index].height, expected[index].width):
            continue  # colour and turned pictures: test_decode.py
        np.testing.assert_array_equal(served, luma(expected[index]))


def luma(frame: av.VideoFrame) -> np.ndarray:
    """The picture's brightness by PyAV's own conversion: swscale's for YUV, the first channel for grey RGB."""
    if frame.format.name in ("bgra", "rgb24", "bgr8", "pal8"):
        return frame.to_ndarray(format="rgb24")[:, :, 0]
    grey = frame.to_ndarray(format="gray")
    assert isinstance(grey, np.ndarray)
    return grey


def test_a_whole_folder_in_one_project_leaves_nothing_half_stored(
    real_data: Path, client: Client, project: Project, work_at_once: None
) -> None:
    for path in sorted((real_data / "odd_files" / "video").glob("*")):
        assert post_clip(client, project, path.read_bytes(), name=path.name).status_code in (202, 400)
    nothing_half_stored()
    assert Clip.objects.filter(state=Clip.State.READY).count() >= 3
    assert not Clip.objects.filter(state=Clip.State.PROCESSING).exists()
    assert not Job.objects.filter(state__in=(Job.State.QUEUED, Job.State.RUNNING)).exists()
