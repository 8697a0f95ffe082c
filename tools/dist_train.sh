#!/usr/bin/env bash
# Trains in several processes, one per GPU or on the CPU; see launch.sh for several machines.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

if [ $# -lt 2 ] || ! is_count "$2"; then
  echo "usage: $0 CONFIG PROCESSES [arguments of semiseg_mm train]" >&2
  echo "       NNODES=2 NODE_RANK=0 MASTER_ADDR=host PORT=29500 $0 CONFIG PROCESSES_PER_NODE" >&2
  exit 2
fi
launch "$2" "$ROOT/tools/train.py" "$1" "${@:3}"
