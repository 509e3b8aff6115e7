"""Every test ends: in time, and with nothing of it still running."""

import faulthandler
import os
import signal
from collections.abc import Iterator
from types import FrameType

import hypothesis
import pytest

# The same examples every time, so that a red run is red again; no time limit on one, since the machine is
# shared.
hypothesis.settings.register_profile("house", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("house")

#: No test takes longer, but those marked `soak`.
TEST_SECONDS = 60
#: A test that even the alarm cannot end, because native code holds the interpreter, takes the run down.
HUNG_SECONDS = 90
SOAK_SECONDS = 900

_stderr: list[int] = []


class TestTookTooLong(BaseException):
    """Raised into a test that outlasts its time. No `except Exception` on the way swallows it."""


def pytest_configure() -> None:
    """Keeps the true stderr: while tests run, descriptor 2 is pytest's capture."""
    _stderr.append(os.dup(2))


def pytest_unconfigure() -> None:
    """Lets it go."""
    os.close(_stderr.pop())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what takes minutes, unless `-m` asks for something by name."""
    if config.option.markexpr:
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=soak)
    items[:] = [item for item in items if item not in soak]


@pytest.fixture(autouse=True)
def _in_time(request: pytest.FixtureRequest) -> Iterator[None]:
    extra = SOAK_SECONDS if request.node.get_closest_marker("soak") else 0

    def too_long(_number: int, _frame: FrameType | None) -> None:
        raise TestTookTooLong(f"{request.node.name} took over {TEST_SECONDS + extra} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(TEST_SECONDS + extra)
    faulthandler.dump_traceback_later(HUNG_SECONDS + extra, exit=True, file=_stderr[0])
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
