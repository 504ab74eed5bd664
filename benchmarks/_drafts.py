"""Drafts on a CPU: `python -m benchmarks._drafts`, run by `benchmarks.loop` in a process like the `gpu` worker's.

The function the worker runs drafts a clip of 640×480: read the pack, decode, resize, network, back to native size, mask
encoding, rows. Beside it, in turns and by computing time: the same network as PyTorch runs it by itself (fp32, as
trained, contiguous), and the fastest matrix product PyTorch can do on this core, the limit for any network here.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import _instance
from benchmarks._report import Row, write_rows

FRAMES = 32
ROUNDS = 3
LABELS = 12
IMAGE_SIZE = 256
MATRIX = 2048


def run() -> list[Row]:
    """Measure and return the rows."""
    import torch

    torch.set_num_threads(1)
    with _instance.data_folder() as folder:
        _instance.prepare(folder)
        work, eager, flops = _prepare(folder.parent)
        work(), eager()
        # Without the processor's own bf16, PyTorch computes it number by number: minutes instead of a second.
        has_bf16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        precisions = [torch.float32, torch.bfloat16] if has_bf16 else [torch.float32]
        whole, plain, limits = [], [], []
        for _ in range(ROUNDS):
            whole.append(work() / FRAMES)
            plain.append(eager() / FRAMES)
            limits.append(max(matmul_rate(precision) for precision in precisions))
    over = statistics.median(p / w for p, w in zip(plain, whole, strict=True))
    share = statistics.median(flops / w / limit for w, limit in zip(whole, limits, strict=True))
    return [
        Row("drafts by the worker's function, per core", 1 / statistics.median(whole), "frames/s", "", None),
        Row("the same network, PyTorch eager fp32, per core", 1 / statistics.median(plain), "frames/s", "", None),
        Row("drafts over PyTorch eager fp32", over, "×", "≥ 5", over >= 5),
        Row("the core's limit (matrix product)", statistics.median(limits) / 1e9, "GFLOP/s", "", None),
        Row("drafts, share of the core's limit", share * 100, "%", "≥ 60", share >= 0.6),
    ]


def _prepare(folder: Path) -> tuple[Callable[[], float], Callable[[], float], float]:
    """(draft the clip once, run the plain network once per frame: both return computing seconds; FLOP a frame)."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from annotation import drafts, files, jobs
    from annotation.models import Clip, Draft, Frame, ModelVersion
    from ml.checkpoint import WeightsInfo, save_model
    from ml.config import ModelConfig
    from ml.labels import LabelSchema
    from ml.model import AAUNet

    project = _instance.make_project("Drafts", LABELS)
    clip = _instance.add_clip(project, "S1", FRAMES)
    labels = [(label.index, label.name) for label in project.labels.all()]
    config = ModelConfig.variant("T", LABELS)
    network = AAUNet(config).eval()
    weights = folder / "model.safetensors"
    save_model(weights, network, WeightsInfo(config, LabelSchema(tuple(labels)), IMAGE_SIZE, "0" * 64))
    digest = files.sha256_of(weights)
    files.store_once("models/bench.safetensors", weights)
    champion = ModelVersion.objects.create(
        project=project,
        number=1,
        stage=ModelVersion.Stage.CHAMPION,
        labels=[{"index": index, "name": name} for index, name in labels],
        weights_name="models/bench.safetensors",
        weights_sha256=digest,
    )
    project.champion = champion
    project.save()

    def work() -> float:
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

    picture = torch.randn(1, 1, IMAGE_SIZE, IMAGE_SIZE)

    def eager() -> float:
        began = time.process_time()
        with torch.no_grad():
            for _ in range(FRAMES):
                network(picture)
        return time.process_time() - began

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(picture)
    return work, eager, float(counter.get_total_flops())


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
