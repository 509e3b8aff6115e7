"""A program with workers of every sort, which holds its own numbers beside the kernel's and prints both.

Run with the name of what it shall do, and perhaps with the `cgroup.procs` of a group to move to first.
"""

import asyncio
import json
import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from mtaio.monitoring import ResourceMonitor, SystemStats

SHORT_SECONDS = 0.06
LONG_SECONDS = 0.6


def burn(seconds: float) -> float:
    """Uses so much processor time, and says how much this process has used."""
    begun = time.process_time()
    while time.process_time() < begun + seconds:
        pass
    return time.process_time()


def used(who: int) -> float:
    """Processor time by getrusage, which is exact to a microsecond."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


async def looked_at(monitor: ResourceMonitor) -> SystemStats:
    """A reading that comes of a look at the tree from now on."""
    begun = time.monotonic()
    while True:
        # Before it: the age is that of the reading, and after it a busy machine may let any time pass.
        passed = time.monotonic() - begun
        stats = await monitor.get_current_stats()
        assert stats.tree is not None
        assert stats.tree.age_seconds is not None
        if stats.tree.age_seconds < passed:
            return stats
        await asyncio.sleep(0.05)


def fork(work: float, *, stays: bool = False, grandchildren: int = 0) -> tuple[int, int, int]:
    """A child that burns; returns its number, a pipe that says when it has, and one that lets it end."""
    told, tell = os.pipe()
    go, end = os.pipe()
    child = os.fork()
    if child == 0:
        for _ in range(grandchildren):
            grandchild = os.fork()
            if grandchild == 0:
                burn(work)
                os._exit(0)
            os.waitpid(grandchild, 0)
        burnt = burn(work)
        os.write(tell, str(burnt).encode())
        os.close(end)
        if stays:
            os.read(go, 1)
        os._exit(0)
    os.close(tell)
    os.close(go)
    return child, told, end


def wait_for(process: int) -> None:
    """As a parent does."""
    os.waitpid(process, 0)


def let_end(process: int) -> None:
    """Waits until a child has ended, without its being waited for as a parent does."""
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)


async def children() -> dict[str, Any]:
    """Fifty short-lived ones, of which some have children themselves, a zombie, and five that live."""
    monitor = ResourceMonitor()
    before = await looked_at(monitor)
    begun = used(resource.RUSAGE_SELF) + used(resource.RUSAGE_CHILDREN)
    living = [fork(LONG_SECONDS, stays=True) for _ in range(5)]
    for index in range(50):
        child, told, end = fork(SHORT_SECONDS, grandchildren=index % 5 == 0)
        wait_for(child)
        os.close(told)
        os.close(end)
        if index % 10 == 9:
            # Looks in between see some of them alive.
            await monitor.get_current_stats()
    zombie, told, end = fork(LONG_SECONDS)
    of_zombie = float(os.read(told, 100))
    of_living = sum(float(os.read(pipe, 100)) for _, pipe, _ in living)
    let_end(zombie)
    stats = await looked_at(monitor)
    theirs = used(resource.RUSAGE_SELF) + used(resource.RUSAGE_CHILDREN) - begun + of_living + of_zombie
    middle = {"tree": vars(stats.tree), "theirs": theirs, "since": before.tree.cpu_seconds}  # type: ignore[union-attr]

    for _, _, pipe in living:
        os.close(pipe)
    for child, _, _ in [*living, (zombie, told, end)]:
        wait_for(child)
    after = await looked_at(monitor)
    theirs = used(resource.RUSAGE_SELF) + used(resource.RUSAGE_CHILDREN) - begun
    last = {"tree": vars(after.tree), "theirs": theirs, "since": before.tree.cpu_seconds}  # type: ignore[union-attr]
    return {"middle": middle, "last": last}


async def pool() -> dict[str, Any]:
    """A pool of `multiprocessing`, while it is there and when it has gone."""
    monitor = ResourceMonitor(interval=0.2)
    async with monitor:
        before = await looked_at(monitor)
        begun = used(resource.RUSAGE_SELF) + used(resource.RUSAGE_CHILDREN)
        with multiprocessing.get_context("spawn").Pool(3) as workers:
            await asyncio.to_thread(workers.map, burn, [0.1] * 30, 1)
            during = await looked_at(monitor)
            workers.close()
            workers.join()
        after = await looked_at(monitor)
        theirs = used(resource.RUSAGE_SELF) + used(resource.RUSAGE_CHILDREN) - begun
        rows = await monitor.get_history()
    sums = [row.tree.cpu_seconds for row in rows if row.tree and row.tree.cpu_seconds is not None]
    return {
        "during": vars(during.tree),
        "last": {"tree": vars(after.tree), "theirs": theirs, "since": before.tree.cpu_seconds},  # type: ignore[union-attr]
        "sums": sums,
    }


async def unseen() -> dict[str, Any]:
    """Children that nobody waits for: only a control group knows of them afterwards."""
    import signal

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    monitor = ResourceMonitor()
    await looked_at(monitor)
    before = await looked_at(monitor)
    begun = time.process_time()
    burnt = 0.0
    for _ in range(20):
        _, told, end = fork(SHORT_SECONDS)
        burnt += float(os.read(told, 100))
        os.close(told)
        os.close(end)
    after = await looked_at(monitor)
    theirs = burnt + time.process_time() - begun
    return {"last": {"tree": vars(after.tree), "theirs": theirs, "since": before.tree.cpu_seconds}}  # type: ignore[union-attr]


if __name__ == "__main__":
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text("0")
    print(json.dumps(asyncio.run({"children": children, "pool": pool, "unseen": unseen}[sys.argv[1]]())))
