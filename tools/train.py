"""The same as ``semiseg_mm train``, from a checkout."""

import sys

from semiseg_mm.apis import run_train

if __name__ == '__main__':
    sys.exit(run_train())
