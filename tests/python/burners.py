"""Processes that keep processors busy: the known load that readings are held against."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

# It ends with its parent, so that a killed test run leaves no busy machine behind.
PROGRAM = """
import os, sys
core = int(sys.argv[1])
if core >= 0:
    os.sched_setaffinity(0, {core})
parent = os.getppid()
print("busy", flush=True)
while os.getppid() == parent:
    for _ in range(200_000):
        pass
"""


def usable_cores() -> list[int]:
    """The processors that this process may run on."""
    return sorted(os.sched_getaffinity(0))


@contextlib.contextmanager
def burning(cores: Sequence[int]) -> Iterator[None]:
    """One busy process on each of these processors (-1: wherever there is room) while the block runs."""
    command = [sys.executable, "-S", "-E", "-c", PROGRAM]
    with contextlib.ExitStack() as stack:
        processes = []
        for core in cores:
            process = subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE)
            stack.enter_context(process)
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"busy\n"
        yield
