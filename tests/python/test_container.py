"""The container's numbers in a real control group, with limits that are really reached (P8, P15, P16)."""

import json

import pytest
from deadline import run
from groups import limited, run_in
from mtaio.monitoring import ContainerStats, ResourceMonitor, catalogue

# What the core reads does not depend on the interpreter.
pytestmark = pytest.mark.once

MEBIBYTE = 2**20

BUSY = """
import asyncio, json, threading, time
from dataclasses import asdict
from mtaio.monitoring import ResourceMonitor

def burn():
    while not ended:
        sum(range(10_000))

ended = False
alerts = []

async def main():
    global ended
    monitor = ResourceMonitor(interval=0.5)
    host = ResourceMonitor(scope="host")
    await host.get_current_stats()

    @monitor.on_threshold_exceeded
    async def alert(metric, value, threshold):
        alerts.append(metric)

    monitor.set_threshold("cpu_usage", 60.0)
    monitor.set_threshold("container_cpu_throttled_periods_percent", 10.0)
    await monitor.start()
    worker = threading.Thread(target=burn)
    worker.start()
    began = time.monotonic()
    await asyncio.sleep(3)
    ended = True
    elapsed = time.monotonic() - began
    rows = await monitor.get_history()
    stats = await host.get_current_stats()
    sections = {section.section: section.origin for section in monitor.health().sections}
    await monitor.stop()
    worker.join()
    print(json.dumps({
        "rows": [asdict(row) for row in rows], "alerts": alerts, "origin": sections["container"],
        "host": asdict(stats),
    }))

asyncio.run(main())
"""

KILLED = """
import asyncio, json, subprocess, sys
from dataclasses import asdict
from mtaio.monitoring import ResourceMonitor

LOAD = '''
with open("/proc/self/oom_score_adj", "w") as score:
    score.write("1000")
held = []
while True:
    held.append(b"x" * (1 << 20))
'''

async def main():
    monitor = ResourceMonitor(interval=0.1)
    alerted = asyncio.get_running_loop().create_future()

    @monitor.on_threshold_exceeded
    async def alert(metric, value, threshold):
        if not alerted.done():
            alerted.set_result([metric, value])

    monitor.set_threshold("container_oom_kills", 0.0)
    await monitor.start()
    await asyncio.sleep(0.3)
    load = await asyncio.create_subprocess_exec(sys.executable, "-c", LOAD)
    status = await load.wait()
    metric, value = await asyncio.wait_for(alerted, 5)
    stats = await monitor.get_current_stats()
    await monitor.stop()
    print(json.dumps({"status": status, "metric": metric, "value": value, "stats": asdict(stats)}))

asyncio.run(main())
"""


def test_p8_a_quota_that_is_reached() -> None:
    with limited(cpu_cores=0.3, memory_bytes=512 * MEBIBYTE) as groups:
        answer = json.loads(run_in(groups, BUSY))
    assert answer["origin"].endswith(groups[0].name)
    # The burner needs a moment to begin; the middle ones are of nothing else.
    rows = answer["rows"][2:]
    assert rows, answer
    for row in rows:
        container, cpu = row["container"], row["cpu"]
        assert container["cpu_limit_cores"] == pytest.approx(0.3)
        # A period of 0.1 s more or less within the window of 0.5 s, and a machine that may be late.
        assert 50 < container["cpu_usage_percent"] < 150, row
        assert cpu["usage_percent"] == container["cpu_usage_percent"]
        assert cpu["host_usage_percent"] <= 100
        assert container["cpu_throttled_periods_percent"] > 25
        assert container["cpu_throttled_seconds_per_second"] > 0
    mean = sum(row["cpu"]["usage_percent"] for row in rows) / len(rows)
    assert mean == pytest.approx(100, abs=20)
    assert {"cpu_usage", "container_cpu_throttled_periods_percent"} <= set(answer["alerts"])
    # scope="host" in the same group, at the same time.
    host = answer["host"]
    assert host["cpu"]["usage_percent"] == host["cpu"]["host_usage_percent"]
    assert host["memory"]["total"] == host["memory"]["host_total"] > 512 * MEBIBYTE


def test_p15_p16_a_memory_limit_that_kills() -> None:
    with limited(cpu_cores=2, memory_bytes=128 * MEBIBYTE) as groups:
        answer = json.loads(run_in(groups, KILLED))
    assert answer["status"] == -9, "the load was killed"
    assert answer["metric"] == "container_oom_kills"
    assert answer["value"] >= 1
    memory, container = answer["stats"]["memory"], answer["stats"]["container"]
    assert container["oom_kills_total"] >= 1
    assert memory["total"] == container["memory_limit"] == 128 * MEBIBYTE
    assert memory["used"] + memory["available"] == memory["total"]
    # Used has no page cache that can be given back in it, and the monitor's own process is there.
    assert 0 < memory["used"] <= container["memory_usage"] <= memory["total"]
    assert memory["percent"] == pytest.approx(100 * memory["used"] / memory["total"])
    assert memory["host_total"] > memory["total"]


def test_the_hosts_numbers_stand_beside() -> None:
    async def main() -> None:
        monitor = ResourceMonitor(scope="host")
        stats = await monitor.get_current_stats()
        assert stats.cpu.usage_percent == stats.cpu.host_usage_percent
        assert stats.memory.total == stats.memory.host_total
        assert stats.memory.used == stats.memory.host_used
        assert stats.memory.available == stats.memory.host_available
        assert stats.memory.percent == stats.memory.host_percent
        assert stats.container is None or isinstance(stats.container, ContainerStats)

    run(main())


def test_each_number_of_the_container_is_in_the_catalogue() -> None:
    names = {metric.name for metric in catalogue()}
    assert {"container_cpu_usage_percent", "container_memory_working_set_bytes", "container_oom_kills"} <= names
