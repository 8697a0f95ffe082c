"""The same as ``semiseg_mm train``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['train', *sys.argv[1:]]))
