"""The same as ``semiseg_mm check``, from a checkout."""

import sys

from semiseg_mm.apis.data.check_dataset import run_check_dataset

if __name__ == '__main__':
    sys.exit(run_check_dataset())
