"""T7: one reading of the machine, in Python."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import psutil
from mtaio.monitoring import ResourceMonitor

from benchmarks.paired import Result, of_await, of_call, pair

UPSTREAM = """
import asyncio, json, time
from mtaio.monitoring import ResourceMonitor
async def main():
    monitor = ResourceMonitor()
    await monitor.get_current_stats()
    costs = []
    for _ in range(20):
        started = time.perf_counter_ns()
        for _ in range(50):
            await monitor.get_current_stats()
        costs.append((time.perf_counter_ns() - started) / 50)
    print(json.dumps(sorted(costs)[10]))
asyncio.run(main())
"""


def run() -> list[Result]:
    """Beside psutil's four calls, and beside mtaio 0.1.0."""
    monitor = ResourceMonitor()
    # The first reading waits for its baseline.
    asyncio.run(monitor.get_current_stats())

    def psutil_sample() -> None:
        psutil.cpu_percent()
        psutil.getloadavg()
        psutil.virtual_memory()
        psutil.disk_io_counters()

    process = psutil.Process()

    def psutil_of_the_same_files() -> None:
        psutil_sample()
        psutil.cpu_times_percent(percpu=True)
        psutil.cpu_stats()
        psutil.swap_memory()
        psutil.disk_io_counters(perdisk=True)
        psutil.net_io_counters(pernic=True)
        with process.oneshot():
            process.cpu_times()
            process.num_threads()
            process.memory_info()
            process.io_counters()

    ours = of_await(monitor.get_current_stats)
    cost, peers, ratio = pair(ours, of_call(psutil_sample), count=200, peer_count=50)
    same_cost, same_peers, same_ratio = pair(ours, of_call(psutil_of_the_same_files), count=100, peer_count=20)
    rows = [
        Result(
            "T7",
            "await get_current_stats()",
            cost / 1e3,
            "psutil: cpu, load, memory, disks",
            peers / 1e3,
            ratio,
            0.2,
            "µs",
        ),
        Result(
            "T7",
            "await get_current_stats()",
            same_cost / 1e3,
            "psutil: what it has of the same files",
            same_peers / 1e3,
            same_ratio,
            0.2,
            "µs",
        ),
    ]
    upstream = Path(".venv/peers/mtaio")
    if upstream.is_dir():
        answer = subprocess.run(
            [sys.executable, "-c", UPSTREAM],
            env={"PYTHONPATH": str(upstream.resolve())},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode == 0:
            peers = json.loads(answer.stdout)
            rows.append(
                Result(
                    "T7",
                    "await get_current_stats()",
                    cost / 1e3,
                    "mtaio 0.1.0",
                    peers / 1e3,
                    cost / peers,
                    1.0,
                    "µs",
                )
            )
    return rows
