"""The editor in a real Chromium under pens, fingers, other people, cut lines and killed browsers, on a real clip."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.test_loop import REAL, tell
from webapp.tests.trees import Tree, running_tree

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

CLIP = REAL / "video_lung_pocus" / "Reg_Avi_lung-sliding.MP4"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """One instance for all stories here: each makes a project of its own."""
    if not CLIP.is_file():
        pytest.skip("not run: the folder of real ultrasound is not on this machine")
    with running_tree(tmp_path_factory.mktemp("hands") / "data") as started:
        yield started


@pytest.mark.parametrize("story", ["never_lost", "two_people", "hands", "wall"])
def test_the_editor_in_peoples_hands(tree: Tree, tmp_path: Path, story: str) -> None:
    """Promise 4 (at most the open stroke is lost) and promise 2 (nobody is overwritten); pen, touch, keys and axe."""
    tell(tree, story, tmp_path, SONOLOOP_CLIPS=json.dumps([{"file": str(CLIP), "subject": "S 01"}]))
