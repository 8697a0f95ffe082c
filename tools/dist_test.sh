#!/usr/bin/env bash
# Tests a checkpoint in several processes, one per GPU or on the CPU; see launch.sh.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

if [ $# -lt 3 ] || ! is_count "$3"; then
  echo "usage: $0 CONFIG CHECKPOINT PROCESSES [arguments of semiseg_mm test]" >&2
  exit 2
fi
launch "$3" "$ROOT/tools/test.py" "$1" "$2" "${@:4}"
