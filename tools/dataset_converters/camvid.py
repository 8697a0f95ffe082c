"""The same as ``semiseg_mm convert camvid``, from a checkout."""

import sys

from semiseg_mm.apis.data.converters.camvid import run_camvid

if __name__ == '__main__':
    sys.exit(run_camvid())
