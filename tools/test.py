"""The same as ``semiseg_mm test``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['test', *sys.argv[1:]]))
