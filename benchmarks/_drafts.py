"""Drafts on a CPU: `python -m benchmarks._drafts`, run by `benchmarks.loop` in a process like the `gpu` worker's.

The function the worker runs drafts a simulated clip of 640×480 with the champion that is shipped: read the pack,
decode, resize, network, back to native size, mask encoding, rows. Beside it, in turns and by computing time: the same
network as PyTorch runs it by itself (fp32, as trained, contiguous), and two limits of this core for it. The first is
the fastest matrix product PyTorch can do here. With AMX that is a thousand GFLOP/s, which no network of small feature
maps comes near; so the second is a roofline: each convolution takes its arithmetic at that rate, or the reading and
writing of its feature maps once, in 16 bits, at the rate this core copies what its caches hold, whichever is longer,
and all else is free. Where the time of a frame goes is measured once more, stage by stage.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import _instance
from benchmarks._report import Row, write_rows

FRAMES = 32
ROUNDS = 5
SUBJECT = 100  # a simulated person that the champion has never seen
WIDTH, HEIGHT = 640, 480
MATRIX = 2048
COPIED = 1 << 20  # bytes: about a feature map of the first level


class Prepared(NamedTuple):
    """draft and eager work on the clip once and return computing seconds; flops of a frame; seconds by the roofline."""

    draft: Callable[[], float]
    eager: Callable[[], float]
    stages: Callable[[], dict[str, float]]
    flops: float
    least_seconds: Callable[[float, float], float]


def run() -> list[Row]:
    """Measure and return the rows."""
    import torch

    torch.set_num_threads(1)
    with _instance.data_folder() as folder:
        _instance.prepare(folder)
        clip = _prepare()
        clip.draft(), clip.eager()
        # Without the processor's own bf16, PyTorch computes it number by number: minutes instead of a second.
        has_bf16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        precisions = [torch.float32, torch.bfloat16] if has_bf16 else [torch.float32]
        whole, plain, limits, copies = [], [], [], []
        for _ in range(ROUNDS):
            whole.append(clip.draft() / FRAMES)
            plain.append(clip.eager() / FRAMES)
            limits.append(max(matmul_rate(precision) for precision in precisions))
            copies.append(copy_rate())
        stages = clip.stages()
    over = statistics.median(p / w for p, w in zip(plain, whole, strict=True))
    share = statistics.median(clip.flops / w / limit for w, limit in zip(whole, limits, strict=True))
    least = [clip.least_seconds(*each) for each in zip(limits, copies, strict=True)]
    roofline = statistics.median(each / w for each, w in zip(least, whole, strict=True))
    return [
        Row("drafts by the worker's function, per core", 1 / statistics.median(whole), "frames/s", "", None),
        Row("the same network, PyTorch eager fp32, per core", 1 / statistics.median(plain), "frames/s", "", None),
        Row("drafts over PyTorch eager fp32", over, "×", "≥ 5", over >= 5),
        Row("the core's limit (matrix product)", statistics.median(limits) / 1e9, "GFLOP/s", "", None),
        Row("drafts, share of the core's limit", share * 100, "%", "≥ 60", share >= 0.6),
        Row("what the core copies in its caches, read and written", statistics.median(copies) / 1e9, "GB/s", "", None),
        Row("the network by the roofline", statistics.median(least) * 1e3, "ms/frame", "", None),
        Row("drafts, share of the roofline", roofline * 100, "%", "", None),
        *(Row(f"a frame: {name}", seconds * 1e3, "ms", "", None) for name, seconds in stages.items()),
    ]


def _prepare() -> Prepared:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from annotation import demonstration, drafts, jobs, projects, registry
    from annotation.models import Clip, Draft, Frame
    from ml.checkpoint import load_model
    from ml.phantom.clip import ClipSpec, simulate_clip

    owner = _instance.manager()
    project = projects.create_project(name="Drafts", by=owner, preset=demonstration.VIEW)
    pictures = list(
        simulate_clip(ClipSpec(demonstration.VIEW, SUBJECT, 0, frames=FRAMES, height=HEIGHT, width=WIDTH)).frames
    )
    clip = _instance.add_clip(project, "S1", FRAMES, width=WIDTH, height=HEIGHT, pictures=pictures)
    champion = registry.import_champion(project, demonstration.WEIGHTS, {})
    network, info = load_model(demonstration.WEIGHTS)
    network.eval()

    def draft() -> float:
        Draft.objects.all().delete()
        Frame.objects.filter(clip=clip).update(uncertainty=-1)
        fresh = Clip.objects.select_related("project").get(pk=clip.pk)
        job = drafts.request_draft(fresh, None)
        began = time.process_time()
        jobs.run(job.pk, lambda attempt: drafts.draft_clip(attempt, fresh))
        spent = time.process_time() - began
        if Draft.objects.count() != FRAMES:
            job.refresh_from_db()
            raise RuntimeError(f"{Draft.objects.count()} of {FRAMES} frames were drafted: {job.error}")
        return spent

    picture = torch.randn(1, 1, info.image_size, info.image_size)

    def eager() -> float:
        began = time.process_time()
        with torch.no_grad():
            for _ in range(FRAMES):
                network(picture)
        return time.process_time() - began

    def stages() -> dict[str, float]:
        predictor = drafts.load_predictor(champion.weights_name, champion.weights_sha256)
        return _stages(predictor, pictures, draft() / FRAMES)

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(picture)
    return Prepared(draft, eager, stages, float(counter.get_total_flops()), roofline(network, picture))


def _stages(predictor, pictures: list[np.ndarray], whole: float) -> dict[str, float]:
    """Computing seconds a frame of each stage; what is left of `whole` is rows, queries and reading."""
    import cv2

    from annotation import drafts, files
    from ml.data import Letterbox, normalise

    size, at_once = predictor.info.image_size, predictor.backend.batch_size
    box = Letterbox.of(pictures[0], size)
    stored = [cv2.imencode(".png", picture)[1].tobytes() for picture in pictures]
    spent = {}

    def timed(name: str, work: Callable[[], list]) -> list:
        work()
        began = time.process_time()
        made = work()
        spent[name] = (time.process_time() - began) / len(pictures)
        return made

    timed("decoding its PNG", lambda: [files.decode_frame(png) for png in stored])
    squares = timed("to the network's square", lambda: [normalise(box.image(each)) for each in pictures])
    groups = [np.stack(squares[n : n + at_once])[:, None] for n in range(0, len(squares), at_once)]
    found = timed("the network", lambda: [predictor.backend.run(group) for group in groups])
    each = [pair for pairs in found for pair in zip(*pairs, strict=True)]
    made = timed("back to native size, confidence, uncertainty", lambda: [predictor.read(*pair, box) for pair in each])
    timed(
        "encoding mask and map of confidence",
        lambda: [(files.encode_label_map(one.labelmap), drafts.encode_confidence(one.probability)) for one in made],
    )
    return spent | {"rows, queries, reading": whole - sum(spent.values())}


def roofline(network, picture) -> Callable[[float, float], float]:
    """(FLOP/s, bytes/s) → the least seconds for one picture: see the head of this module."""
    import torch
    from torch import nn

    from ml.model import folded

    costs: list[tuple[float, float]] = []

    def note(layer: nn.Conv2d, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        flops = 2 * output.numel() * layer.weight[0].numel()
        costs.append((flops, 2 * (inputs[0].numel() + output.numel() + layer.weight.numel())))

    network = folded(network)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(note)
    with torch.no_grad():
        network(picture)
    return lambda rate, bandwidth: sum(max(flops / rate, size / bandwidth) for flops, size in costs)


def copy_rate() -> float:
    """Bytes per second of computing, read and written, of copies that stay in the core's caches."""
    source = np.ones(COPIED // 2, np.uint8)
    target = np.empty_like(source)
    times = 2000
    began = time.process_time()
    for _ in range(times):
        np.copyto(target, source)
    return times * 2 * source.size / (time.process_time() - began)


def matmul_rate(dtype: object) -> float:
    """FLOP per second of computing."""
    import torch

    matrix = torch.randn(MATRIX, MATRIX).to(dtype)  # type: ignore[call-overload]
    matrix @ matrix
    began = time.process_time()
    for _ in range(2):
        matrix @ matrix
    return 2 * 2 * MATRIX**3 / (time.process_time() - began)


if __name__ == "__main__":
    write_rows(run(), Path(sys.argv[1]))
