"""The same as ``semiseg_mm splits get``, from a checkout."""

import sys

from semiseg_mm.apis.data.get_splits import run_get_splits

if __name__ == '__main__':
    sys.exit(run_get_splits())
