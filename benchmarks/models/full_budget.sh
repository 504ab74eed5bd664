#!/bin/sh
# The evidence at full budget (256 px, 200 epochs, batch 16), for a machine with CUDA. Goes on where it was stopped.
# Mixed precision and the device are chosen by the trainer itself. Processes share the device.
set -e
cd "$(dirname "$0")/../.."
python -m benchmarks.models --queue --budget full --processes "${PROCESSES:-4}" --work "${WORK:-/tmp/sonoloop-models}"
python -m benchmarks.models --table
