#!/usr/bin/env bash
# Trains under Slurm. GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (5), SRUN_ARGS (more options of srun).
# Many methods or seeds as an array job: semiseg_mm compare --launcher slurm.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

if [ $# -lt 3 ]; then
  echo "usage: GPUS=8 GPUS_PER_NODE=8 $0 PARTITION JOB_NAME CONFIG [arguments of semiseg_mm train]" >&2
  exit 2
fi
PARTITION=$1 JOB_NAME=$2 CONFIG=$3
shift 3

GPUS=${GPUS:-8} GPUS_PER_NODE=${GPUS_PER_NODE:-8}
[ "$GPUS_PER_NODE" -le "$GPUS" ] || GPUS_PER_NODE=$GPUS
export MASTER_PORT=${PORT:-${MASTER_PORT:-$((20000 + RANDOM % 20000))}} # jobs may share a node
# shellcheck disable=SC2086  # SRUN_ARGS holds several options
exec srun -p "$PARTITION" --job-name="$JOB_NAME" --gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" \
  --ntasks-per-node="$GPUS_PER_NODE" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
  ${SRUN_ARGS:-} "$PYTHON" -u "$ROOT/tools/train.py" "$CONFIG" --launcher slurm "$@"
