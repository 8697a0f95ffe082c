"""Convert VOC 2012 and SBD: tools/dataset_converters/voc_sbd.py FOLDER --sbd FOLDER [--out …]."""

import sys

from semiseg_mm.apis.data.converters.voc_sbd import run_voc_sbd

if __name__ == '__main__':
    sys.exit(run_voc_sbd())
