"""``python -m mtaio.monitoring``: the ``mtaio`` command of this very interpreter, with its options."""

import sys

from ._command import main

if __name__ == "__main__":
    sys.exit(main())
