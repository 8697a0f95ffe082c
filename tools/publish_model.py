"""Write one network as a plain mmseg model: tools/publish_model.py CONFIG CHECKPOINT OUT."""

import sys

from semiseg_mm.apis import run_publish

if __name__ == '__main__':
    sys.exit(run_publish())
