"""The same as ``semiseg_mm splits make``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['splits', 'make', *sys.argv[1:]]))
