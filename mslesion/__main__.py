"""``python -m mslesion`` is the command ``mslesion``."""

import sys

from mslesion.cli import main

if __name__ == "__main__":
    sys.exit(main())
