"""Every runtime gives what PyTorch fp32 gives, within the bounds of docs/model.md."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml import backends, export
from ml.backends import OnnxRuntimeBackend, OpenVinoBackend, RuntimeUnavailable, TorchBackend
from ml.checkpoint import WeightsInfo, load_model, save_model
from ml.config import ModelConfig
from ml.data import Letterbox, normalise
from ml.errors import BadData, BadWeights
from ml.labels import LabelSchema
from ml.model import AAUNet
from ml.phantom.clip import ClipSpec, simulate_clip
from ml.predict import Predictor
from ml.tests.synthetic import LABELS, speckle_frame

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = ModelConfig(num_labels=2, widths=(8, 8, 16, 16, 16))
BOUNDS = {"f32": (1e-3, 0.999), "bf16": (0.15, 0.998)}  # largest probability difference, share of equal labels
# Random weights amplify the rounding of bf16 as trained ones do not, and single pixels then say nothing.
BOUNDS_OF_RANDOM_WEIGHTS = {"f32": (1e-3, 1e-4, 0.999), "bf16": (1.0, 0.02, 0.97)}  # largest, mean, equal labels
CHAMPION = REPOSITORY / "ml" / "weights" / "phantom_champion.safetensors"


def network(config=SMALL, size=128):
    """(a network whose every part does something, what it says of itself)"""
    torch.manual_seed(1)
    model = AAUNet(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if any(part in name for part in ("weigh.", "which.", "beta", "balance", "aux_stem")):
                parameter.normal_(0, 0.1)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.1)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
        for conv in model.head_convolutions():
            conv.weight.normal_(0, 0.2)
    labels = LabelSchema(tuple((n, f"label {n}") for n in range(1, config.num_labels + 1)))
    return model, WeightsInfo(config, labels, size, "d" * 64)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mdck": False},
        {"alca": False},
        {"gag": False},
        {"gag_global": False},
        {"madm": False},
        {"half_resolution": False},
        {"dense_entry": False},
        {"dense_entry": False, "linear_branches": False},
        {"depthwise_gate": False},
        {"aux": False},
        {"kernels": (1,)},
        {"depths": (1, 1, 2, 1, 1), "kernels": (1, 3, 5, 7)},
    ],
    ids=str,
)
def test_the_exported_graph_is_the_network(changes):
    model, info = network(replace(SMALL, **changes))
    data = export.to_onnx(model, info)
    assert max(export.errors(model, info, data)) < 1e-4


def test_a_network_of_group_norms_is_exported():
    model, info = network()
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.BatchNorm2d):
                setattr(
                    module,
                    name,
                    torch.nn.GroupNorm(4, child.num_features) if child.num_features > 1 else torch.nn.GroupNorm(1, 1),
                )
    assert max(export.errors(model, info, export.to_onnx(model, info))) < 1e-4


def test_sizes_whose_maps_do_not_divide_evenly_are_exported_too():
    model, info = network(size=320)
    assert max(export.errors(model, info, export.to_onnx(model, info))) < 1e-4


def test_a_graph_that_is_not_the_network_is_not_written(tmp_path, monkeypatch, capsys):
    model, info = network()
    save_model(tmp_path / "w.safetensors", model, info)
    with torch.no_grad():
        model.decoder[0].alpha.mul_(1.5)
    wrong = export.to_onnx(model, info)
    monkeypatch.setattr(export, "to_onnx", lambda *_: wrong)
    arguments = ["--weights", str(tmp_path / "w.safetensors"), "--out", str(tmp_path / "m.onnx")]
    assert export.main(arguments) == 1
    assert "This is a fault of the export" in capsys.readouterr().err
    assert not (tmp_path / "m.onnx").exists()


def test_a_graph_that_gives_no_numbers_is_not_taken_for_the_network():
    model, info = network()
    broken, _ = network()
    with torch.no_grad():
        broken.stem[0].weight.fill_(torch.nan)
    assert np.isnan(export.errors(model, info, export.to_onnx(broken, info))).all()


def test_equal_weights_give_equal_bytes():
    model, info = network()
    assert export.to_onnx(model, info, "a") == export.to_onnx(model, info, "a")


@pytest.mark.parametrize("kind", [OpenVinoBackend, OnnxRuntimeBackend])
@pytest.mark.parametrize("hinted", [False, True])
def test_a_runtime_agrees_with_pytorch(kind, hinted):
    model, info = network()
    backend, reference = kind(export.to_onnx(model, info)), TorchBackend(model, "cpu")
    rng = np.random.default_rng(0)
    # Five: a batch of four and one alone.
    x = np.concatenate([rng.normal(size=(4, 1, 128, 128)), np.zeros((1, 1, 128, 128))]).astype(np.float32)
    aux = rng.uniform(-1, 1, (5, 4, 128, 128)).astype(np.float32) if hinted else None
    (found, best), (wanted, wanted_best) = backend.run(x, aux), reference.run(x, aux)
    largest, mean, same = BOUNDS_OF_RANDOM_WEIGHTS[backend.name.rpartition("-")[2]]
    assert np.abs(found - wanted).max() < largest
    assert np.abs(found - wanted).mean() < mean
    assert (best == wanted_best).mean() >= same
    assert found.sum(1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(np.take_along_axis(found, best[:, None].astype(int), 1)[:, 0], found.max(1))
    again = backend.run(x[1:2], None if aux is None else aux[1:2])
    assert np.array_equal(again[0], found[1:2]), "what a picture gets depends on its company"


@pytest.mark.parametrize("kind", [OpenVinoBackend, OnnxRuntimeBackend])
def test_a_trained_network_draws_the_same_by_every_runtime(kind):
    model, info = load_model(CHAMPION)
    backend, reference = kind(export.export(CHAMPION)), TorchBackend(model, "cpu")
    clip = simulate_clip(ClipSpec("lumbar_pso", subject_seed=100, clip_seed=0, frames=2))
    boxes = [Letterbox.of(frame, info.image_size) for frame in clip.frames]
    x = np.stack([normalise(box.image(frame)) for box, frame in zip(boxes, clip.frames, strict=True)])[:, None]
    (found, best), (wanted, wanted_best) = backend.run(x), reference.run(x)
    largest, same = BOUNDS[backend.name.rpartition("-")[2]]
    assert len(np.unique(wanted_best)) > 4
    assert np.abs(found - wanted).max() < largest
    assert (best == wanted_best).mean() >= same


def test_no_hints_are_hints_of_zero():
    model, info = network()
    backend = OpenVinoBackend(export.to_onnx(model, info))
    x = np.random.default_rng(0).normal(size=(1, 1, 128, 128)).astype(np.float32)
    plain, hinted = backend.run(x)[0], backend.run(x, np.zeros((1, 4, 128, 128), np.float32))[0]
    assert np.abs(plain - hinted).mean() < 1e-4
    if backend.name.endswith("f32"):
        assert plain == pytest.approx(hinted, abs=1e-4)


@pytest.mark.parametrize("kind", [OpenVinoBackend, OnnxRuntimeBackend])
def test_hints_to_a_network_that_takes_none_are_refused(kind):
    model, info = network(replace(SMALL, aux=False))
    x, aux = np.zeros((1, 1, 128, 128), np.float32), np.zeros((1, 4, 128, 128), np.float32)
    with pytest.raises(BadData, match="takes no previous mask and no clicks"):
        kind(export.to_onnx(model, info)).run(x, aux)


@pytest.mark.parametrize("kind", [OpenVinoBackend, OnnxRuntimeBackend])
@pytest.mark.parametrize("harm", [lambda data: data[: len(data) // 2], lambda _: b"not a graph" * 50, lambda _: b""])
def test_a_damaged_graph_is_refused(kind, harm):
    with pytest.raises(BadWeights):
        kind(harm(export.to_onnx(*network())))


def test_where_openvino_cannot_run_the_words_say_who_does(monkeypatch):
    data = export.to_onnx(*network())
    assert backends.open_onnx(data).remark == ""

    def unavailable(_):
        raise RuntimeUnavailable("OpenVINO cannot run here (no such library).")

    monkeypatch.setattr(backends, "OpenVinoBackend", unavailable)
    opened = backends.open_onnx(data)
    assert opened.name == "onnxruntime-f32"
    assert opened.remark == (
        "OpenVINO cannot run here (no such library). ONNX Runtime computes the drafts, more slowly."
    )


def test_a_graph_of_other_bytes_weights_or_labels_is_refused(tmp_path):
    model, info = network()
    path, data = tmp_path / "m.onnx", export.to_onnx(model, info, "f" * 64)
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    assert Predictor.from_onnx(path, sha256=digest, weights_sha256="f" * 64).info == info
    with pytest.raises(BadWeights, match="SHA-256 differs"):
        Predictor.from_onnx(path, sha256="0" * 64)
    with pytest.raises(BadWeights, match="made from other weights"):
        Predictor.from_onnx(path, sha256=digest, weights_sha256="0" * 64)
    with pytest.raises(BadWeights, match="was trained for the labels"):
        Predictor.from_onnx(path, sha256=digest, labels=LABELS)
    with pytest.raises(BadWeights, match="Cannot read"):
        Predictor.from_onnx(tmp_path / "none.onnx", sha256=digest)


def test_the_command_writes_what_a_worker_reads_without_torch_and_without_a_network(tmp_path):
    model, info = network()
    weights, onnx = tmp_path / "w.safetensors", tmp_path / "m.onnx"
    save_model(weights, model, info)
    assert export.main(["--weights", str(weights), "--out", str(onnx)]) == 0
    code = f"""
