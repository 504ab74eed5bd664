#!/bin/sh
# The evidence at full budget (256 px, 200 epochs, batch 16), for a machine with CUDA. Goes on where it was stopped.
# Mixed precision and the device are chosen by the trainer itself. Processes share the device, and each starts up to
# twelve loading processes of its own: PROCESSES=1 on few cores.
# Then throughput beside the device's limit. nnU-Net is not part of it: it is trained by its own package.
set -e
cd "$(dirname "$0")/../.."
PYTHON="${PYTHON:-.venv/bin/python}"
"$PYTHON" -m benchmarks.models --queue --budget full --processes "${PROCESSES:-2}" --work "${WORK:-/tmp/sonoloop-models}"
"$PYTHON" -m benchmarks.models --table
"$PYTHON" -m benchmarks.model
