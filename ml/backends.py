"""What computes the network: one small class per runtime, all giving the same answer within stated bounds.

    openvino-f32, openvino-bf16   the exported graph on a CPU, the default there
    onnxruntime-f32               the exported graph where OpenVINO cannot run
    torch-cuda-bf16               PyTorch on a GPU as a recorded CUDA graph, the default where there is one
    torch-cpu-f32                 PyTorch on a CPU: the reference the others are measured against

torch is imported by its own backend only: the worker that drafts on a CPU never loads it.
"""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.errors import BadData, BadWeights

if TYPE_CHECKING:
    import torch
    from torch import nn

# A graph plays the kernels of the pass it was recorded from: further apart than bf16 rounds, it is wrong.
GRAPH_TOLERANCE = 0.01


class Backend(ABC):
    """A network ready to run.

    name        what is stored with every draft it computed
    batch_size  how many pictures it takes at once; what it gives for one does not depend on the others
    remark      why it is not the fastest one for this machine, in words
    """

    name: str
    batch_size: int
    remark: str = ""

    @abstractmethod
    def run(self, x: np.ndarray, aux: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of each channel, and which is the largest.

        x        float32 [B, 1, S, S], normalised
        aux      float32 [B, 2K, S, S] (`ml.model.AAUNet`), or None: then as if all zeros
        returns  float32 [B, K+1, S, S] that sum to 1, and uint8 [B, S, S], the channel of the largest
        Raises BadData for aux given to a network without a second input.
        """


class TorchBackend(Backend):
    """PyTorch: fp32 on a CPU; on a GPU bf16 where only products are concerned, recorded as a CUDA graph."""

    def __init__(self, model: nn.Module, device: torch.device | str | None = None) -> None:
        import torch

        from ml.model import folded, to_device

        self._torch = torch
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = to_device(folded(model), self.device)
        self._on_gpu = self.device.type == "cuda"
        # On a CPU batches only cost memory (LIMITS.md); and a picture's draft must not depend on its company.
        self.batch_size = 16 if self._on_gpu else 1
        self.name = "torch-cuda-bf16" if self._on_gpu else "torch-cpu-f32"
        self._graphs: dict[tuple[torch.Size, ...], _CudaGraph | None] = {}

    def run(self, x: np.ndarray, aux: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        if aux is not None and getattr(self.model, "aux_stem", None) is None:
            raise _refused_aux()
        probabilities, best = self.compute([self._batch(x)] if aux is None else [self._batch(x), self._batch(aux)])
        return probabilities.cpu().contiguous().numpy(), best.cpu().numpy()

    def _batch(self, array: np.ndarray) -> torch.Tensor:
        batch = self._torch.from_numpy(array)
        return batch.to(self.device, memory_format=self._torch.channels_last)

    def compute(self, inputs: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        """As `run`, from and to the device: x, or x and aux. A GPU records whole batches and single pictures."""
        if not self._on_gpu or len(inputs[0]) not in (1, self.batch_size):
            return self._pass(inputs)
        shape = tuple(each.shape for each in inputs)
        if shape not in self._graphs:
            self._graphs[shape] = self._recorded(inputs)
        graph = self._graphs[shape]
        return self._pass(inputs) if graph is None else graph.play(inputs)

    def _pass(self, inputs: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        torch = self._torch
        # Without a cache: a recording would keep the weights that an earlier pass had rounded, and those go away.
        autocast = torch.autocast("cuda", torch.bfloat16, enabled=self._on_gpu, cache_enabled=False)
        with torch.inference_mode(), autocast:
            probabilities = self.model(*inputs).float().softmax(1)
            return probabilities, probabilities.argmax(1).to(torch.uint8)

    def _recorded(self, inputs: Sequence[torch.Tensor]) -> _CudaGraph | None:
        """The pass as a graph that gives the same answer; None where it does not, and the remark says why."""
        try:
            graph = _CudaGraph(self._pass, inputs)
            apart = float((graph.play(inputs)[0] - self._pass(inputs)[0]).abs().max())
        except RuntimeError as error:
            why = _first_line(error)
        else:
            if apart <= GRAPH_TOLERANCE:
                return graph
            why = f"its probabilities were {apart:.2g} off"
        self.remark = f"The GPU computes step by step: the network could not be recorded as one graph ({why})."
        return None


class _CudaGraph:
    """A pass recorded once and played again: its hundreds of short kernels are started together, not one by one.

    work    computes on the device alone: reads no value back, takes nothing from the CPU (`test_gpu.py` holds that)
    inputs  give the shapes
    Raises RuntimeError where the device or the pass does not allow it.
    """

    def __init__(
        self, work: Callable[[Sequence[torch.Tensor]], Sequence[torch.Tensor]], inputs: Sequence[torch.Tensor]
    ) -> None:
        import torch

        self._graph = torch.cuda.CUDAGraph()
        self._inputs = [each.clone() for each in inputs]
        # The first passes choose algorithms and take memory, which must not be recorded: on a stream of their own.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                work(self._inputs)
        torch.cuda.current_stream().wait_stream(side)
        with torch.cuda.graph(self._graph):
            self._outputs = work(self._inputs)

    def play(self, inputs: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        """The outputs for inputs of the recorded shapes, in memory of their own."""
        for place, each in zip(self._inputs, inputs, strict=True):
            place.copy_(each)
        self._graph.replay()
        return [each.clone() for each in self._outputs]


class OpenVinoBackend(Backend):
    """OpenVINO: one thread, precision pinned, nothing kept on disk.

    onnx  what `ml.export.to_onnx` gave
    Raises BadWeights when the bytes are no such graph, RuntimeUnavailable when OpenVINO cannot run here.
    """

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
        # Four pictures share what each operation costs beside its arithmetic. In f32 the caches are too small for it.
        self.batch_size = 4 if self._bf16 else 1
        self._onnx = onnx
        model = self._read()
        self.takes_aux = len(model.inputs) == 2
        try:
            self.story = json.loads(str(model.get_rt_info(["framework", "story"]).value))
            self.weights_sha256 = str(model.get_rt_info(["framework", "weights_sha256"]).value)
        except (RuntimeError, ValueError) as error:
            raise BadWeights("The ONNX file was not made by this program: it tells nothing of its network.") from error
        self._channels: int = model.output("logits").partial_shape[1].get_length()
        self._compiled: dict[tuple[int, bool], Any] = {}
        self._request(1, hinted=False)

    def _read(self) -> Any:
        try:
            return self._core.read_model(self._onnx)
        except RuntimeError as error:
            raise BadWeights(f"The ONNX file is damaged: {_first_line(error)}") from error

    def _request(self, pictures: int, *, hinted: bool) -> Any:
        """The graph for so many pictures, compiled when it is first wanted: few workers ever see hints."""
        if (pictures, hinted) not in self._compiled:
            model = self._read()
            if not hinted:
                _cut_off_aux(model)
            model.reshape({each.any_name: [pictures, *list(each.partial_shape)[1:]] for each in model.inputs})
            _end_in_planes(model)
            settings = {
                "INFERENCE_NUM_THREADS": 1,
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "bf16" if self._bf16 else "f32",
            }
            try:
                request = self._core.compile_model(model, "CPU", settings).create_infer_request()
            except RuntimeError as error:
                raise RuntimeUnavailable(f"OpenVINO cannot run this network here ({_first_line(error)}).") from error
            self._compiled[pictures, hinted] = request
        return self._compiled[pictures, hinted]

    def run(self, x: np.ndarray, aux: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        if aux is not None and not self.takes_aux:
            raise _refused_aux()
        side, channels = x.shape[-1], self._channels
        probabilities = np.empty((len(x), channels, side, side), np.float32)
        best = np.empty((len(x), 1, side, side), np.uint8)
        start = 0
        while start < len(x):
            # One by one unless they fill a batch: what a picture gets is the same, to the byte.
            part = slice(start, start + (self.batch_size if len(x) - start >= self.batch_size else 1))
            start = part.stop
            request = self._request(part.stop - part.start, hinted=aux is not None)
            inputs = {"x": x[part]} | ({} if aux is None else {"aux": aux[part]})
            planes, largest = request.infer(inputs, share_inputs=True, share_outputs=True).values()
            _to_pictures(planes, probabilities[part])
            _to_pictures(largest, best[part])
        return probabilities, best[:, 0]


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
            found += self._session.run(["probabilities"], feed)
        probabilities = np.concatenate(found)
        return probabilities, probabilities.argmax(1).astype(np.uint8)


class RuntimeUnavailable(Exception):
    """A runtime is not installed, or cannot run on this processor."""


def open_onnx(onnx: bytes) -> OpenVinoBackend | OnnxRuntimeBackend:
    """The fastest runtime for the graph on this CPU. Raises BadWeights when the bytes are not a sound graph."""
    try:
        return OpenVinoBackend(onnx)
    except RuntimeUnavailable as missing:
        why = str(missing)
    try:
        backend = OnnxRuntimeBackend(onnx)
    except RuntimeUnavailable as missing:
        raise BadWeights(f"{why} {missing} Install the packages of requirements.txt again.") from missing
    backend.remark = f"{why} ONNX Runtime computes the drafts, more slowly."
    return backend


def _end_in_planes(model: Any) -> None:
    """Let the graph end in (probabilities, channel of the largest), [N, K+1 or 1, places, S·S/places].

    A sub-pixel head predicts four places for each of its own: they stay apart as planes, for OpenVINO needs longer to
    put all logits in their places than for the rest of this (`_to_pictures` does it).
    """
    from openvino import Type, opset13

    results = model.get_results()
    [logits] = [each.input_value(0) for each in results if "logits" in each.input_value(0).get_names()]
    if logits.get_node().get_type_name() == "Identity":
        logits = logits.get_node().input_value(0)
    places = 1
    if logits.get_node().get_type_name() == "DepthToSpace":
        logits, places = logits.get_node().input_value(0), 4
    pictures, channels = logits.get_shape()[:2]
    shape = opset13.constant([pictures, channels // places, places, -1])
    probabilities = opset13.softmax(opset13.reshape(logits, shape, special_zero=False), 1)
    largest = opset13.topk(probabilities, opset13.constant(1), 1, "max", "none", Type.i32).output(1)
    for result in results:
        model.remove_result(result)
    model.add_results([opset13.result(each) for each in (probabilities, opset13.convert(largest, Type.u8))])


def _to_pictures(planes: np.ndarray, out: np.ndarray) -> None:
    """[N, C, 1 or 4, n] → [N, C, S, S]; four planes: upper left, upper right, lower left and lower right places."""
    places, side = planes.shape[2], out.shape[-1]
    step = 1 if places == 1 else 2
    for place in range(places):
        there = planes[:, :, place].reshape(*planes.shape[:2], side // step, side // step)
        out[:, :, place // 2 :: step, place % 2 :: step] = there


def _cut_off_aux(model: Any) -> None:
    """Cut off the second input: zeros there change nothing, and cost time."""
    for parameter in model.get_parameters():
        if parameter.get_friendly_name() == "aux":
            [use] = parameter.output(0).get_target_inputs()
            [addition] = use.get_node().output(0).get_target_inputs()
            addition = addition.get_node()
            rest = next(v for v in addition.input_values() if v.get_node().get_name() != use.get_node().get_name())
            addition.output(0).replace(rest)
            model.remove_parameter(parameter)


def _refused_aux() -> BadData:
    return BadData("This model takes no previous mask and no clicks: it was trained without (aux off).")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("Exception from")]
    return (lines[0] if lines else type(error).__name__)[:200]
