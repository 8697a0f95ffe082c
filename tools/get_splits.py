"""The same as ``semiseg_mm splits get``, from a checkout."""

import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main(['splits', 'get', *sys.argv[1:]]))
