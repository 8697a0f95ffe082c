"""The same as ``semiseg_mm labels``, from a checkout."""

import sys

from semiseg_mm.apis.label_exchange import run_pseudo_labels

if __name__ == '__main__':
    sys.exit(run_pseudo_labels())
