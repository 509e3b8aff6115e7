"""Real control groups with real limits, for programs of the tests to run in."""

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

QUOTA_PERIOD_MICROSECONDS = 100_000


def _hierarchies() -> dict[str, Path]:
    """The own group's directory by controller of version 1; under "" that of version 2."""
    paths = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split()[:3]
        names = {"cgroup": options.split(","), "cgroup2": [""]}.get(kind, [])
        for name in names:
            if name in paths and paths[name].startswith(root):
                below = paths[name][len(root) :].lstrip("/")
                found[name] = Path(point) / below
    return found


def _make(cpu_cores: float, memory_bytes: int) -> list[Path]:
    hierarchies = _hierarchies()
    name = f"mtaio-test-{uuid.uuid4().hex[:8]}"
    quota = int(cpu_cores * QUOTA_PERIOD_MICROSECONDS)
    made = []
    try:
        if {"cpu", "cpuacct", "memory"} <= hierarchies.keys():
            for parent in {hierarchies[controller] for controller in ("cpu", "cpuacct", "memory")}:
                made.append(parent / name)
                made[-1].mkdir()
            cpu, memory = hierarchies["cpu"] / name, hierarchies["memory"] / name
            (cpu / "cpu.cfs_period_us").write_text(f"{QUOTA_PERIOD_MICROSECONDS}")
            (cpu / "cpu.cfs_quota_us").write_text(f"{quota}")
            # Nothing but the quota is to hold it back, however busy the machine is.
            (cpu / "cpu.shares").write_text("262144")
            (memory / "memory.limit_in_bytes").write_text(f"{memory_bytes}")
            with contextlib.suppress(OSError):
                # Where swap is not counted there is no such file.
                (memory / "memory.memsw.limit_in_bytes").write_text(f"{memory_bytes}")
            return made
        own = hierarchies[""]
        # A group with processes of its own cannot have groups with controllers below it; one above it may.
        parents = [group for group in (own, *own.parents) if (group / "cgroup.subtree_control").exists()]
        enabled = [
            group
            for group in parents
            if {"cpu", "memory"} <= set((group / "cgroup.subtree_control").read_text().split())
        ]
        made.append(enabled[0] / name)
        made[-1].mkdir()
        (made[-1] / "cpu.max").write_text(f"{quota} {QUOTA_PERIOD_MICROSECONDS}")
        (made[-1] / "cpu.weight").write_text("10000")
        (made[-1] / "memory.max").write_text(f"{memory_bytes}")
        with contextlib.suppress(OSError):
            (made[-1] / "memory.swap.max").write_text("0")
        return made
    except (OSError, LookupError) as error:
        _remove(made)
        pytest.skip(f"no control group with limits can be made here ({error!r}); the recorded trees stand in for it")


def _remove(groups: list[Path]) -> None:
    for group in groups:
        for _ in range(100):
            with contextlib.suppress(OSError):
                for pid in (group / "cgroup.procs").read_text().split():
                    os.kill(int(pid), 9)
            try:
                group.rmdir()
            except FileNotFoundError:
                break
            except OSError:
                # The kernel is still taking down what was killed.
                time.sleep(0.05)
            else:
                break


@contextlib.contextmanager
def limited(cpu_cores: float, memory_bytes: int) -> Iterator[list[Path]]:
    """Groups with these limits, gone at the end whatever happened."""
    groups = _make(cpu_cores, memory_bytes)
    try:
        yield groups
    finally:
        _remove(groups)


def run_in(groups: list[Path], program: str, seconds: float = 30) -> str:
    """What ``program`` prints. It is read before the process moves into the groups, and runs in them."""
    started = "import sys; sys.stdin.readline()\n" + program
    process = subprocess.Popen(
        [sys.executable, "-c", started], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        for group in groups:
            (group / "cgroup.procs").write_text(f"{process.pid}")
        output, _ = process.communicate("go\n", timeout=seconds)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, f"the program ended with {process.returncode}"
    return output
