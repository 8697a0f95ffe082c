"""Convert COCO to label maps: tools/dataset_converters/coco.py FOLDER [--out FOLDER]."""

import sys

from semiseg_mm.apis.data.converters.coco import run_coco

if __name__ == '__main__':
    sys.exit(run_coco())
