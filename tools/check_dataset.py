"""The same as ``semiseg_mm check``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['check', *sys.argv[1:]]))
