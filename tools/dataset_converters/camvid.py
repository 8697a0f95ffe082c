"""The same as ``semiseg_mm convert camvid``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['convert', 'camvid', *sys.argv[1:]]))
