"""Print speeds, measured side by side in one run: tools/benchmark.py data|models|scale."""

import sys

from semiseg_mm.apis.benchmark import run_benchmark

if __name__ == '__main__':
    sys.exit(run_benchmark())
