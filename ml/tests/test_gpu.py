"""What the GPU path asks of the code: what any machine can show, and, by `pytest -m gpu`, what needs the device."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml.backends import TorchBackend
from ml.config import ModelConfig
from ml.losses import deep_supervision_loss
from ml.model import AAUNet, folded, to_device

K = 3
DEFAULT = ModelConfig(num_labels=K, widths=(8, 8, 16, 16, 16))
FORMS = {
    "default": DEFAULT,
    "inverted": replace(DEFAULT, dense_entry=False),
    "full resolution": DEFAULT.full_resolution(),
    "group norm": replace(DEFAULT, norm="group"),
}
ELSEWHERE = torch.device("meta")  # shapes without values: whoever reads one, or adds one of the CPU's, is refused


def empty(*shape, dtype=torch.float32):
    return torch.empty(*shape, dtype=dtype, device=ELSEWHERE)


def test_elsewhere_refuses_what_a_gpu_would():
    with pytest.raises(RuntimeError, match="not on the expected device"):
        empty(3) + torch.ones(3)
    with pytest.raises(RuntimeError, match=r"item\(\) cannot be called on meta"):
        empty(3).sum().item()


@pytest.mark.parametrize("hinted", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_pass_stays_on_its_device_and_reads_nothing_back_from_it(form, hinted):
    """What a CUDA graph asks of it."""
    network = to_device(folded(AAUNet(FORMS[form])), ELSEWHERE)
    hints = [empty(2, 2 * K, 128, 128)] if hinted else []
    with torch.inference_mode():
        logits = network(empty(2, 1, 128, 128), *hints)
    assert logits.device == ELSEWHERE and logits.shape == (2, K + 1, 128, 128)


@pytest.mark.parametrize("form", FORMS)
def test_a_training_step_stays_on_its_device(form):
    network = to_device(AAUNet(FORMS[form]), ELSEWHERE).train()
    levels = network(empty(8, 1, 128, 128), empty(8, 2 * K, 128, 128))
    channels = empty(8, 128, 128, dtype=torch.uint8)
    loss = deep_supervision_loss(levels, channels, empty(8), empty(K + 1))
    loss.backward()
    assert loss.device == ELSEWHERE and all(each.grad is not None for each in network.parameters())


@pytest.mark.filterwarnings("ignore:CUDA is not available:UserWarning")
def test_a_network_that_cannot_be_recorded_is_computed_step_by_step_and_said_so(monkeypatch):
    asked = []

    def refused():
        asked.append(1)
        raise RuntimeError("operation not permitted when stream is capturing")

    backend = TorchBackend(AAUNet(DEFAULT), "cpu")
    x = torch.randn(1, 1, 128, 128)
    plain = backend.compute([x])
    assert not backend.remark, "a CPU records nothing"
    monkeypatch.setattr(torch.cuda, "CUDAGraph", refused)
    monkeypatch.setattr(backend, "_on_gpu", True)
    for _ in range(2):
        again = backend.compute([x])
        assert torch.equal(again[0], plain[0]) and torch.equal(again[1], plain[1])
    assert len(asked) == 1, "tried once, not for every batch"
    assert backend.remark == (
        "The GPU computes step by step: the network could not be recorded as one graph "
        "(operation not permitted when stream is capturing)."
    )


@pytest.mark.parametrize(("off", "kept"), [(0.0, True), (0.02, False)])
def test_a_recorded_graph_is_used_only_if_it_gives_the_answer_of_the_pass(monkeypatch, off, kept):
    """The device is the edge of the world here: what it plays back stands in for it."""

    class Played:
        def __init__(self, work, inputs):
            self.work = work

        def play(self, inputs):
            probabilities, best = self.work(inputs)
            return probabilities + off, best

    monkeypatch.setattr("ml.backends._CudaGraph", Played)
    backend = TorchBackend(AAUNet(DEFAULT), "cpu")
    graph = backend._recorded([torch.randn(1, 1, 128, 128)])
    assert (graph is not None) == kept
    assert backend.remark == (
        ""
        if kept
        else "The GPU computes step by step: the network could not be recorded as one graph "
        "(its probabilities were 0.02 off)."
    )


@pytest.mark.gpu
@pytest.mark.parametrize("hinted", [False, True])
@pytest.mark.parametrize("pictures", [1, 3, 16])
def test_on_a_gpu_the_recorded_network_answers_as_the_reference_does(pictures, hinted):
    torch.manual_seed(0)
    network = AAUNet(DEFAULT).eval()
    gpu, reference = TorchBackend(network, "cuda"), TorchBackend(network, "cpu")
    for seed in range(2):  # the second plays what the first recorded
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((pictures, 1, 128, 128)).astype(np.float32)
        hints = rng.random((pictures, 2 * K, 128, 128)).astype(np.float32) if hinted else None
        found, expected = gpu.run(x, hints), reference.run(x, hints)
        assert np.abs(found[0] - expected[0]).mean() < 0.02 and (found[1] == expected[1]).mean() > 0.97
    assert gpu.remark == ""
