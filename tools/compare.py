"""Train several methods on one base config and compare them: tools/compare.py CONFIG --methods …"""

import sys

from semiseg_mm.apis.compare import main

if __name__ == '__main__':
    sys.exit(main())
