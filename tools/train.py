"""Train a config: tools/train.py CONFIG [--work-dir DIR] [--resume] …"""

import sys

from semiseg_mm.apis import run_train

if __name__ == '__main__':
    sys.exit(run_train())
