#!/usr/bin/env bash
# From nothing to a comparison: makes .venv, trains SupOnly, Mean Teacher and CPS + CutMix on the
# embedded dataset, and ends in a table and a picture. A second call reuses what is finished.
#   bash tools/quickstart.sh [--iters N] [--seed S] [--full-labels] [--work-dir DIR] [--help]
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if ! bash "$ROOT/tools/setup_env.sh"; then
  echo 'quickstart: the environment is not ready (see above). Then run the same command again.' >&2
  exit 1
fi
cd "$ROOT"
exec "$ROOT/.venv/bin/python" "$ROOT/tools/quickstart.py" "$@"
