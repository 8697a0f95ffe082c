"""The same as ``semiseg_mm convert kitti``, from a checkout."""

import sys

from semiseg_mm.apis.data.converters.kitti import run_kitti

if __name__ == '__main__':
    sys.exit(run_kitti())
