"""The same as ``semiseg_mm convert coco``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['convert', 'coco', *sys.argv[1:]]))
