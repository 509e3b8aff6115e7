"""What several tests of the profiler begin with."""

from collections.abc import Iterator

import pytest
from ended import drive
from mtaio.monitoring import Profiler


@pytest.fixture
def including() -> Iterator[Profiler]:
    """A profiler that includes the Rust extension, both empty."""
    # Here, so that only those who ask for it need the extension to be built.
    from extension import rust

    profiler = Profiler()
    profiler.include(rust)
    drive(profiler.reset())
    yield profiler
    # Lets go of what it includes, also where a failed test keeps it alive.
    profiler.__init__()  # type: ignore[misc]
