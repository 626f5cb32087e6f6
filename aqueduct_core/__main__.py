"""`python -m aqueduct_core` is `aqueduct`."""

import sys

from aqueduct_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
