"""Read every image and mask of a config: tools/check_dataset.py CONFIG. Exit status 1: errors."""

import sys

from semiseg_mm.apis.data.check_dataset import run_check_dataset

if __name__ == '__main__':
    sys.exit(run_check_dataset())
