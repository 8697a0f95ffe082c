"""Evaluate a checkpoint: tools/test.py CONFIG CHECKPOINT [--network NAME] …"""

import sys

from semiseg_mm.apis import run_test

if __name__ == '__main__':
    sys.exit(run_test())
