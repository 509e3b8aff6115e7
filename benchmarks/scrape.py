"""A scrape of 10,000 series, beside prometheus_client's text of as many."""

import http.client

from mtaio.monitoring import ResourceMonitor
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from benchmarks.paired import Result, of_call, pair

SERIES = 10_000
#: What a metric of ours may have, and so the same for both.
SERIES_OF_A_METRIC = 1_000
#: At most what one scrape of ours may take of the peer's: 20 times faster.
LIMIT = 0.05


def run() -> list[Result]:
    """Gauges and counters with two labels, and histograms; ours over HTTP, with all that the monitor tells besides."""
    monitor, registry = ResourceMonitor(), CollectorRegistry()
    labels = [{"route": f"/api/v1/things/{number}", "method": "GET"} for number in range(SERIES_OF_A_METRIC)]
    for metric in range(SERIES // SERIES_OF_A_METRIC):
        kind = (Gauge, Counter)[metric % 2]
        ours = (monitor.gauge, monitor.counter)[metric % 2](f"metric{metric}", help="What it is.")
        theirs = kind(f"metric{metric}", "What it is.", ["route", "method"], registry=registry)
        for number, named in enumerate(labels):
            bound, peer = ours.labels(**named), theirs.labels(**named)
            value = number * 1.1 + metric
            (bound.set if metric % 2 == 0 else bound.add)(value)
            (peer.set if metric % 2 == 0 else peer.inc)(value)
    rows = [row("scrape of 10,000 gauges and counters", monitor, registry)]
    # A histogram is 17 lines a series.
    monitor, registry = ResourceMonitor(), CollectorRegistry()
    ours = monitor.histogram("duration", "s", "What it is.")
    theirs = Histogram("duration_seconds", "What it is.", ["route", "method"], registry=registry)
    for number, named in enumerate(labels[:600]):
        bound, peer = ours.labels(**named), theirs.labels(**named)
        for step in range(20):
            bound.record(0.001 * (number + 1) * (step + 1))
            peer.observe(0.001 * (number + 1) * (step + 1))
    rows.append(row("scrape of 600 histograms (10,000 lines)", monitor, registry))
    return rows


def row(what: str, monitor: ResourceMonitor, registry: CollectorRegistry) -> Result:
    """One scrape after the other, on one connection, as Prometheus does; the peer's text without HTTP."""
    with monitor.serve() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)

        def scrape() -> None:
            connection.request("GET", "/metrics")
            assert len(connection.getresponse().read()) > 100_000

        cost, other, ratio = pair(of_call(scrape), of_call(lambda: generate_latest(registry)), count=2)
        connection.close()
    return Result("–", what, cost / 1e6, "prometheus_client generate_latest", other / 1e6, ratio, LIMIT, "ms")
