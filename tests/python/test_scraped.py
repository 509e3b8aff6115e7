"""A real Prometheus scrapes `monitor.serve()`, and what it answers to queries is what was recorded."""

import http.client
import math
from pathlib import Path

import pytest
from deadline import eventually, run
from mtaio.monitoring import ResourceMonitor, Server
from prometheus import Prometheus, prometheus

pytestmark = pytest.mark.once

TOKEN = "a-token-of-enough-letters"

#: Values of labels that end a string, a line or a sequence of a terminal elsewhere, and are text here.
HOSTILE = [
    '/a"b\\c\nd',
    "\\",
    '"',
    "\\n",
    '"} 1\n# HELP up',
    "{x=\"y\"}, 'z'",
    "  spaces  ",
    "応答/é/🦀",
    "%s%d$(id)`id`",
    "</script>",
    "x" * 2_000,
]

#: As what a Prometheus counts samples that it has not taken over.
NOT_TAKEN = [
    f"prometheus_target_scrapes_sample_{why}_total" for why in ("duplicate_timestamp", "out_of_bounds", "out_of_order")
]


def scraped_lines(server: Server, token: str | None) -> int:
    """The samples of a scrape."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {"Accept": "application/openmetrics-text"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        return sum(line[:1] != "#" for line in answer.read().decode().splitlines())
    finally:
        connection.close()


def check_all_was_taken(stored: Prometheus) -> None:
    """Holds that no scrape failed, and that none of the samples of one was left behind."""
    target = stored.target()
    assert (target["health"], target["lastError"]) == ("up", "")
    assert set(stored.stored("up")) == {1.0}
    assert stored.vector("scrape_samples_scraped != scrape_samples_post_metric_relabeling") == []
    own = stored.own()
    assert [own[name] for name in NOT_TAKEN] == [0.0] * len(NOT_TAKEN)
    failures = [line for line in stored.log().splitlines() if "level=warn" in line or "level=error" in line]
    assert not failures, failures


@pytest.mark.parametrize("token", [None, TOKEN], ids=["without a token", "with a token"])
def test_queries_return_what_was_recorded(tmp_path: Path, token: str | None) -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.1)
        jobs = monitor.counter("jobs", "{job}", "Jobs done.")
        depth = monitor.gauge("queue.depth", help="What waits:\n\\ all of it.").labels(shard=1)
        duration = monitor.histogram("request.duration", "ms", "Time.", bounds=[100.0, 500.0, 1000.0])
        jobs.add(17)
        depth.set(-2.5)
        for value, times in ((50.0, 50), (300.0, 30), (700.0, 20)):
            for _ in range(times):
                duration.record(value)
        for number, text in enumerate(HOSTILE):
            monitor.record("hostile", number, labels={"route": text, "number": str(number)})
        monitor.record("never", math.inf)
        async with monitor:
            await eventually(lambda: monitor.health().samples > 3)
            with monitor.serve(token=token) as server, prometheus(tmp_path, server.port, token) as stored:
                await eventually(lambda: stored.value("jobs_total") == 17)
                assert stored.vector("queue_depth") == [({"shard": "1"}, -2.5)]
                assert stored.value("request_duration_seconds_count") == 100
                assert stored.value("request_duration_seconds_sum") == 25.5
                # 50 up to 0.1, 80 up to 0.5, 100 up to 1.0; between two bounds it draws a line.
                quantile = "histogram_quantile({}, request_duration_seconds_bucket)"
                assert stored.value(quantile.format(0.5)) == 0.1
                assert stored.value(quantile.format(0.9)) == pytest.approx(0.75, abs=1e-12)
                told = {labels["number"]: (labels["route"], value) for labels, value in stored.vector("hostile")}
                assert told == {str(number): (text, number) for number, text in enumerate(HOSTILE)}
                assert stored.value("never") is None, "what is no number was dropped"
                assert stored.value("monitor_dropped_values_total") == 1
                # What it learns of a metric is what was declared.
                known = stored.metadata()
                assert known["jobs"] == ("counter", "Jobs done.")
                assert known["queue_depth"] == ("gauge", "What waits:\n\\ all of it.")
                assert known["request_duration_seconds"][0] == "histogram"
                # It sees it grow, and each reading of the processor that it has is one that the monitor has taken.
                jobs.add(25)
                await eventually(lambda: stored.value("jobs_total") == 42)
                await eventually(lambda: len(stored.stored("host_cpu_usage_ratio")) > 2)
                scraped = stored.stored("host_cpu_usage_ratio")
                history = await monitor.get_history()
                taken = [row.cpu.host_usage_percent for row in history if row.cpu.host_usage_percent is not None]
                assert all(any(math.isclose(one, percent / 100) for percent in taken) for one in scraped), scraped
                # There may be a metric more or less in a sample: a scrape is counted as the newest one was.
                await eventually(lambda: stored.value("scrape_samples_scraped") == scraped_lines(server, token))
                check_all_was_taken(stored)

    run(main(), 40.0)


def test_a_scrape_with_another_token_fails_and_stores_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        monitor.record("secret", 1.0)
        with monitor.serve(token=TOKEN) as server, prometheus(tmp_path, server.port, TOKEN[::-1]) as stored:
            await eventually(lambda: stored.value("up") == 0)
            assert stored.target()["lastError"] == "server returned HTTP status 401 Unauthorized"
            assert stored.vector('{__name__=~"secret|monitor_.*"}') == []

    run(main(), 40.0)


def quantile(values: list[float], share: float) -> float:
    """The nearest rank."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def test_native_histograms_are_stored_as_such(tmp_path: Path) -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.1)
        monitor.counter("jobs", "{job}", "Jobs done.").labels(route=HOSTILE[0]).add(17)
        monitor.record("guessed", -0.5)
        # A service's times: most are short, and few are long.
        times = [0.004 * 1.007**number for number in range(500)]
        seconds = monitor.histogram("duration", "s", "Time.")
        milliseconds = monitor.histogram("latency", "ms", "Time.", bounds=[100.0])
        for value in times:
            seconds.record(value)
            milliseconds.labels(route="/x").record(value * 1_000)
        monitor.histogram("balance", help="Above and below.").record(-3.0)
        async with monitor:
            await eventually(lambda: monitor.health().samples > 3)
            with (
                monitor.serve(token=TOKEN) as server,
                prometheus(tmp_path, server.port, TOKEN, "native-histograms") as stored,
            ):
                await eventually(lambda: stored.value("histogram_count(duration_seconds)") == len(times))
                # Native ones alone are stored: there are no classic buckets beside them.
                assert stored.vector('{__name__=~"(duration|latency)_seconds_.*"}') == []
                assert stored.value("histogram_sum(duration_seconds)") == pytest.approx(sum(times), rel=1e-9)
                assert stored.value("histogram_count(latency_seconds)") == len(times)
                assert stored.value("histogram_sum(latency_seconds)") == pytest.approx(sum(times), rel=1e-9)
                for share in (0.1, 0.5, 0.9, 0.99):
                    # Five octaves leave as fine as they were recorded: a bucket is 2.2 % wide, and a line is drawn
                    # within one. Of milliseconds, boundaries are half a bucket off at most.
                    told = stored.value(f"histogram_quantile({share}, duration_seconds)")
                    assert told == pytest.approx(quantile(times, share), rel=0.022)
                    told = stored.value(f"histogram_quantile({share}, latency_seconds)")
                    assert told == pytest.approx(quantile(times, share), rel=0.033)
                assert stored.value("histogram_quantile(0.5, balance)") == pytest.approx(-3.0, rel=0.022)
                # Everything else is as in text.
                assert stored.vector("jobs_total") == [({"route": HOSTILE[0]}, 17)]
                assert stored.value("guessed") == -0.5
                known = stored.metadata()
                assert known["duration_seconds"] == ("histogram", "Time.")
                assert known["jobs_total"] == ("counter", "Jobs done.")
                # And it grows.
                for value in times:
                    seconds.record(value)
                await eventually(lambda: stored.value("histogram_count(duration_seconds)") == 2 * len(times))
                target = stored.target()
                assert (target["health"], target["lastError"]) == ("up", "")
                assert set(stored.stored("up")) == {1.0}
                own = stored.own()
                assert [own[name] for name in NOT_TAKEN] == [0.0] * len(NOT_TAKEN)

    run(main(), 40.0)
