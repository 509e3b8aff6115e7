"""The programs in ``examples/``: the reference's own, run as anybody would run them (issue 5, "It must show" 1)."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.once


def run(name: str, *arguments: str) -> list[str]:
    """The lines that an example prints."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_every_example_is_tested() -> None:
    text = Path(__file__).read_text() + (ROOT / "tests/python/test_live.py").read_text()
    assert [path.name for path in EXAMPLES.glob("*.py") if path.name not in text] == []


def test_web_app_under_load() -> None:
    command = [sys.executable, str(EXAMPLES / "web_app.py"), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            for line in server.stderr:
                if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                    break
            else:
                raise AssertionError("it did not start")
            failed, answer = asyncio.run(load(found.group(1)))
            alerts = [line for line in (server.stderr.readline(),) if "request_error" in line]
        finally:
            server.kill()
    # What the clients saw is what the monitor and the profiler saw, whoever of the two hundred came first.
    assert answer["requests"] == 400
    assert answer["errors"] == failed == 100
    assert answer["traces"] == 400
    assert 0.002 <= answer["p99_seconds"] < 30.0
    assert answer["warehouse_share"] > 0.0
    assert alerts
    assert "firing: request_error:sum / request_duration:count 0." in alerts[0]


async def load(address: str) -> tuple[int, dict[str, float]]:
    """Sends 400 requests, 20 at a time, one in four of which fails; then asks for the health."""
    async with httpx2.AsyncClient(base_url=address, timeout=30) as client:
        limit = asyncio.Semaphore(20)

        async def one(article: int) -> int:
            async with limit:
                return (await client.get(f"/price/{article}")).status_code

        codes = await asyncio.gather(*(one(number % 4) for number in range(400)))
        assert set(codes) == {200, 503}
        answer = (await client.get("/health")).json()
        # The ratio is looked at with each sample.
        await asyncio.sleep(1.2)
    return codes.count(503), answer


def test_background_task() -> None:
    lines = run("background_task.py", "--seconds", "3")
    told = [line for line in lines if line.startswith("task indexer firing: task_cpu:mean by (task)")]
    assert len(told) == 1, lines
    assert not any(line.startswith("task mailer firing") for line in lines)
    assert sum(bool(re.fullmatch(r"task (mailer|indexer): at most [1-9]\d* MiB", line)) for line in lines) == 2


def test_custom_metrics() -> None:
    lines = run("custom_metrics.py", "--requests", "500")
    assert lines.count("alert: the error rate is high") == 1, lines
    assert "500 requests" in lines
    (errors,) = [int(line.split()[0]) for line in lines if line.endswith("errors")]
    assert 100 < errors < 250
    (milliseconds,) = [float(line.split()[0]) for line in lines if line.endswith("ms on average")]
    assert milliseconds == pytest.approx(2.0, rel=0.5)


def test_thresholds() -> None:
    lines = [line for line in run("thresholds.py") if "cpu_usage" not in line and "memory_usage" not in line]
    assert lines == [
        "firing   warning  error_rate 7.5 is above its threshold of 5",
        "firing   warning  queue_depth 140 is above its threshold of 100",
        "resolved warning  error_rate 0.5 is back within its threshold of 5",
        "firing   critical queue_depth 700 is above its critical threshold of 500",
        "resolved critical queue_depth 10 is back within its threshold of 100",
        'firing   warning  response_time:p99 by (route) {route="/pay"} 0.8 is above its threshold of 0.5',
    ]


def test_cached_metric() -> None:
    (line,) = run("cached_metric.py")
    found = re.fullmatch(r"asked (\d+) times, read ([23]) times: \d+\.\d % in use", line)
    assert found, line
    assert int(found.group(1)) > 20
