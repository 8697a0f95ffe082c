#!/usr/bin/env bash
# Tries the package in fresh environments: each Python, torch and mm stack. Writes a Markdown table.
#   bash tools/dev/matrix.sh FOLDER       environments, logs and table.md go there; needs the network
# PYTHONS   interpreters                      default: those of python3.10 … python3.14 that are found
# TORCHES   oldest, newest, or versions       default: 'oldest newest', of what pip finds and may do
# STACKS    onedl, original, original-lite    default: 'onedl original-lite'; original compiles mmcv
# TESTS     files below tests/                default: six short ones
# PIP_ARGS  for the install of torch, such as '--index-url URL' for builds that need no GPU
# KEEP=1    keeps the environments: about 6 GB each with the GPU builds of torch
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TESTS=${TESTS:-test_structures.py test_registry.py test_models/test_losses.py
  test_models/test_mixing.py test_engine/test_checkpoint.py test_datasets/test_stream.py}
LEAF=fixmatch_unet-s2_1xb8+8-1k_shapes-30-64x64
TINY=(train_cfg.max_iters=2 val_dataloader.dataset.num_images=2)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} PIP_DISABLE_PIP_VERSION_CHECK=1

if [ $# -ne 1 ]; then
  echo "usage: $0 FOLDER" >&2
  exit 2
fi
mkdir -p "$1"
FOLDER=$(cd "$1" && pwd)
TABLE=$FOLDER/table.md

pythons() {
  local name
  for name in ${PYTHONS:-python3.10 python3.11 python3.12 python3.13 python3.14}; do
    if "$name" -c 'import venv, ensurepip' 2>/dev/null; then echo "$name"; fi
  done
}

torch_version() { # PYTHON oldest|newest|VERSION STACK: what pip would install
  local least=2.1
  [ "$3" != onedl ] || least=2.3 # its mmseg needs NumPy 2, for which earlier ones were not built
  case $2 in
    newest) echo torch ;;
    oldest)
      "$1" -m pip index versions torch 2>/dev/null | sed -n 's/^Available versions: //p' |
        tr -d ' ' | tr ',' '\n' | sort -V | awk -F. -v least="$least" \
          '($1 > 2 || $1 "." $2 >= least) && !found++ { print "torch==" $0 }'
      ;;
    *) echo "torch==$2" ;;
  esac
}

install() { # ENVIRONMENT TORCH STACK
  local pip=("$1/bin/python" -m pip install -q)
  "${pip[@]}" -U pip
  # torch before 2.3 was built for NumPy 1; what is imported at the build of mmcv needs setuptools < 81
  local numpy=numpy
  case $2 in torch==2.[12].*) numpy='numpy<2' ;; esac
  # shellcheck disable=SC2086  # options
  "${pip[@]}" ${PIP_ARGS:-} "$2" "$numpy"
  "$1/bin/python" -c 'import numpy; print(f"numpy=={numpy.__version__}")' >"$1/constraints.txt"
  export PIP_CONSTRAINT=$1/constraints.txt # or another package would bring a NumPy that torch refuses
  case $3 in
    onedl) "${pip[@]}" -r "$ROOT/requirements/mminstall.txt" ;;
    original)
      "${pip[@]}" 'setuptools<81' wheel
      "${pip[@]}" --no-build-isolation mmengine==0.10.7 mmcv==2.1.0 mmsegmentation==1.2.2
      ;;
    original-lite) "${pip[@]}" mmengine==0.10.7 mmcv-lite==2.1.0 mmsegmentation==1.2.2 ;;
  esac
  "${pip[@]}" "$WHEEL" pytest pytest-timeout pytest-xdist hypothesis
}

try() { # ENVIRONMENT: trains from the wheel in an empty folder, then runs the tests of the checkout
  mkdir "$1/empty"
  (cd "$1/empty" && "$1/bin/semiseg_mm" train "$LEAF" --cfg-options "${TINY[@]}") || return 1
  # shellcheck disable=SC2086  # several names
  (cd "$ROOT/tests" && PYTHONPATH=$ROOT "$1/bin/python" -m pytest -q -p no:cacheprovider $TESTS)
}

versions() { # ENVIRONMENT
  "$1/bin/python" - <<'PYTHON'
import platform
from importlib.metadata import distributions

found = {d.metadata['Name']: d.version for d in distributions()}
names = ['torch', 'numpy', *sorted(n for n in found if 'mmcv' in n or 'mmseg' in n)]
print(' | '.join([platform.python_version(), *(f'{n} {found[n]}' for n in names if n in found)]))
PYTHON
}

cell() { # PYTHON TORCH STACK: a row of the table
  local torch environment log said begin=$SECONDS
  torch=$(torch_version "$1" "$2" "$3")
  environment=$FOLDER/$(basename "$1")_${2}_$3
  log=$environment.log
  rm -rf "$environment"
  "$1" -m venv "$environment"
  if ! (install "$environment" "$torch" "$3") >"$log" 2>&1; then
    said='not installed'
  elif ! try "$environment" >>"$log" 2>&1; then
    said="**failed**: $(grep -E '^(FAILED|ERROR|error|[A-Za-z]*Error)|passed|failed' "$log" | tail -n 1)"
  else
    said=$(tail -n 1 "$log")
  fi
  echo "| $(versions "$environment") | $said | $((SECONDS - begin)) s |" | tee -a "$TABLE"
  [ -n "${KEEP:-}" ] || rm -rf "$environment"
}

BUILD=$FOLDER/build
rm -rf "$BUILD" "$FOLDER/wheel"
python3 -m venv "$BUILD"
"$BUILD/bin/python" -m pip wheel -q --no-deps -w "$FOLDER/wheel" "$ROOT"
WHEELS=("$FOLDER"/wheel/semiseg_mm-*.whl) WHEEL=${WHEELS[0]}
printf '| Python | torch | NumPy | mmcv | mmseg | result | time |\n|--|--|--|--|--|--|--|\n' >"$TABLE"
for python in $(pythons); do
  for torch in ${TORCHES:-oldest newest}; do
    for stack in ${STACKS:-onedl original-lite}; do
      cell "$python" "$torch" "$stack"
    done
  done
done
