"""The model against its budgets: `make bench-model`. Everything per core: one thread, computing time, side by side in
rounds of one process.

Inference of T and B at 256×256, 4 labels: PyTorch eager fp32 as trained (contiguous), the same folded, ONNX Runtime,
OpenVINO (alone and in the batches that drafts come in), beside two limits of the core: the largest rate of a matrix
product, and the roofline that counts the reading and writing of feature maps too (`benchmarks._drafts`). The share of
the first counts the arithmetic of the network as trained, not what folding saves. Then drafts by the worker's function,
and training, with memory in large pages and in small ones (benchmarks._drafts and ._training). Rows for a GPU appear
where PyTorch sees one.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import _report
from benchmarks._drafts import copy_rate, matmul_rate, roofline
from benchmarks._report import Row, write_rows
from webapp.supervisor import COMPUTING_MEMORY

SIZE = 256
LABELS = 4
ROUNDS = 5
PICTURES = 6
GOALS_MS = {"B": 25}  # MODEL.md 3.9, in bf16


def main() -> None:
    """Measure in processes like a worker's, and report."""
    worker = {**COMPUTING_MEMORY, "OMP_NUM_THREADS": "1"}
    rows = _report.rows_of_child("benchmarks.model", **worker)
    rows += _report.rows_of_child("benchmarks._drafts", **worker)
    training = _report.rows_of_child("benchmarks._training", **worker)
    small_pages = _report.rows_of_child("benchmarks._training", **{**worker, "GLIBC_TUNABLES": ""})
    rows += training + _what_pages_give(training, small_pages)
    _report.report("model", rows)


def _what_pages_give(large: list[Row], small: list[Row]) -> list[Row]:
    """How much faster a training step is where memory comes in pages of 2 MB."""
    steps = [[row for row in rows if row.what.endswith("a training step")] for rows in (large, small)]
    return [
        Row(f"{fast.what}, memory in large pages over small", slow.measured / fast.measured, "×", "", None)
        for fast, slow in zip(*steps, strict=True)
    ]


def run() -> list[Row]:
    """Inference, on the CPU and where there is one on the GPU."""
    import torch

    torch.set_num_threads(1)
    rows: list[Row] = []
    for variant in ("T", "B"):
        rows += _on_cpu(variant)
    if not torch.cuda.is_available():
        print("GPU rows: not run: no CUDA device")
        return rows
    for variant in ("T", "B"):
        rows += _on_gpu(variant)
    return rows


def _network(variant: str):
    import torch

    from ml.config import ModelConfig
    from ml.labels import LabelSchema
    from ml.model import AAUNet
    from ml.weights import WeightsInfo

    torch.manual_seed(0)
    config = ModelConfig.variant(variant, LABELS)
    labels = LabelSchema(tuple((n, f"structure {n}") for n in range(1, LABELS + 1)))
    return AAUNet(config).eval(), WeightsInfo(config, labels, SIZE, "0" * 64)


def _flops(model, picture) -> float:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(picture)
    return float(counter.get_total_flops())


def _on_cpu(variant: str) -> list[Row]:
    import numpy as np
    import torch

    from ml.backends import OnnxRuntimeBackend, OpenVinoBackend
    from ml.export import to_onnx
    from ml.model import folded

    model, info = _network(variant)
    picture = torch.randn(1, 1, SIZE, SIZE)
    array, onnx, merged = picture.numpy(), to_onnx(model, info), folded(model)
    openvino, onnxruntime = OpenVinoBackend(onnx), OnnxRuntimeBackend(onnx)
    batch = np.repeat(array, openvino.batch_size, 0)
    ways: dict[str, Callable[[], object]] = {
        "torch eager f32": lambda: model(picture),
        "torch eager f32, folded": lambda: merged(picture),
        onnxruntime.name: lambda: onnxruntime.run(array),
        f"{openvino.name}, one by one": lambda: openvino.run(array),
        openvino.name: lambda: openvino.run(batch),
    }
    pictures = {name: len(batch) if name == openvino.name else 1 for name in ways}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    limits, least = [], []
    fastest = roofline(model, picture)
    with torch.inference_mode():
        for work in ways.values():
            work()
        for _ in range(ROUNDS):
            limits.append(matmul_rate(torch.bfloat16 if openvino.name.endswith("bf16") else torch.float32))
            least.append(fastest(limits[-1], copy_rate()))
            for name, work in ways.items():
                spent[name].append(_computing_seconds(work) / pictures[name])
    limit, flops = statistics.median(limits), _flops(model, picture)
    eager = spent["torch eager f32"]
    rows = [
        Row(f"{variant}: the core's limit (matrix product)", limit / 1e9, "GFLOP/s", "", None),
        Row(f"{variant}: by the roofline", statistics.median(least) * 1e3, "ms/picture", "", None),
    ]
    for name, seconds in spent.items():
        median = statistics.median(seconds)
        goal = GOALS_MS.get(variant) if name == openvino.name else None
        rows.append(
            Row(
                f"{variant}: {name}",
                median * 1e3,
                "ms/picture",
                f"≤ {goal}" if goal else "",
                median * 1e3 <= goal if goal else None,
            )
        )
        if name == "torch eager f32":
            continue
        over = statistics.median(e / s for e, s in zip(eager, seconds, strict=True))
        wanted = name == openvino.name
        share = flops / median / limit
        rows.append(
            Row(f"{variant}: {name} over eager", over, "×", "≥ 5" if wanted else "", over >= 5 if wanted else None)
        )
        rows.append(
            Row(
                f"{variant}: {name}, share of the limit",
                share * 100,
                "%",
                "≥ 60" if wanted else "",
                share >= 0.6 if wanted else None,
            )
        )
    return rows


def _computing_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(PICTURES):
        work()
    return (time.process_time() - began) / PICTURES


def _on_gpu(variant: str) -> list[Row]:
    import torch

    from ml.backends import TorchBackend

    model, _ = _network(variant)
    flops = _flops(model, torch.randn(1, 1, SIZE, SIZE))
    backend = TorchBackend(model, "cuda")
    batch = torch.randn(backend.batch_size, 1, SIZE, SIZE, device="cuda").to(memory_format=torch.channels_last)
    matrix = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)

    def seconds(work: Callable[[], object]) -> float:
        for _ in range(3):
            work()
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(10):
            work()
        torch.cuda.synchronize()
        return (time.perf_counter() - began) / 10

    rate = backend.batch_size / seconds(lambda: backend.compute([batch]))
    limit = 2 * 8192**3 / seconds(lambda: matrix @ matrix)
    if backend.remark:
        print(backend.remark)
    share = rate * flops / limit
    return [
        Row(f"{variant}: {backend.name}, batch {backend.batch_size}", rate, "pictures/s", "", None),
        Row(f"{variant}: {backend.name}, share of the device's limit", share * 100, "%", "≥ 60", share >= 0.6),
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write_rows(run(), Path(sys.argv[1]))
    else:
        main()
