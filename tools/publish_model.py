"""The same as ``semiseg_mm publish``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['publish', *sys.argv[1:]]))
