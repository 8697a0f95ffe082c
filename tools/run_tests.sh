#!/usr/bin/env bash
# Runs the tests in .venv: bash tools/run_tests.sh [pytest arguments]
# TEST_WORKERS  processes at a time, 0 for none beside the first       default: 2
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$ROOT/tools/setup_env.sh"
cd "$ROOT"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # small tensors: more threads only get in each other's way
# A file stays with one process: what its fixtures make is made once
exec .venv/bin/python -m pytest -q -n "${TEST_WORKERS:-2}" --dist loadfile --durations=10 "$@"
