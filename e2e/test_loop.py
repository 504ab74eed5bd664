"""The whole loop in a real Chromium against the process tree that `make run` starts."""

import io
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotation.tests.http import Api
from ml.phantom import ClipSpec, simulate_clip, write_video
from webapp.node import node_folder
from webapp.tests.trees import PASSWORD, REPOSITORY, USER, Tree, running_tree

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

REAL = REPOSITORY.parent / "shared" / "data"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def tell(tree: Tree, story: str, out: Path, **words: str) -> None:
    """Run one story (e2e/<story>.mjs) in a browser; its pictures go to e2e/pictures."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("not run: there is no Chromium on this machine (Debian: apt-get install chromium)")
    env = {
        **os.environ,
        "PATH": f"{node_folder()}{os.pathsep}{os.environ['PATH']}",
        "SONOLOOP_URL": tree.url,
        "SONOLOOP_USER": USER,
        "SONOLOOP_PASSWORD": PASSWORD,
        "SONOLOOP_CHROMIUM": browser,
        "SONOLOOP_PICTURES": str(REPOSITORY / "e2e" / "pictures"),
        "SONOLOOP_OUT": str(out),
        **words,
    }
    done = subprocess.run(
        ["node", f"e2e/{story}.mjs"], cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=840, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def simulated_clip(folder: Path) -> Path:
    """A short clip that needs no download."""
    clip = simulate_clip(ClipSpec("lumbar_pso", subject_seed=1, clip_seed=1, frames=6))
    folder.mkdir()
    write_video(clip, folder / "clip.mp4")
    return folder / "clip.mp4"


def exported_masks_are_what_was_painted(tree: Tree, out: Path, *, over_a_draft: bool = False) -> int:
    """Compare every exported mask with the pixels the browser showed as painted; how many were compared."""
    told = json.loads((out / "painted.json").read_text())
    api = Api(tree.url, USER, PASSWORD)
    with zipfile.ZipFile(out / "export.zip") as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read(next(name for name in names if name.endswith("manifest.json"))))
        places = {(item["subject"], item["frame"]): item["mask"] for item in manifest["samples"]}
        for frame_id, shown in told["painted"].items():
            detail = api.call("GET", f"/api/frames/{frame_id}").json()
            place = (detail["clip"]["subject"]["pseudonym"], detail["index"])
            exported = cv2.imdecode(
                np.frombuffer(io.BytesIO(archive.read(places[place])).getvalue(), np.uint8), cv2.IMREAD_UNCHANGED
            )
            painted = np.zeros(shown["width"] * shown["height"], np.uint8)
            painted[shown["painted"]] = 1
            drawn = (exported > 0).astype(np.uint8) if over_a_draft else exported
            np.testing.assert_array_equal(drawn, painted.reshape(shown["height"], shown["width"]))
            assert painted.any()
    return len(told["painted"])


def test_the_loop_with_real_clips(tmp_path: Path) -> None:
    if not REAL.is_dir():
        pytest.skip("not run: the folder of real ultrasound is not on this machine")
    lungs = REAL / "video_lung_pocus"
    clips = [
        lungs / "Vir_prospective_file2.mp4",
        lungs / "Cov-Atlas+(45).gif",
        lungs / "Reg_Avi_lung-sliding.MP4",
        REAL / "pocus_devices" / "clarius-ocular-short.mp4",
    ]
    with running_tree(tmp_path / "data") as tree:
        tell(
            tree,
            "loop",
            tmp_path,
            SONOLOOP_PRESET="One lesion",
            SONOLOOP_CLIPS=json.dumps([{"file": str(c), "subject": f"S 0{n}"} for n, c in enumerate(clips, 1)]),
            SONOLOOP_LATE_CLIP=json.dumps(
                {"file": str(lungs / "Pneu_northumbria_0409_set1_vid1.avi"), "subject": "S 05"}
            ),
        )
        assert exported_masks_are_what_was_painted(tree, tmp_path) == 8


def test_the_demonstration_round_the_loop(tmp_path: Path) -> None:
    """The simulated project of the first start: a draft is corrected, and the retrained model takes over."""
    with running_tree(tmp_path / "data", SONOLOOP_DEMO="1") as tree:
        tell(tree, "demonstration", tmp_path)
        assert exported_masks_are_what_was_painted(tree, tmp_path, over_a_draft=True) == 1


def test_work_outlives_a_cut_line_and_a_crashed_tab(tmp_path: Path) -> None:
    """Promise 4: at most the open stroke is lost."""
    clip = simulated_clip(tmp_path / "simulated")
    with running_tree(tmp_path / "data") as tree:
        tell(tree, "lost_tab", tmp_path, SONOLOOP_CLIPS=json.dumps([{"file": str(clip), "subject": "S 01"}]))


def test_only_what_was_seen_is_handed_in_and_judged(tmp_path: Path) -> None:
    """A newer revision, a reviewer's quick correction, a conflict, a lost session: no verdict on what nobody saw."""
    clip = simulated_clip(tmp_path / "simulated")
    with running_tree(tmp_path / "data") as tree:
        tell(tree, "seen", tmp_path, SONOLOOP_CLIPS=json.dumps([{"file": str(clip), "subject": "S 01"}]))
