"""Holding that nothing is said: no exception that nobody caught, no log, no warning, no complaint of a loop."""

import asyncio
import contextlib
import gc
import logging
import sys
import warnings
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class _Heard(logging.Handler):
    """Keeps what is logged, at any level, by anyone."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.said = said

    def emit(self, record: logging.LogRecord) -> None:
        # asyncio tells in debug mode which selector it uses.
        if record.levelno > logging.DEBUG:
            self.said.append(f"logged: {record.getMessage()}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Holds that inside nothing was logged, warned of, or raised where nobody could catch it."""
    said: list[str] = []
    heard, root, hook = _Heard(said), logging.getLogger(), sys.unraisablehook
    level = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    # What was dropped before is not ours.
    gc.collect()
    sys.unraisablehook = lambda raised: said.append(f"unraisable: {raised.exc_value!r} in {raised.object!r}")
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield
            gc.collect()
        said.extend(f"warned: {warning.message}" for warning in warned)
    finally:
        sys.unraisablehook = hook
        root.setLevel(level)
        root.removeHandler(heard)
    assert said == []


def run(coroutine: Coroutine[Any, Any, T], seconds: float = 20.0) -> T:
    """Runs a coroutine on a loop in debug mode, and holds that nobody complains."""
    complaints: list[Any] = []

    async def limited() -> T:
        loop = asyncio.get_running_loop()
        loop.slow_callback_duration = 60.0
        loop.set_exception_handler(lambda _loop, context: complaints.append(context))
        async with asyncio.timeout(seconds):
            return await coroutine

    with quiet():
        result = asyncio.run(limited(), debug=True)
        gc.collect()
    assert complaints == []
    return result