import sys
def watch(event, _):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit("it phones home")
sys.addaudithook(watch)
import hashlib, pathlib, numpy
from ml.predict import Predictor
path = pathlib.Path({str(onnx)!r})
predictor = Predictor.from_onnx(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
[made] = predictor.predict_batch([numpy.zeros((90, 120), numpy.uint8)])
print(made.labelmap.shape, predictor.backend.name.startswith("openvino"))
print(sorted({{name.split(".")[0] for name in sys.modules}} & {{"torch", "openvino_telemetry"}} - {{
    name for name, module in sys.modules.items() if module is None}}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["(90, 120) True", "[]"], done.stderr


def test_the_default_runtime_drafts_what_pytorch_drafts(tmp_path):
    model, info = network()
    save_model(tmp_path / "w.safetensors", model, info)
    image, _ = speckle_frame(3, 150, 200)
    predictor = Predictor.load(tmp_path / "w.safetensors")
    [fast] = predictor.predict_batch([image])
    [plain] = Predictor(model, info, "cpu").predict_batch([image])
    same = BOUNDS_OF_RANDOM_WEIGHTS[predictor.backend.name.rpartition("-")[2]][2]
    assert (fast.labelmap == plain.labelmap).mean() >= same
    assert fast.uncertainty == pytest.approx(plain.uncertainty, abs=0.02)
