"""Background tasks that are watched from outside: the reference's ``TaskMonitor`` over worker processes. (Linux)

    python examples/background_task.py [--seconds 4]

Two workers run; one of them computes without a pause, and somebody is told so.
"""

import argparse
import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from mtaio.monitoring import Alert, ResourceMonitor

IDLE = "import time\nwhile True: time.sleep(0.01)"
BUSY = "while True: pass"


@dataclass
class TaskStats:
    """What a task uses at the moment."""

    memory_usage: int
    cpu_usage: float


class TaskMonitor:
    """Looks after workers once in a quarter of a second."""

    def __init__(self) -> None:
        """A monitor that tells when a worker of any name uses more than half of a processor."""
        self.monitor = ResourceMonitor(interval=0.25)
        self.monitor.gauge("task_memory", unit="By", help="Resident memory of a task.")
        self.monitor.gauge("task_cpu", unit="%", help="Processor time of a task: 100 is a processor kept busy.")
        self.monitor.set_threshold("task_cpu:mean by (task)", 50.0, window_seconds=1.0, for_seconds=0.5)
        self.monitor.on_alert(self.notify_admin)
        self.seconds: dict[str, float] = {}

    async def notify_admin(self, alert: Alert) -> None:
        """Where a service would send a message."""
        print(f"task {alert.labels['task']} {alert.state}: {alert.message}", flush=True)

    async def monitor_task(self, task_id: str, process: asyncio.subprocess.Process) -> None:
        """Until the task ends."""
        while process.returncode is None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                stats = self.get_task_stats(task_id, process.pid)
                self.monitor.record("task_memory", stats.memory_usage, labels={"task": task_id})
                self.monitor.record("task_cpu", stats.cpu_usage, labels={"task": task_id})
            await asyncio.sleep(0.25)

    def get_task_stats(self, task_id: str, pid: int) -> TaskStats:
        """From the kernel, for a process that knows nothing of it."""
        folder = Path(f"/proc/{pid}")
        # Behind the name, which may hold anything, blanks and brackets included.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        before = self.seconds.get(task_id, used)
        self.seconds[task_id] = used
        pages = int((folder / "statm").read_text().split()[1])
        return TaskStats(pages * os.sysconf("SC_PAGE_SIZE"), 100.0 * (used - before) / 0.25)


async def main(seconds: float) -> None:
    """Starts the workers, watches them for a while, and ends them."""
    watch = TaskMonitor()
    async with watch.monitor, asyncio.TaskGroup() as group:
        workers = {}
        for task_id, program in (("mailer", IDLE), ("indexer", BUSY)):
            workers[task_id] = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", program)
            group.create_task(watch.monitor_task(task_id, workers[task_id]))
        try:
            await asyncio.sleep(seconds)
            for labels, memory in watch.monitor.query_by("task_memory:max by (task)"):
                print(f"task {labels['task']}: at most {(memory or 0) / 2**20:.0f} MiB", flush=True)
        finally:
            for worker in workers.values():
                worker.kill()
                await worker.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long to watch (default: 4)")
    asyncio.run(main(parser.parse_args().seconds))
