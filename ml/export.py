"""A trained network as an ONNX graph that OpenVINO and ONNX Runtime run fast: the same function, other operations.

    python -m ml.export --weights W.safetensors --out model.onnx

The graph is written operation by operation, so that its form is ours: batch norms and the depthwise branches of MDCK
are folded into convolutions, channel shuffles into the order of the next kernel's inputs, the 1-D convolutions of ALCA
into 1×1 ones with a banded kernel. Equal weights give equal bytes.

Inputs   x    float32 [N, 1, S, S]    normalised pictures
         aux  float32 [N, 2K, S, S]   where the network has an auxiliary stem; zeros for none
Outputs  logits, probabilities [N, K+1, S, S]
Metadata "story" (`ml.weights.WeightsInfo` as JSON), "weights_sha256" of the .safetensors file it was made from
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ml.checkpoint import load_model
from ml.errors import ExportFailed, MlError
from ml.model import AAUNet, folded
from ml.modules import ALCA, GAG, MADM, MDCK, ChannelNorm, InvertedMDCK
from ml.weights import WeightsInfo, write_atomically

NORM_EPSILON = 1e-6
PROBABILITY_TOLERANCE = 1e-3
OPSET = 20  # the first with Gelu as one operation


class Graph:
    """Operations in order, and the constants they use. A value is known by its name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: np.ndarray | Tensor | float | Sequence[int], kind: type = np.float32) -> str:
        """A new constant's name."""
        plain = array.detach().cpu().numpy() if isinstance(array, Tensor) else np.asarray(array)
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(plain.astype(kind)), name))
        return name

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add an operation; returns its output's name, or a list of names."""
        names = [f"{kind}{len(self.nodes)}" + (f"_{n}" if n else "") for n in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def convolution(
        self, x: str, weight: Tensor, bias: Tensor | None, *, stride: int = 1, groups: int = 1, relu6: bool = False
    ) -> str:
        """A convolution that keeps the size (at stride 1)."""
        pad = weight.shape[-1] // 2
        inputs = [x, self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        side = weight.shape[-1]
        y = self.op("Conv", *inputs, kernel_shape=[side, side], strides=[stride] * 2, pads=[pad] * 4, group=groups)
        return self.op("Clip", y, self.constant(0.0), self.constant(6.0)) if relu6 else y

    def resize(self, x: str, old: int, new: int) -> str:
        """Bilinear from old×old to new×new, pixel centres keep their place."""
        how: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        if new % old == 0:
            return self.op("Resize", x, "", self.constant([1, 1, new // old, new // old]), **how)
        sizes = self.op("Concat", self.op("Shape", x, start=0, end=2), self.constant([new, new], np.int64), axis=0)
        return self.op("Resize", x, "", "", sizes, **how)


def _scale_and_bias(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a batch norm does to each channel."""
    scale = norm.weight / torch.sqrt(cast(Tensor, norm.running_var) + norm.eps)
    return scale, norm.bias - cast(Tensor, norm.running_mean) * scale


def _folded_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, Tensor]:
    """(weight, bias, scale of each output) of a convolution and the batch norm after it, as one."""
    scale, bias = _scale_and_bias(norm)
    if conv.bias is not None:
        bias = bias + conv.bias * scale
    return conv.weight * scale[:, None, None, None], bias, scale


def _convolve(
    g: Graph,
    x: str,
    conv: nn.Conv2d,
    norm: nn.Module | None,
    weight: Tensor | None = None,
    *,
    relu6: bool = False,
) -> str:
    """A convolution and the norm after it; a batch norm is folded, a group norm depends on the picture and stays.

    weight  in the place of the convolution's own, its outputs in the same order
    """
    kernel = conv.weight if weight is None else weight
    how: dict[str, Any] = {"stride": conv.stride[0], "groups": conv.groups}
    if isinstance(norm, nn.GroupNorm):
        y = _group_norm(g, g.convolution(x, kernel, conv.bias, **how), norm)
        return _relu6(g, y) if relu6 else y
    scale = torch.ones(len(kernel)) if norm is None else _folded_norm(conv, cast(nn.BatchNorm2d, norm))[2]
    bias = conv.bias if norm is None else _folded_norm(conv, cast(nn.BatchNorm2d, norm))[1]
    return g.convolution(x, kernel * scale.view(-1, 1, 1, 1), bias, relu6=relu6, **how)


def _group_norm(g: Graph, x: str, norm: nn.GroupNorm) -> str:
    ones, zeros = g.constant(torch.ones(norm.num_groups)), g.constant(torch.zeros(norm.num_groups))
    grouped = g.op("Reshape", x, g.constant([0, norm.num_groups, -1], np.int64))
    normed = g.op("InstanceNormalization", grouped, ones, zeros, epsilon=norm.eps)
    back = g.op("Reshape", normed, g.op("Shape", x))
    weight, bias = g.constant(norm.weight.view(1, -1, 1, 1)), g.constant(norm.bias.view(1, -1, 1, 1))
    return g.op("Add", g.op("Mul", back, weight), bias)


def _convolutions(g: Graph, x: str, parts: nn.Module) -> str:
    """A convolution, or a sequence of convolutions, batch norms and activations."""
    steps = list(parts) if isinstance(parts, nn.Sequential) else [parts]
    n = 0
    while n < len(steps):
        step = steps[n]
        following = steps[n + 1] if n + 1 < len(steps) else None
        if isinstance(step, nn.Conv2d):
            norm = following if isinstance(following, nn.BatchNorm2d | nn.GroupNorm) else None
            n += 1 if norm is None else 2
            relu6 = n < len(steps) and isinstance(steps[n], nn.ReLU6)
            n += relu6
            x = _convolve(g, x, step, norm, relu6=relu6)
        elif isinstance(step, nn.Sigmoid):
            x, n = g.op("Sigmoid", x), n + 1
        else:
            raise TypeError(f"the export does not know {type(step).__name__}")
    return x


def _mdck(g: Graph, x: str, part: MDCK) -> str:
    u = x if isinstance(part.enter, nn.Identity) else _convolutions(g, x, part.enter)
    kernel, (norm, _, project, last) = part.kernel(), part.mix
    if isinstance(norm, nn.GroupNorm):
        v = _relu6(g, _group_norm(g, g.convolution(u, kernel, None, groups=len(kernel)), norm))
    else:
        scale, bias = _scale_and_bias(cast(nn.BatchNorm2d, norm))
        v = g.convolution(u, kernel * scale.view(-1, 1, 1, 1), bias, groups=len(kernel), relu6=True)
    return g.op("Add", u, _convolve(g, v, cast(nn.Conv2d, project), last))


def _inverted_mdck(g: Graph, x: str, part: InvertedMDCK) -> str:
    u = _convolutions(g, x, part.expand)
    branches = [_convolutions(g, u, branch) for branch in part.branches]
    if part.linear_branches:
        v = _relu6(g, _sum(g, branches))
    else:
        v = _sum(g, [_relu6(g, branch) for branch in branches])
    conv, norm = cast(nn.Conv2d, part.project[0]), part.project[1]
    weight = conv.weight
    # The shuffle is a reordering of channels: reorder the inputs of the kernel instead.
    groups, channels = part.shuffle_groups, weight.shape[1]
    order = torch.arange(channels).view(groups, channels // groups).t().flatten()
    unshuffled = torch.empty_like(weight)
    unshuffled[:, order] = weight
    y = _convolve(g, v, conv, norm, unshuffled)
    rest = x if isinstance(part.residual, nn.Identity) else _convolutions(g, x, part.residual)
    return g.op("Add", y, rest)


def _relu6(g: Graph, x: str) -> str:
    return g.op("Clip", x, g.constant(0.0), g.constant(6.0))


def _sum(g: Graph, parts: Sequence[str]) -> str:
    total = parts[0]
    for part in parts[1:]:
        total = g.op("Add", total, part)
    return total


def _banded(conv: nn.Conv1d, channels: int) -> Tensor:
    """A 1-D convolution along C channels as the kernel of a 1×1 convolution, (C, C, 1, 1)."""
    [[taps]] = conv.weight
    reach = len(taps) // 2
    diagonals = [torch.diag(taps[reach + n].repeat(channels - abs(n)), n) for n in range(-reach, reach + 1)]
    return torch.stack(diagonals).sum(0)[..., None, None]


def _alca(g: Graph, x: str, part: ALCA, channels: int, side: int) -> str:
    cells = 4 if side % 4 == 0 else 2
    window = side // cells
    pooled = g.op("AveragePool", x, kernel_shape=[window] * 2, strides=[window] * 2)
    balance = part.balance.sigmoid()
    local = g.op("Sigmoid", g.convolution(pooled, _banded(part.local, channels), None))
    mean = g.op("GlobalAveragePool", pooled)
    overall = g.op("Sigmoid", g.convolution(mean, _banded(part.overall, channels), None))
    local_share, overall_share = part.gain * balance, part.gain * (1 - balance)
    weights = g.op("Add", g.op("Mul", local, g.constant(local_share)), g.op("Mul", overall, g.constant(overall_share)))
    return g.op("Mul", x, g.resize(weights, cells, side))


def _linear(g: Graph, x: str, layer: nn.Linear) -> str:
    """On (N, C, 1, 1), as a 1×1 convolution."""
    return g.convolution(x, layer.weight[..., None, None], layer.bias)


def _gag(g: Graph, gate: str, skip: str, part: GAG, channels: int, side: int) -> str:
    both = g.op("Add", _convolutions(g, gate, part.from_gate), _convolutions(g, skip, part.from_skip))
    where = _convolutions(g, g.op("Relu", both), part.where)
    chosen = g.op("Mul", skip, where)
    if not part.use_global:
        return chosen
    scores = g.op("Reshape", _convolutions(g, gate, part.context), g.constant([0, 0, -1], np.int64))
    pixels = g.op("Transpose", gate, perm=[0, 2, 3, 1])
    pixels = g.op("Reshape", pixels, g.constant([0, -1, channels], np.int64))
    context = g.op("MatMul", g.op("Softmax", scores, axis=-1), pixels)  # N, 1, C
    context = g.op("Reshape", context, g.constant([0, -1, 1, 1], np.int64))
    hidden = g.op("Relu", _linear(g, context, part.squeeze))
    which = g.op("Mul", g.op("Sigmoid", _linear(g, hidden, part.which)), g.constant(2.0))
    return g.op("Mul", chosen, which)


def _channel_norm(g: Graph, x: str, part: ChannelNorm) -> str:
    # Written out: LayerNormalization wants the channels last, and two transposes cost more than all of this.
    axis = g.constant([1], np.int64)
    centred = g.op("Sub", x, g.op("ReduceMean", x, axis))
    variance = g.op("ReduceMean", g.op("Mul", centred, centred), axis)
    scale = g.op("Reciprocal", g.op("Sqrt", g.op("Add", variance, g.constant(NORM_EPSILON))))
    weight, bias = part.weight.view(1, -1, 1, 1), part.bias.view(1, -1, 1, 1)
    return g.op("Add", g.op("Mul", g.op("Mul", centred, scale), g.constant(weight)), g.constant(bias))


def _madm(g: Graph, x: str, part: MADM, channels: int, side: int) -> str:
    n, quarter = part.SCALES, channels // part.SCALES
    f = _channel_norm(g, x, part.norm)
    mean = g.op("GlobalAveragePool", f)
    # f is of order 1, so the short formula of the variance is exact enough, and saves a pass.
    variance = g.op("Sub", g.op("GlobalAveragePool", g.op("Mul", f, f)), g.op("Mul", mean, mean))
    hidden = g.op("Relu", _linear(g, g.op("Concat", mean, variance, axis=1), part.squeeze))
    weights = g.op("Softmax", _linear(g, hidden, part.weigh), axis=1)  # N, n, 1, 1
    spread = torch.eye(n).repeat_interleave(quarter, 0)[..., None, None] * (n * part.alpha.view(-1, 1, 1, 1))
    per_channel = g.convolution(weights, spread, None)  # N, C, 1, 1: weight of the scale × α

    chunks = g.op("Split", f, outputs=n, axis=1, num_outputs=n)
    parts = []
    for i, (chunk, depthwise) in enumerate(zip(chunks, part.depthwise, strict=True)):
        conv = cast(nn.Conv2d, depthwise)
        if i == 0:
            parts.append(g.convolution(chunk, conv.weight, conv.bias, groups=quarter))
            continue
        window = min(2**i, side)
        small = g.op("MaxPool", chunk, kernel_shape=[window] * 2, strides=[window] * 2, ceil_mode=1)
        small = g.convolution(small, conv.weight, conv.bias, groups=quarter)
        parts.append(g.resize(small, math.ceil(side / window), side))
    scales = g.op("Mul", g.op("Concat", *parts, axis=1), per_channel)
    modulation = g.op("Add", scales, g.op("Mul", variance, g.constant(part.beta.view(1, -1, 1, 1))))
    mixed = g.op("Gelu", g.convolution(modulation, part.mix.weight, part.mix.bias))
    x = g.op("Add", x, g.op("Mul", mixed, f))

    # The two parts of t by kernels of their own, and W_4 as two kernels: nothing is split or joined in memory.
    normed, half = _channel_norm(g, x, part.norm_out), channels // 2
    first = g.op("Gelu", g.convolution(normed, part.widen.weight[:half], cast(Tensor, part.widen.bias)[:half]))
    rest = g.op("Gelu", g.convolution(normed, part.widen.weight[half:], cast(Tensor, part.widen.bias)[half:]))
    first = g.op("Gelu", g.convolution(first, part.partial.weight, part.partial.bias))
    x = g.op("Add", x, g.convolution(rest, part.narrow.weight[:, half:], part.narrow.bias))
    return g.op("Add", x, g.convolution(first, part.narrow.weight[:, :half], None))


def _up(g: Graph, x: str, part: nn.Sequential, side: int) -> str:
    _, depthwise, project = part
    return _convolutions(g, _convolutions(g, g.resize(x, side // 2, side), depthwise), project)


def _network(g: Graph, model: AAUNet, size: int) -> str:
    config = model.config
    conv, norm = cast(nn.Conv2d, model.stem[0]), model.stem[1]
    stem, hint = conv.weight, None if model.aux_stem is None else model.aux_stem.weight
    bias = None
    if isinstance(norm, nn.BatchNorm2d):
        stem, bias, scale = _folded_norm(conv, norm)
        hint = None if hint is None else hint * scale.view(-1, 1, 1, 1)
    x = g.convolution("x", stem, bias, stride=conv.stride[0])
    if hint is not None:
        x = g.op("Add", x, g.convolution("aux", hint, None, stride=conv.stride[0]))
    if isinstance(norm, nn.GroupNorm):
        x = _group_norm(g, x, norm)
    x = _relu6(g, x)
    sides = [size // conv.stride[0] // 2**i for i in range(5)]

    skips = []
    for i, level in enumerate(model.encoder):
        if i:
            x = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        for block in cast(nn.Sequential, level):
            main, *attention = cast(nn.Sequential, block)
            if isinstance(main, MDCK):
                x = _mdck(g, x, main)
            elif isinstance(main, InvertedMDCK):
                x = _inverted_mdck(g, x, main)
            else:
                x = _convolutions(g, x, main)
            for part in attention:
                x = _alca(g, x, cast(ALCA, part), config.widths[i], sides[i])
        skips.append(x)
    x = _modulation(g, x, model.middle, config.widths[4], sides[4])
    for i in (3, 2, 1, 0):
        gate = _up(g, x, cast(nn.Sequential, model.up[i]), sides[i])
        skip, attention_gate = skips[i], model.gates[i]
        if isinstance(attention_gate, GAG):
            skip = _gag(g, gate, skip, attention_gate, config.widths[i], sides[i])
        x = _modulation(g, g.op("Add", gate, skip), model.decoder[i], config.widths[i], sides[i])
    head = model.heads[0]
    if not isinstance(head, nn.Sequential):
        return _convolutions(g, x, head)
    return g.op("DepthToSpace", _convolutions(g, x, head[0]), blocksize=2, mode="CRD")


def _modulation(g: Graph, x: str, part: nn.Module, channels: int, side: int) -> str:
    return _madm(g, x, part, channels, side) if isinstance(part, MADM) else _convolutions(g, x, part)


@torch.no_grad()
def to_onnx(model: AAUNet, info: WeightsInfo, weights_sha256: str = "") -> bytes:
    """The network as an ONNX file's bytes. Equal weights give equal bytes.

    weights_sha256  of the .safetensors file the model was read from
    """
    model = folded(model).cpu()
    size, out = info.image_size, info.labels.count + 1
    g = Graph()
    g.op("Identity", _network(g, model, size))
    g.nodes[-1].output[0] = "logits"
    g.nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], name="probabilities", axis=1))
    inputs = {"x": 1} | ({"aux": 2 * info.labels.count} if model.aux_stem is not None else {})
    graph = helper.make_graph(
        g.nodes,
        "aaunet",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", c, size, size]) for n, c in inputs.items()],
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", out, size, size])
            for n in ("logits", "probabilities")
        ],
        g.constants,
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    helper.set_model_props(
        proto, {"story": json.dumps(info.to_plain(), sort_keys=True), "weights_sha256": weights_sha256}
    )
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString(deterministic=True)


def export(weights: Path) -> bytes:
    """The ONNX file of a weights file, checked against PyTorch on a noisy and on a black picture.

    Raises BadWeights as `ml.checkpoint.load_model` does, ExportFailed when ONNX Runtime does not compute the same.
    """
    model, info = load_model(weights)
    data = to_onnx(model, info, hashlib.sha256(weights.read_bytes()).hexdigest())
    _, error = errors(model, info, data)
    if not error <= PROBABILITY_TOLERANCE:
        raise ExportFailed(
            f"The exported network's probabilities differ from the trained one's by {error:.1e} in the mean (allowed "
            f"{PROBABILITY_TOLERANCE:.0e}). This is a fault of the export, or of the weights where it is nan; its "
            "drafts would not be the network's."
        )
    return data


@torch.no_grad()
def errors(model: AAUNet, info: WeightsInfo, data: bytes) -> tuple[float, float]:
    """How far ONNX Runtime is from double precision (but for the norms and softmax that the network keeps in single):
    (largest difference of a logit, as a share of the largest logit or of 1, mean difference of a probability).

    The worst over a noisy picture, a black one and, where taken, noisy hints. Weights of few channels, or with group
    norms on a black picture, amplify rounding: a sound graph then misses in single logits, never in the mean. NaN
    where the graph, or the network, gives one.
    """
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    size = info.image_size
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 1, size, size, generator=generator)
    hints = torch.randn(1, 2 * info.labels.count, size, size, generator=generator)
    cases: list[tuple[Tensor, Tensor | None]] = [(noise, None), (torch.zeros_like(noise), None)]
    if model.aux_stem is not None:
        cases.append((noise, hints))
    double = copy.deepcopy(model).eval().double()
    misses = []
    for x, aux in cases:
        inputs = [x] if aux is None else [x, aux]
        exact = cast(Tensor, double(*(each.double() for each in inputs)))
        feed = {"x": x.numpy()}
        if model.aux_stem is not None:
            feed["aux"] = (torch.zeros_like(hints) if aux is None else aux).numpy()
        logits, probabilities = (torch.from_numpy(found) for found in session.run(["logits", "probabilities"], feed))
        logit = (logits - exact).abs().max() / exact.abs().max().clamp(min=1)
        misses.append(torch.stack([logit, (probabilities - exact.softmax(1)).abs().mean()]))
    worst_logit, worst_mean = torch.stack(misses).amax(0).tolist()  # unlike max(), it passes a NaN on
    return worst_logit, worst_mean


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ml.export", description="Write a trained network as ONNX.")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        write_atomically(options.out, export(options.weights))
    except (MlError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
