"""The same as ``semiseg_mm convert voc``, from a checkout."""

import sys

from semiseg_mm.apis.data.converters.voc_sbd import run_voc_sbd

if __name__ == '__main__':
    sys.exit(run_voc_sbd())
