"""The same as ``semiseg_mm compare``, from a checkout."""

import sys

from semiseg_mm.apis.compare import main

if __name__ == '__main__':
    sys.exit(main())
