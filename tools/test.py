"""The same as ``semiseg_mm test``, from a checkout."""

import sys

from semiseg_mm.apis import run_test

if __name__ == '__main__':
    sys.exit(run_test())
