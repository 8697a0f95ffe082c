"""The same as ``semiseg_mm splits make``, from a checkout."""

import sys

from semiseg_mm.apis.data.make_splits import run_make_splits

if __name__ == '__main__':
    sys.exit(run_make_splits())
