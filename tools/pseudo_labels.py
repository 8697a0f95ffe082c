"""The same as ``semiseg_mm labels``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['labels', *sys.argv[1:]]))
