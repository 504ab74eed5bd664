import json
import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from ml import evaluate
from ml.checkpoint import WeightsInfo, save_model
from ml.config import ModelConfig
from ml.data import Letterbox, decode_mask
from ml.errors import BadData
from ml.labels import LabelSchema
from ml.model import AAUNet
from ml.predict import Predictor, main
from ml.tests.synthetic import LABELS, png, speckle_frame, write_manifest

INFO = WeightsInfo(ModelConfig(num_labels=2, widths=(8, 8, 16, 16, 16)), LABELS, 128, "d" * 64)


@pytest.fixture
def predictor():
    torch.manual_seed(0)
    model = AAUNet(INFO.config)
    for conv in model.head_convolutions():
        torch.nn.init.normal_(conv.weight, std=1.0)  # so that every label is drawn somewhere
    return Predictor(model, INFO, "cpu")


@pytest.mark.parametrize("shape", [(1, 1), (128, 128), (97, 301), (300, 50, 3), (6000, 8000)])
def test_a_draft_has_the_size_of_its_picture_and_known_labels(predictor, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    [prediction] = predictor.predict_batch([image])
    assert prediction.labelmap.shape == shape[:2] and prediction.labelmap.dtype == np.uint8
    drawn = set(np.unique(prediction.labelmap).tolist())
    assert drawn <= {0, 3, 7}
    assert set(prediction.confidence) == drawn - {0}
    assert all(1 / 3 <= value <= 1 for value in prediction.confidence.values())
    assert 0 <= prediction.uncertainty <= 1


def test_a_draft_does_not_depend_on_its_company(predictor):
    images = [speckle_frame(n, 90 + n, 140)[0] for n in range(3)]
    together = predictor.predict_batch(images)
    for image, prediction in zip(images, together, strict=True):
        [alone] = predictor.predict_batch([image])
        assert (alone.labelmap == prediction.labelmap).all() and alone.uncertainty == prediction.uncertainty
    assert predictor.predict_batch([]) == []


class Constant(torch.nn.Module):
    """Stands in for the network: the same logits at every pixel."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, x):
        return self.logits.view(1, -1, 1, 1).expand(len(x), -1, *x.shape[-2:])


@pytest.mark.parametrize(
    ("logits", "label", "confidence", "uncertainty"),
    [
        ((0.0, 0.0, math.log(2)), 7, 0.5, (1.5 * math.log(2)) / math.log(3)),  # 1/4, 1/4, 1/2
        ((0.0, 0.0, 50.0), 7, 1.0, 0.0),
        ((50.0, 0.0, 0.0), 0, None, 0.0),
        ((0.0, 0.0, 0.0), 0, None, 1.0),  # nothing drawn: the whole picture counts
    ],
)
def test_confidence_and_uncertainty_are_those_of_the_formula(predictor, logits, label, confidence, uncertainty):
    predictor.backend.model = Constant(logits)
    [prediction] = predictor.predict_batch([speckle_frame(0, 100, 128)[0]])
    assert (prediction.labelmap == label).all()
    assert prediction.confidence == ({} if confidence is None else {label: pytest.approx(confidence, abs=1e-5)})
    assert prediction.uncertainty == pytest.approx(uncertainty, abs=1e-5)


@pytest.mark.parametrize("side", [64, 128, 200])
def test_doubt_counts_up_to_ten_pixels_of_the_picture_around_what_is_drawn(predictor, side):
    box = Letterbox(side, side, 128)
    winner = np.zeros((128, 128), np.uint8)
    winner[60:68, 60:68] = 2
    away = cv2.distanceTransform(1 - winner // 2, cv2.DIST_L2, 5) * side / 128

    def told(unsure):
        probabilities = (winner == np.arange(3)[:, None, None]).astype(np.float32)
        probabilities[:, unsure] = 1 / 3
        made = predictor.read(probabilities, winner, box)
        assert made.scores == {7: pytest.approx(made.uncertainty)}
        return made.uncertainty

    assert told(away > 14) == 0
    assert told((away > 5) & (away < 10)) > 0.1
    assert told(away < 14) == pytest.approx(1, abs=1e-5)


def test_a_draft_of_several_looks_is_their_mean_and_mirrors_with_its_picture(predictor):
    image, _ = speckle_frame(1, 96, 128)
    stack, box = predictor.looks(image)
    assert stack.shape[0] == 4
    plain = predictor.probabilities([image])[0][0]
    np.testing.assert_allclose(stack[0], plain, atol=1e-6)
    assert np.abs(stack[1] - plain).max() > 1e-4  # another gamma is another look

    [(mirrored, _)] = predictor.probabilities([np.ascontiguousarray(image[:, ::-1])])
    np.testing.assert_allclose(stack[3], mirrored[:, :, ::-1], atol=1e-5)

    drawn, mean = predictor.predict_augmented(image), stack.mean(0)
    assert drawn.labelmap.shape == image.shape
    assert drawn.uncertainty == pytest.approx(predictor.read(mean, mean.argmax(0).astype(np.uint8), box).uncertainty)


@pytest.mark.parametrize("shape", [(480, 640), (641, 487), (100, 77), (1, 1), (3, 900)])
@pytest.mark.parametrize("spread", [3, 40])
def test_a_mask_at_native_size_is_where_each_stretched_plane_is_the_largest(predictor, shape, spread):
    """Labels are stretched only around where they win; the answer is that of stretching all of everything."""
    rng = np.random.default_rng(0)
    box = Letterbox.of(np.zeros(shape), 128)
    logits = np.stack([cv2.GaussianBlur(rng.normal(size=(128, 128)), (0, 0), spread) for _ in range(3)])
    probabilities = (np.exp(30 * spread * logits) / np.exp(30 * spread * logits).sum(0)).astype(np.float32)
    made = predictor.read(probabilities, probabilities.argmax(0).astype(np.uint8), box)
    planes = np.stack([box.back(plane) for plane in probabilities])
    wanted = planes.argmax(0)
    assert np.array_equal(made.labelmap, np.array([0, *LABELS.indices])[wanted])
    np.testing.assert_allclose(made.probability, planes.max(0), atol=1e-6)
    assert made.confidence == {
        index: pytest.approx(planes[channel][wanted == channel].mean(), abs=1e-4)
        for channel, index in enumerate(LABELS.indices, start=1)
        if (wanted == channel).any()
    }


def test_a_model_whose_labels_name_a_side_is_never_mirrored(predictor):
    sides = LabelSchema(((3, "left lamina"), (7, "canal")))
    sided = Predictor(AAUNet(predictor.info.config), replace(predictor.info, labels=sides))
    assert len(sided.looks(speckle_frame(1)[0])[0]) == 3


def test_what_is_not_a_picture_is_refused(predictor):
    with pytest.raises(BadData):
        predictor.predict_batch([np.zeros((4, 4), np.float32)])


def test_the_command_writes_masks_that_the_predictor_gives(predictor, tmp_path):
    torch.manual_seed(1)
    save_model(tmp_path / "w.safetensors", AAUNet(INFO.config), replace(INFO))
    image, _ = speckle_frame(3, 150, 200)
    (tmp_path / "a.png").write_bytes(png(image))
    out = tmp_path / "out"
    arguments = ["--weights", str(tmp_path / "w.safetensors"), str(tmp_path / "a.png"), "--out", str(out)]
    assert main(arguments) == 0
    [prediction] = Predictor.load(tmp_path / "w.safetensors").predict_batch([image])
    assert np.array_equal(decode_mask((out / "a.png").read_bytes()), prediction.labelmap)
    assert json.loads((out / "predictions.json").read_text())["a"]["uncertainty"] == round(prediction.uncertainty, 4)


def test_the_command_names_a_picture_it_cannot_read_and_drafts_the_others(tmp_path, capsys):
    save_model(tmp_path / "w.safetensors", AAUNet(INFO.config), replace(INFO))
    (tmp_path / "a.png").write_bytes(b"text")
    (tmp_path / "b.png").write_bytes(png(speckle_frame(3)[0]))
    pictures = [str(tmp_path / name) for name in ("a.png", "missing.png", "b.png")]
    out = tmp_path / "out"
    assert main(["--weights", str(tmp_path / "w.safetensors"), *pictures, "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert "a.png: An image cannot be decoded" in said
    assert "Cannot read missing.png: No such file" in said
    assert "1 of 3 pictures drafted." in said
    assert sorted(path.name for path in out.iterdir()) == ["b.png", "predictions.json"]
    assert list(json.loads((out / "predictions.json").read_text())) == ["b"]

    assert main(["--weights", str(tmp_path / "w.safetensors"), *pictures, "--out", str(out / "b.png")]) == 1
    said = capsys.readouterr().err
    assert "--out must be a folder that can be written to" in said and "b.png" in said


def test_a_model_is_scored_on_the_labels_it_shares_with_the_masks(tmp_path, capsys):
    """Made before 3 was renamed and 9 added, and while there was a 5."""
    manifest = write_manifest(tmp_path / "data", [("A", "test"), ("B", "test")], frames=1)
    plain = json.loads(manifest.read_text())
    plain["labels"] = [{"index": 3, "name": "vertebra"}, {"index": 7, "name": "canal"}, {"index": 9, "name": "new"}]
    manifest.write_text(json.dumps(plain))
    mask = decode_mask((tmp_path / "data" / "0-0-mask.png").read_bytes())
    mask[:5] = 9
    (tmp_path / "data" / "0-0-mask.png").write_bytes(png(mask))
    info = replace(INFO, config=replace(INFO.config, num_labels=3), labels=LabelSchema((*LABELS.labels, (5, "old"))))
    save_model(tmp_path / "w.safetensors", AAUNet(info.config), info)

    arguments = ["--weights", str(tmp_path / "w.safetensors"), "--manifest", str(manifest)]
    assert evaluate.main([*arguments, "--json", str(tmp_path / "s.json")]) == 0
    scores = json.loads((tmp_path / "s.json").read_text())
    assert {index: row["name"] for index, row in scores["labels"].items()} == {"3": "vertebra", "7": "canal"}
    assert scores["n_total"] == 2
    assert scores["only_in_masks"] == [{"index": 9, "name": "new"}]
    assert scores["only_in_model"] == [{"index": 5, "name": "old"}]
    assert scores["renamed"] == [{"index": 3, "name": "vertebra", "name_in_model": "bone"}]
    assert "not scored, for the model does not know it: 9 new" in capsys.readouterr().out

    mask[:5] = 11
    (tmp_path / "data" / "0-0-mask.png").write_bytes(png(mask))
    assert evaluate.main([*arguments, "--json", str(tmp_path / "s.json")]) == 1
    assert "label indices [11]" in capsys.readouterr().err


def test_a_model_that_shares_no_label_is_not_scored(tmp_path, capsys):
    manifest = write_manifest(tmp_path / "data", [("A", "test")], frames=1)
    info = replace(INFO, labels=LabelSchema(((1, "a"), (2, "b"))))
    save_model(tmp_path / "w.safetensors", AAUNet(info.config), info)
    arguments = ["--weights", str(tmp_path / "w.safetensors"), "--manifest", str(manifest)]
    assert evaluate.main([*arguments, "--json", str(tmp_path / "s.json")]) == 1
    assert "No label index is in both: [3, 7] here, [1, 2] there." in capsys.readouterr().err
