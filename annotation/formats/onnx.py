"""A weights file as the ONNX file that drafts are computed from, made by `ml.export` in a process of its own: the
worker that drafts on a CPU never loads torch."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

from django.conf import settings

from annotation import files
from annotation.errors import Conflict

PATIENCE_S = 300


def store_onnx(weights: Path) -> tuple[str, str]:
    """Export the weights, put the result on storage; returns its (name, SHA-256). `weights` stays where it is.

    Raises Conflict, in words, when they cannot be exported.
    """
    out = weights.with_suffix(".onnx")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "ml.export", "--weights", str(weights), "--out", str(out)]
    try:
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired as fault:
        raise Conflict(f"The model could not be made ready for drafts within {PATIENCE_S} s.") from fault
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["the export ended without a word"])[-1]
        raise Conflict(f"The model cannot be used: {reason}", code="bad_weights")
    name, sha256 = f"models/{uuid.uuid4()}.onnx", files.sha256_of(out)
    files.store_once(name, out)
    return name, sha256
