"""The same as ``semiseg_mm quickstart``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['quickstart', *sys.argv[1:]]))
