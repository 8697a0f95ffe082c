"""Convert KITTI: tools/dataset_converters/kitti.py FOLDER [--out FOLDER]."""

import sys

from semiseg_mm.apis.data.converters.kitti import run_kitti

if __name__ == '__main__':
    sys.exit(run_kitti())
