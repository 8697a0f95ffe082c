"""Draw lists of your own: tools/make_splits.py IMAGES --labeled 1/8 1/4 --out splits/mine."""

import sys

from semiseg_mm.apis.data.make_splits import run_make_splits

if __name__ == '__main__':
    sys.exit(run_make_splits())
