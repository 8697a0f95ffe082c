"""The same as ``semiseg_mm compare``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['compare', *sys.argv[1:]]))
