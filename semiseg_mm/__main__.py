import sys

from semiseg_mm.main import main

if __name__ == '__main__':
    sys.exit(main())
