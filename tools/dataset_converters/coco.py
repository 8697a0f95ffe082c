"""The same as ``semiseg_mm convert coco``, from a checkout."""

import sys

from semiseg_mm.apis.data.converters.coco import run_coco

if __name__ == '__main__':
    sys.exit(run_coco())
