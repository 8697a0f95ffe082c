"""Fetch published lists: tools/get_splits.py FAMILY DATASET [--from FOLDER] [--out FOLDER]."""

import sys

from semiseg_mm.apis.data.get_splits import run_get_splits

if __name__ == '__main__':
    sys.exit(run_get_splits())
