"""Promises 3 and 5 with the real process tree: what was answered is there after a kill, and lost work runs again."""

import os
import signal
from pathlib import Path

import av
import numpy as np
import pytest

from annotation import files
from annotation.tests import factories
from annotation.tests.http import Api
from webapp.tests.trees import PASSWORD, USER, Tree, running_tree, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(300)]


def write_clip(path: Path, frames: int, height: int = 480, width: int = 640) -> None:
    """A grey H.264 clip of moving noise."""
    texture = factories.noise(1, height, width + frames, seed=1)[0]
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for index in range(frames):
            picture = np.ascontiguousarray(texture[:, index : index + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        container.mux(stream.encode())


def kill_all(tree: Tree) -> None:
    """What a power cut does to processes: all at once, none asked."""
    for process in tree.family():
        process.send_signal(signal.SIGKILL)
    tree.process.wait()


def start_project(api: Api) -> int:
    made = api.call("POST", "/api/projects", {"name": "Killed in mid-work", "preset": "one_lesion"})
    assert made.status == 201, made.body
    return int(made.json()["id"])


def test_what_was_answered_is_there_after_every_process_is_killed(tmp_path: Path) -> None:
    source = tmp_path / "clip.mp4"
    write_clip(source, 4, 96, 128)
    png = files.encode_label_map(factories.boxes(96, 128, labels=(1,)))
    with running_tree(tmp_path / "data") as tree:
        api = Api(tree.url, USER, PASSWORD)
        taken = api.upload(start_project(api), source, "S1").json()
        assert api.wait_for_job(taken["job"]["id"])["state"] == "done"
        frame = api.call("GET", f"/api/clips/{taken['clip']['id']}/frames?selected=1").json()["results"][0]
        picture = api.call("GET", f"/api/frames/{frame['id']}/image").body
        saved = api.call("PUT", f"/api/frames/{frame['id']}/mask", png, Content_Type="image/png", If_Match='"r0"')
        kill_all(tree)
        assert saved.status == 200, saved.body

    with running_tree(tmp_path / "data") as tree:
        api = Api(tree.url, USER, PASSWORD)
        mask = api.call("GET", f"/api/frames/{frame['id']}/mask")
        assert (mask.headers["etag"], mask.body) == ('"r1"', png)
        assert api.call("GET", f"/api/frames/{frame['id']}/image").body == picture


def test_an_ingest_whose_worker_is_killed_runs_again_and_stores_the_clip_once(tmp_path: Path) -> None:
    source = tmp_path / "clip.mp4"
    write_clip(source, 1200)
    with running_tree(tmp_path / "data") as tree:
        api = Api(tree.url, USER, PASSWORD)
        taken = api.upload(start_project(api), source, "S1").json()
        job, clip = taken["job"]["id"], taken["clip"]["id"]
        wait_until("the first frames", lambda: api.call("GET", f"/api/jobs/{job}").json()["progress_done"] > 0)
        os.kill(tree.child(r"celery .*--queues cpu").pid, signal.SIGKILL)
        assert api.call("GET", f"/api/jobs/{job}").json()["state"] == "running"

        ended = api.wait_for_job(job, within_s=150)

        assert (ended["state"], ended["attempts"]) == ("done", 2), ended
        shown = api.call("GET", f"/api/clips/{clip}").json()
        assert (shown["state"], shown["frame_count"]) == ("ready", 1200)
        assert len(list((tree.folder / "files").rglob("*.pack"))) == 1
        assert not list((tree.folder / "uploads").iterdir())
