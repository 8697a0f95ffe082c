"""The same as ``semiseg_mm benchmark``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['benchmark', *sys.argv[1:]]))
