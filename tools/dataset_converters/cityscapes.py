"""Convert Cityscapes: tools/dataset_converters/cityscapes.py FOLDER [--out FOLDER]."""

import sys

from semiseg_mm.apis.data.converters.cityscapes import run_cityscapes

if __name__ == '__main__':
    sys.exit(run_cityscapes())
