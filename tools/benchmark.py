"""The same as ``semiseg_mm benchmark``, from a checkout."""

import sys

from semiseg_mm.apis.benchmark import run_benchmark

if __name__ == '__main__':
    sys.exit(run_benchmark())
