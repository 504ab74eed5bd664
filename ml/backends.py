"""What computes the network: one small class per runtime, all giving the same answer within stated bounds.

    openvino-f32, openvino-bf16   the exported graph on a CPU, the default there
    onnxruntime-f32               the exported graph where OpenVINO cannot run
    torch-cuda-bf16               PyTorch on a GPU, the default where there is one
    torch-cpu-f32                 PyTorch on a CPU: the reference the others are measured against, and the last resort

torch is imported by its own backend only: the worker that drafts on a CPU never loads it.
"""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml.errors import BadData, BadWeights

if TYPE_CHECKING:
    import torch
    from torch import nn


class Backend(ABC):
    """A network ready to run.

    name        what is stored with every draft it computed
    batch_size  how many pictures it takes at once; what it gives for one does not depend on the others
    """

    name: str
    batch_size: int

    @abstractmethod
    def run(self, x: np.ndarray, aux: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of each channel, and how undecided they are.

        x        float32 [B, 1, S, S], normalised
        aux      float32 [B, 2K, S, S] (`ml.model.AAUNet`), or None: then as if all zeros
        returns  float32 [B, K+1, S, S] that sum to 1, and float32 [B, S, S]: their entropy as a share of the
                 largest possible, 0 sure, 1 no idea
        Raises BadData for aux given to a network without a second input.
        """


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """float32 [B, K+1, S, S] → float32 [B, S, S], as a share of the largest possible."""
    terms = probabilities * np.log(np.maximum(probabilities, 1e-12))
    return -terms.sum(1, dtype=np.float32) / np.float32(np.log(probabilities.shape[1]))


class TorchBackend(Backend):
    """PyTorch: fp32 on a CPU, bf16 where only products are concerned on a GPU."""

    def __init__(self, model: nn.Module, device: torch.device | str | None = None) -> None:
        import torch

        from ml.model import folded, to_device

        self._torch = torch
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = to_device(folded(model), self.device)
        on_gpu = self.device.type == "cuda"
        # On a CPU batches only cost memory (LIMITS.md); and a picture's draft must not depend on its company.
        self.batch_size = 16 if on_gpu else 1
        self.name = "torch-cuda-bf16" if on_gpu else "torch-cpu-f32"

    def run(self, x: np.ndarray, aux: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        torch = self._torch
        if aux is not None and getattr(self.model, "aux_stem", None) is None:
            raise _refused_aux()
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            inputs = [self._batch(x)] if aux is None else [self._batch(x), self._batch(aux)]
            logits = self.model(*inputs)
        probabilities = logits.float().softmax(1).cpu().contiguous().numpy()
        return probabilities, entropy(probabilities)

    def _batch(self, array: np.ndarray) -> torch.Tensor:
        batch = self._torch.from_numpy(array)
        return batch.to(self.device, memory_format=self._torch.channels_last)


class OpenVinoBackend(Backend):
    """OpenVINO: one thread, one picture, precision pinned, nothing kept on disk.

    onnx  what `ml.export.to_onnx` gave
    Raises BadWeights when the bytes are no such graph, RuntimeUnavailable when OpenVINO cannot run here.
    """

    batch_size = 1

    def __init__(self, onnx: bytes) -> None:
        # It would ask to send usage figures when its conversion tools are used. We do not use them; make sure.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        try:
            import openvino

            self._core = openvino.Core()
            # Without bf16 in the processor, OpenVINO would compute it number by number.
            self._bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        except (ImportError, RuntimeError) as error:
            raise RuntimeUnavailable(f"OpenVINO cannot run here ({_first_line(error)}).") from error
        self.name = "openvino-bf16" if self._bf16 else "openvino-f32"
        self._onnx = onnx
        model = self._read()
        self.takes_aux = len(model.inputs) == 2
        try:
            self.story = json.loads(str(model.get_rt_info(["framework", "story"]).value))
            self.weights_sha256 = str(model.get_rt_info(["framework", "weights_sha256"]).value)
        except (RuntimeError, ValueError) as error:
            raise BadWeights("The ONNX file was not made by this program: it tells nothing of its network.") from error
        self._plain = self._compile(_without_aux(model))
        self._hinted: Any = None  # compiled when the first hints come: most workers never see any

    def _read(self) -> Any:
        try:
            return self._core.read_model(self._onnx)
        except RuntimeError as error:
            raise BadWeights(f"The ONNX file is damaged: {_first_line(error)}") from error

    def _compile(self, model: Any) -> Any:
        model.reshape({each.any_name: [1, *list(each.partial_shape)[1:]] for each in model.inputs})
        for result in model.get_results():
            if "logits" in result.input_value(0).get_names():
                model.remove_result(result)
        settings = {
            "INFERENCE_NUM_THREADS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if self._bf16 else "f32",
        }
        try:
            return self._core.compile_model(model, "CPU", settings).create_infer_request()
        except RuntimeError as error:
            raise RuntimeUnavailable(f"OpenVINO cannot run this network here ({_first_line(error)}).") from error

    def run(self, x: np.ndarray, aux: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        if aux is None:
            request, inputs = self._plain, [{"x": one[None]} for one in x]
        else:
            if not self.takes_aux:
                raise _refused_aux()
            if self._hinted is None:
                self._hinted = self._compile(self._read())
            request, inputs = self._hinted, [{"x": a[None], "aux": b[None]} for a, b in zip(x, aux, strict=True)]
        found = []
        for each in inputs:
            results = request.infer(each, share_inputs=True)
            found.append([results[name].copy() for name in _OUTPUTS])
        return _joined(found)


class OnnxRuntimeBackend(Backend):
    """ONNX Runtime in fp32: runs on any CPU, slower than OpenVINO. Raises as `OpenVinoBackend` does."""

    batch_size = 1
    name = "onnxruntime-f32"

    def __init__(self, onnx: bytes) -> None:
        try:
            import onnxruntime
            from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf
        except ImportError as error:
            raise RuntimeUnavailable(f"ONNX Runtime cannot run here ({_first_line(error)}).") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf) as error:
            raise BadWeights(f"The ONNX file is damaged: {_first_line(error)}") from error
        about = self._session.get_modelmeta().custom_metadata_map
        if "story" not in about or "weights_sha256" not in about:
            raise BadWeights("The ONNX file was not made by this program: it tells nothing of its network.")
        self.story, self.weights_sha256 = json.loads(about["story"]), about["weights_sha256"]
        self._aux_shape = next((each.shape[1:] for each in self._session.get_inputs() if each.name == "aux"), None)

    def run(self, x: np.ndarray, aux: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        if aux is None and self._aux_shape:
            aux = np.zeros((len(x), *self._aux_shape), np.float32)
        if aux is not None and not self._aux_shape:
            raise _refused_aux()
        found = []
        for n in range(len(x)):
            feed = {"x": x[n : n + 1]} | ({} if aux is None else {"aux": aux[n : n + 1]})
            found.append(self._session.run(list(_OUTPUTS), feed))
        return _joined(found)


class RuntimeUnavailable(Exception):
    """A runtime is not installed, or cannot run on this processor."""


class Opened(NamedTuple):
    """A backend, and a sentence when it is not the one wanted."""

    backend: OpenVinoBackend | OnnxRuntimeBackend
    remark: str


def open_onnx(onnx: bytes) -> Opened:
    """The fastest runtime for the graph on this CPU. Raises BadWeights when the bytes are not a sound graph."""
    try:
        return Opened(OpenVinoBackend(onnx), "")
    except RuntimeUnavailable as missing:
        why = str(missing)
    try:
        return Opened(OnnxRuntimeBackend(onnx), f"{why} ONNX Runtime computes the drafts, more slowly.")
    except RuntimeUnavailable as missing:
        raise BadWeights(f"{why} {missing} Install the packages of requirements.txt again.") from missing


_OUTPUTS = ("probabilities", "peak", "lag")


def _joined(found: list[list[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Outputs of single pictures → what `Backend.run` returns."""
    probabilities, peak, lag = (np.concatenate(parts) for parts in zip(*found, strict=True))
    # Entropy without a logarithm per channel: −log of the largest probability, minus the mean lag of the logits
    # behind the largest one.
    entropies = (-np.log(peak) - lag)[:, 0] / np.float32(np.log(probabilities.shape[1]))
    return probabilities, entropies


def _without_aux(model: Any) -> Any:
    """Cut off the second input: zeros there change nothing, and cost time."""
    for parameter in model.get_parameters():
        if parameter.get_friendly_name() == "aux":
            [use] = parameter.output(0).get_target_inputs()
            [addition] = use.get_node().output(0).get_target_inputs()
            addition = addition.get_node()
            rest = next(v for v in addition.input_values() if v.get_node().get_name() != use.get_node().get_name())
            addition.output(0).replace(rest)
            model.remove_parameter(parameter)
    return model


def _refused_aux() -> BadData:
    return BadData("This model takes no previous mask and no clicks: it was trained without (aux off).")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("Exception from")]
    return (lines[0] if lines else type(error).__name__)[:200]
