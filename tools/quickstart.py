"""Compare three methods on the embedded dataset: tools/quickstart.py [--iters N] …"""

import sys

from semiseg_mm.apis.quickstart import main

if __name__ == '__main__':
    sys.exit(main())
