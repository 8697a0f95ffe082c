# shellcheck shell=bash
# Sourced by dist_train.sh, dist_test.sh and slurm_train.sh: which Python, and how to start it.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ -z "${VIRTUAL_ENV:-}" ] && [ -x "$ROOT/.venv/bin/python" ]; then
  PYTHON=${PYTHON:-$ROOT/.venv/bin/python}
fi
PYTHON=${PYTHON:-python3}
export PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}

is_count() { [[ ${1:-} =~ ^[1-9][0-9]*$ ]]; }

# launch PROCESSES SCRIPT ARGUMENTS…: one process per GPU (or on the CPU, where there is none).
# Several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT, the same command on each. Without GPUs
# also GLOO_SOCKET_IFNAME, the network device between them: a host's name may mean 127.0.0.1.
# MAX_RESTARTS (0): so many times all processes start again, and resume, when one has died.
# On one machine.
launch() {
  local processes=$1 where
  shift
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
  if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then # one machine: any free port
    where=(--rdzv-backend=c10d --rdzv-endpoint=localhost:0 --local-addr=localhost)
  else
    where=(--nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}")
    where+=(--master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}")
  fi
  if [ "${MAX_RESTARTS:-0}" != 0 ]; then
    if ! is_count "$MAX_RESTARTS" || [ "${where[0]}" != --rdzv-backend=c10d ]; then
      echo "MAX_RESTARTS is a number, for one machine and without PORT" >&2
      exit 2
    fi
    where+=(--max-restarts="$MAX_RESTARTS")
    SEMISEG_MM_LAUNCH=$(date +%s%N)-$RANDOM # of the checkpoints that a restart may resume
    export SEMISEG_MM_LAUNCH
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1      # else it would find the dead processes' addresses
  fi
  exec "$PYTHON" -m torch.distributed.run "${where[@]}" --nproc-per-node="$processes" \
    "$@" --launcher pytorch
}
