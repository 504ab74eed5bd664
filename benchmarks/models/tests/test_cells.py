"""A cell from pictures to its result, on a synthetic set."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.models import cells, queue, tables
from benchmarks.models.datasets import SETS, ImageSet, Picture
from benchmarks.models.networks import NETWORKS

SETTINGS = {"image_size": 128, "epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "batch_norm_batches": 1}


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """24 bright disks on speckle, of two classes, one of them a near-duplicate of another."""
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(24):
        image = cv2.resize(rng.integers(20, 120, (20, 20), np.uint8), (100, 90), interpolation=cv2.INTER_CUBIC)
        mask = np.zeros((90, 100), np.uint8)
        cv2.circle(mask, tuple(int(v) for v in rng.integers(30, 60, 2)), 14, 255, cv2.FILLED)
        image[mask > 0] = 220
        name = f"{number:02d}"
        if number == 23:
            image, mask = (np.roll(cv2.imread(str(tmp_path / f"22-{kind}.png"), 0), 1, 1) for kind in ("image", "mask"))
        for kind, pixels in (("image", image), ("mask", mask)):
            cv2.imwrite(str(tmp_path / f"{name}-{kind}.png"), pixels)
        group = "odd" if number % 2 else "even"
        pictures.append(Picture(name, group, tmp_path / f"{name}-image.png", tmp_path / f"{name}-mask.png"))
    return ImageSet("disks", ((1, "disk"),), True, 0.95, tuple(pictures))


@pytest.mark.slow
@pytest.mark.parametrize("network", ["aau-t", "unet-16"])
def test_a_cell_trains_scores_and_fills_the_tables(images, tmp_path, monkeypatch, network):
    monkeypatch.setattr(cells, "FOLDER", tmp_path / "results")
    cell = cells.Cell("busi", "cpu", network)

    result = cells.run(cell, images, tmp_path / "work", settings=SETTINGS)
    cells.keep(cell, result)

    held_out = {row["picture"] for row in result["scores"]}
    assert len(held_out) == result["pictures"]["test"] > 3
    assert all(0 <= row["labels"]["1"]["dice"] <= 1 for row in result["scores"])
    assert len(result["validation_by_epoch"]) == 2
    assert json.loads(cell.result.read_text()) == result
    page = tables.tables(tables.read(tmp_path / "results"))
    assert NETWORKS[network].title in page
    assert result["command"] in page


@pytest.mark.slow
def test_a_stopped_cell_goes_on_and_tells_the_commit_it_began_under(images, tmp_path, monkeypatch):
    cell = cells.Cell("busi", "cpu", "aau-t")
    with pytest.raises(cells.Stopped):
        cells.run(cell, images, tmp_path, settings=SETTINGS, should_stop=lambda: True)
    monkeypatch.setattr(cells, "commit", lambda: "later")

    assert cells.run(cell, images, tmp_path, settings=SETTINGS)["commit"] != "later"


def test_the_queue_holds_every_cell_of_the_tables_once():
    found = queue.cells_of("cpu")

    assert len(found) == len(set(found))
    assert {cells.Cell("busi", "cpu", "unet-64", 4), cells.Cell("busi", "cpu", "plain-t-mdck", 0, 2)} <= set(found)
    assert found[0] == cells.Cell("busi", "cpu", "aau-t")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SETS))
def test_real_sets_give_five_folds_without_shared_clusters(name):
    try:
        images = SETS[name]()
    except FileNotFoundError:
        pytest.skip("../shared/data is not here")
    for fold in range(5):
        manifest, tested, first = images.manifest(fold, {})
        sides = {side: {s.subject for s in manifest.split(side)} for side in ("train", "val", "test")}
        assert not (sides["train"] | sides["val"]) & sides["test"] and not sides["train"] & sides["val"]
        assert len(tested) == len(first) == len(manifest.split("test"))
        assert sum(first) == len(sides["test"])
