"""The same as ``semiseg_mm convert cityscapes``, from a checkout."""

import sys

from semiseg_mm.apis.data.converters.cityscapes import run_cityscapes

if __name__ == '__main__':
    sys.exit(run_cityscapes())
