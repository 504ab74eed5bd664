"""`python -m ml.evaluate`: scores in the frames' own unit, one frame in memory, and a page that stands alone."""

import json
import re

import numpy as np
import pytest
import torch

from ml import evaluate
from ml.checkpoint import WeightsInfo, save_model
from ml.config import ModelConfig
from ml.data import Sample, read_manifest
from ml.errors import BadData
from ml.labels import LabelSchema
from ml.model import AAUNet
from ml.predict import Prediction
from ml.report import HEAT, ErrorMap
from ml.tests.synthetic import LABELS, png, speckle_frame, write_manifest


class Drawn:
    """Stands in for a network: draws what it is told, the same for every frame."""

    labels = LABELS

    def __init__(self, labelmap, probability=0.8):
        self.prediction = Prediction(labelmap, np.full(labelmap.shape, probability, np.float32), {}, 0.0, {})

    def predict_batch(self, images):
        return [self.prediction for _ in images]


def sample(mask, subject="A", spacing=None):
    image = np.full(mask.shape, 90, np.uint8)
    return Sample(lambda: png(image), lambda: png(mask), subject, f"{subject} clip", "test", spacing)


def bar(left):
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, left : left + 20] = 3
    return mask


def test_distances_are_in_millimetres_only_when_every_frame_has_a_scale():
    scaled, unknown = sample(bar(20), "A", (0.5, 0.5)), sample(bar(20), "B")
    in_mm = evaluate.evaluate(Drawn(bar(24)), [scaled, scaled])
    assert (in_mm["unit"], in_mm["labels"]["3"]["hd95"]) == ("mm", 2)
    mixed = evaluate.evaluate(Drawn(bar(24)), [scaled, unknown])
    assert (mixed["unit"], mixed["labels"]["3"]["hd95"], mixed["labels"]["3"]["nsd_1"]) == ("px", 4, None)
    assert in_mm["scale"] != mixed["scale"]
    assert in_mm["labels"]["3"]["presence_f1"] == 1
    assert 0 < in_mm["labels"]["3"]["ece"] < 0.2, "most are right, 0.8 was promised"


def test_a_quick_evaluation_is_the_same_in_what_it_has():
    full, quick = (evaluate.evaluate(Drawn(bar(24)), [sample(bar(20))], quick=quick) for quick in (False, True))
    assert quick["macro"]["dice"] == full["macro"]["dice"] == pytest.approx(0.8)
    assert "hd95" not in quick["macro"]


@pytest.mark.parametrize("scale", [0, -1, "0.1", [0.1], [0.1, 0.2, 0.3], float("inf"), True])
def test_a_scale_that_is_none_is_refused(tmp_path, scale):
    manifest = write_manifest(tmp_path, [("A", "test")], frames=1)
    plain = json.loads(manifest.read_text())
    plain["samples"][0]["millimetres_per_pixel"] = scale
    manifest.write_text(json.dumps(plain))
    with pytest.raises(BadData, match="millimetres_per_pixel"):
        read_manifest(manifest)


@pytest.mark.parametrize(("scale", "spacing"), [(None, None), (0.2, (0.2, 0.2)), ([0.2, 0.3], (0.2, 0.3))])
def test_a_scale_is_read_for_both_directions(tmp_path, scale, spacing):
    manifest = write_manifest(tmp_path, [("A", "test")], frames=1)
    plain = json.loads(manifest.read_text())
    plain["samples"][0]["millimetres_per_pixel"] = scale
    manifest.write_text(json.dumps(plain))
    assert read_manifest(manifest).samples[0].spacing == spacing


def test_the_error_map_says_where_and_what():
    errors = ErrorMap(LabelSchema(LABELS.labels))
    right, missed = sample(bar(20)), sample(np.zeros((60, 80), np.uint8))
    evaluate.evaluate(Drawn(bar(20)), [right, missed], watch=errors.see)
    assert errors.heat.shape == (HEAT, HEAT)
    assert errors.heat[HEAT // 2, int(HEAT * 30 / 80)] == pytest.approx(1)
    assert errors.heat[0].max() == 0
    assert (errors.confusion[3, 3], errors.confusion[0, 3]) == (400, 400)
    assert (errors.near, errors.far) == (0, 400), "no border is near what was invented"
    assert errors.dice[0] == 1 and np.isnan(errors.dice[1])


def test_the_report_is_one_page_that_fetches_nothing(tmp_path):
    manifest = write_manifest(tmp_path / "data", [("A", "test"), ("B <b>", "test")], frames=2)
    info = WeightsInfo(ModelConfig(num_labels=2, widths=(8, 8, 16, 16, 16)), LABELS, 128, "d" * 64)
    torch.manual_seed(0)
    save_model(tmp_path / "w.safetensors", AAUNet(info.config), info)
    out = tmp_path / "report"
    arguments = ["--weights", tmp_path / "w.safetensors", "--manifest", manifest, "--report", out]
    assert evaluate.main([str(each) for each in [*arguments, "--json", tmp_path / "s.json"]]) == 0
    page = (out / "report.html").read_text()
    assert page.count('<img alt="" width="360" src="data:image/jpeg;base64,') >= 3
    assert "<script" not in page and set(re.findall(r'(?:src|href)="?(.{5})', page)) == {"data:"}
    assert "B &lt;b&gt;" in page and "B <b>" not in page, "names are text, not markup"
    assert all(words in page for words in ("HD95, px", "4 of 4", "within 3 pixels of a border", "bone", "canal"))


def test_a_report_of_frames_that_show_nothing_says_so(tmp_path):
    manifest = write_manifest(tmp_path / "data", [("A", "test")], frames=1)
    image, mask = speckle_frame(0)
    (tmp_path / "data" / "0-0-mask.png").write_bytes(png(np.zeros_like(mask)))
    (tmp_path / "data" / "0-0.png").write_bytes(png(image))
    info = WeightsInfo(ModelConfig(num_labels=2, widths=(8, 8, 16, 16, 16)), LABELS, 128, "d" * 64)
    save_model(tmp_path / "w.safetensors", AAUNet(info.config), info)
    arguments = ["--weights", tmp_path / "w.safetensors", "--manifest", manifest, "--report", tmp_path]
    assert evaluate.main([str(each) for each in [*arguments, "--json", tmp_path / "s.json"]]) == 0
    assert "No frame shows a label." in (tmp_path / "report.html").read_text()
