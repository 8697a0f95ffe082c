#!/usr/bin/env bash
# Makes .venv in the repository root, or completes it; a second call needs no network.
#   bash tools/setup_env.sh && . .venv/bin/activate
# PYTHON      the Python (>= 3.10) that makes .venv               default: python3
# TORCH_SPEC  handed to pip, e.g. 'torch==2.6.0' or 'torch --index-url URL'
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
LOG=$VENV/setup.log
cd "$ROOT"

fail() {
  echo "setup_env: $*" >&2
  exit 1
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

step() { # NAME COMMAND...: one line of output; all the rest goes to the log
  local name=$1 begin=$SECONDS
  shift
  printf 'setup_env: %-18s' "$name"
  if ! "$@" >>"$LOG" 2>&1; then
    echo failed
    fail "step '$name' failed: $(grep -E '^ *(ERROR|error)|Error:' "$LOG" | tail -n 1) (all of it: .venv/setup.log)"
  fi
  printf '%4d s\n' $((SECONDS - begin))
}

pip() { "$VENV/bin/python" -m pip --disable-pip-version-check "$@"; }

has() { "$VENV/bin/python" -I -c "from importlib.metadata import version; version('$1')" 2>/dev/null; }

build_tools() {
  has wheel || pip install -U pip # a first call only; an older pip will do, too
  pip install 'setuptools>=77' wheel
}

install_torch() {
  if [ -n "${TORCH_SPEC:-}" ]; then
    # shellcheck disable=SC2086  # it may hold options
    pip install $TORCH_SPEC
  elif has torch; then
    echo 'torch is there'
  elif nvidia-smi -L; then
    pip install torch
  else
    pip install torch==2.13.0 || pip install torch
  fi
}

# What the environment depends on; also the place, as an editable install points to it.
key=$(cat requirements/*.txt setup.py pyproject.toml tools/setup_env.sh <(echo "$ROOT ${TORCH_SPEC:-}" *.yml) | cksum)
if [ -x "$VENV/bin/python" ] && [ "$(cat "$VENV/setup.stamp" 2>/dev/null)" = "$key" ]; then
  echo 'setup_env: .venv is ready'
else
  mkdir -p "$VENV"
  rm -f "$VENV/setup.stamp" "$LOG"
  if ! new_enough "$VENV/bin/python"; then # none, or its Python is gone
    [ ! -x "$VENV/bin/python" ] || fail 'the Python of .venv is older than 3.10: remove .venv'
    rm -rf "${VENV:?}"/{bin,include,lib,lib64,pyvenv.cfg}
    python=${PYTHON:-}
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
      [ -n "$python" ] || ! new_enough "$candidate" || python=$candidate
    done
    [ -n "$python" ] || fail 'Python >= 3.10 is needed, none found: set PYTHON=/path/to/python3'
    new_enough "$python" || fail "Python >= 3.10 is needed, PYTHON=$python is not"
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
      fail "$python has no venv module: install it (Debian, Ubuntu: apt install python3-venv)"
    step venv "$python" -m venv "$VENV"
  fi
  # RECORD is the last file that pip writes: without it an install was cut off, and pip does it again.
  for info in "$VENV"/lib/python*/site-packages/*.dist-info; do
    [ -f "$info/RECORD" ] || rm -rf "$info"
  done
  has pip || step ensurepip "$VENV/bin/python" -m ensurepip
  step 'pip and setuptools' build_tools
  step torch install_torch
  step mmengine,mmcv,mmseg pip install -r requirements/mminstall.txt
  step requirements pip install -r requirements/runtime.txt -r requirements/tests.txt
  step semiseg_mm pip install --no-deps --no-build-isolation -e .
  echo "$key" >"$VENV/setup.stamp"
fi
