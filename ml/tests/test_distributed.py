import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml.checkpoint import load_model, load_tensors
from ml.tests.synthetic import write_manifest

ROOT = Path(__file__).parents[2]

RUN = """
import sys
from pathlib import Path
import torch
from ml.checkpoint import save_tensors
from ml.data import read_manifest
from ml.distributed import join, leave
from ml.journal import Journal
from ml.trainer import Trainer

torch.set_num_threads(1)
world = join()
out = Path(sys.argv[2])
stop_after = int(sys.argv[3])
if sys.argv[4] == "apart":  # as on two hosts without a common disk
    out = out / str(world.rank)
    out.mkdir(exist_ok=True)
count = iter(range(10**6))
trainer = Trainer(
    read_manifest(Path(sys.argv[1])), out, world=world,
    # One process alone is told to stop: all must.
    should_stop=lambda: world.rank == 1 and next(count) >= stop_after,
)
journal = Journal(out / "metrics.jsonl" if world.is_first else None)
result = trainer.run(journal)
weights = {name: tensor for name, tensor in trainer.model.named_parameters()}
averages = {"average." + name: tensor for name, tensor in trainer.average.named_parameters()}
save_tensors(out / f"rank{world.rank}.safetensors", {**weights, **averages}, {"finished": result.finished})
leave(world)
"""


def together(manifest, out, stop_after=10**6, disk="shared") -> subprocess.CompletedProcess[str]:
    script = out.parent / "run.py"
    script.write_text(RUN)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launch, str(script), str(manifest), str(out), str(stop_after), disk],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_two_processes_train_one_network_and_resume(tmp_path):
    subjects = [("A", "train"), ("B", "train"), ("C", "val"), ("D", "test")]
    config = {"epochs": 10, "warmup_epochs": 0, "batch_size": 4, "augment": False, "patience": 2}
    manifest = write_manifest(tmp_path / "data", subjects, frames=4, config=config)
    (tmp_path / "out").mkdir()
    done = together(manifest, tmp_path / "out", stop_after=3)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["processes"] == 2 and lines[-1] == {"event": "stopped", "epoch": 1, "step": 1}
    assert not load_tensors(tmp_path / "out" / "rank1.safetensors")[1]["finished"]

    done = together(manifest, tmp_path / "out")
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (load_tensors(tmp_path / "out" / f"rank{rank}.safetensors") for rank in (0, 1))
    assert first[1]["finished"] and second[1]["finished"] and first[0].keys() == second[0].keys()
    assert all(first[0][name].equal(second[0][name]) for name in first[0])
    lines = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["event"] == "end" and json.loads((tmp_path / "out" / "scores.json").read_text())["n_total"] == 4
    load_model(tmp_path / "out" / "model.safetensors")


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_hosts_without_a_common_disk_are_told_instead_of_waiting_for_each_other(tmp_path):
    manifest = write_manifest(tmp_path / "data", [("A", "train"), ("B", "val")], frames=4, config={"batch_size": 4})
    (tmp_path / "out").mkdir()
    assert together(manifest, tmp_path / "out", stop_after=1, disk="apart").returncode == 0
    done = together(manifest, tmp_path / "out", disk="apart")
    assert done.returncode != 0
    assert "must be on a disk all hosts share" in done.stderr
