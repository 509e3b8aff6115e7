"""The ``mtaio`` command: the same program as the Rust crate's, inside the wheel, and ``mtaio run``."""

import signal
import sys

from . import _native


def main() -> int:
    """Runs the command with the process's arguments and gives its exit code."""
    if sys.argv[1:2] == ["run"]:
        from . import _run

        return _run.main(sys.argv[2:])
    # The native command ends cleanly on an interrupt by itself; Python's handler would only set a flag
    # that nobody looks at while the native code runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.run_command(["mtaio", *sys.argv[1:]])
