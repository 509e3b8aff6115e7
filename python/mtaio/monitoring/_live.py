"""What a terminal shows while a program runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from . import _native
from ._monitor import ResourceMonitor


@contextmanager
def live_view(monitor: ResourceMonitor, *, title: str | None = None) -> Iterator[None]:
    """Shows a monitor in the terminal while the block runs, and a summary when it ends.

    In a terminal it is a screen that refreshes in place; where standard output is no terminal, one line a
    second. It is drawn by a native thread, so it goes on while the event loop is blocked, and it reads no
    keys: Ctrl-C stays the program's own.

    Args:
        monitor: The monitor to show; it need not run yet.
        title: What is being watched; the program's name by default.

    Example::

        async with ResourceMonitor() as monitor:
            with live_view(monitor, title="my service"):
                await serve()
    """
    sys.stdout.flush()
    view = _native.LiveView(monitor, title if title is not None else sys.argv[0] or "python")
    try:
        yield
    finally:
        view.stop()
