"""The same as ``semiseg_mm publish``, from a checkout."""

import sys

from semiseg_mm.apis import run_publish

if __name__ == '__main__':
    sys.exit(run_publish())
