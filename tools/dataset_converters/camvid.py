"""Convert CamVid: tools/dataset_converters/camvid.py FOLDER [--out FOLDER]."""

import sys

from semiseg_mm.apis.data.converters.camvid import run_camvid

if __name__ == '__main__':
    sys.exit(run_camvid())
