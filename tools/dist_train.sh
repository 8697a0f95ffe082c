#!/usr/bin/env bash
# Trains in several processes, one per GPU (or on the CPU, where there is none).
# Several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT, the same command on each.
set -euo pipefail

usage() {
  echo "usage: $0 CONFIG PROCESSES [arguments of tools/train.py]" >&2
  echo "       NNODES=2 NODE_RANK=0 MASTER_ADDR=host PORT=29500 $0 CONFIG PROCESSES_PER_NODE" >&2
  exit 2
}

[ $# -ge 2 ] && [[ $2 =~ ^[1-9][0-9]*$ ]] || usage
CONFIG=$1 PROCESSES=$2
shift 2

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ -n "${VIRTUAL_ENV:-}" ] || [ ! -x "$ROOT/.venv/bin/python" ] || PYTHON=${PYTHON:-$ROOT/.venv/bin/python}
export PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then # one machine: any free port
  where=(--rdzv-backend=c10d --rdzv-endpoint=localhost:0 --local-addr=localhost)
else
  where=(--nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}")
  where+=(--master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}")
fi
exec "${PYTHON:-python3}" -m torch.distributed.run "${where[@]}" --nproc-per-node="$PROCESSES" \
  "$ROOT/tools/train.py" "$CONFIG" --launcher pytorch "$@"
