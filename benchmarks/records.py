"""T6: recording a value, the quantile sketch fed."""

import random
import socket

from datadog.dogstatsd import DogStatsd
from mtaio.monitoring import ResourceMonitor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, Gauge, Histogram

from benchmarks.paired import Result, of_await, of_call, pair


def run() -> list[Result]:
    """Beside prometheus_client, the OpenTelemetry SDK and a client of DogStatsD."""
    monitor = ResourceMonitor()
    registry = CollectorRegistry()
    gauge = Gauge("peer_gauge", "-", registry=registry)
    histogram = Histogram("peer_histogram", "-", registry=registry)
    values = [random.lognormvariate(-4, 1) for _ in range(1024)]
    position = 0

    def value() -> float:
        # The same stream of values for both sides, so that no side measures one bucket only.
        nonlocal position
        position = (position + 1) & 1023
        return values[position]

    record, set_gauge, observe = monitor.record, gauge.set, histogram.observe
    overhead, _, _ = pair(of_call(value), of_call(value), count=20_000)

    def row(what: str, ours: object, peer: str, peers: object, limit: float) -> Result:
        cost, other, _ = pair(ours, peers, count=20_000)
        cost, other = cost - overhead, other - overhead
        return Result("T6", what, cost, peer, other, cost / other, limit)

    labelled = monitor.histogram("labelled").labels(route="/x").record
    labelled_peer = Histogram("labelled_peer", "-", ["route"], registry=registry).labels(route="/x").observe
    # With a reader, since an SDK without one records nothing.
    meter = MeterProvider([InMemoryMetricReader()]).get_meter("peer")
    otel = meter.create_histogram("peer_duration").record
    route = {"route": "/x"}
    # Somebody who listens, so that the kernel has somewhere to put the packets; it drops what it has no room for.
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    statsd = DogStatsd("127.0.0.1", listener.getsockname()[1]).histogram
    set_batch = of_call(lambda: set_gauge(value()))
    return [
        row(
            "monitor.record(name, value)",
            of_call(lambda: record("ours", value())),
            "Gauge.set",
            set_batch,
            0.3,
        ),
        row(
            "monitor.record(name, value)",
            of_call(lambda: record("ours", value())),
            "Histogram.observe",
            of_call(lambda: observe(value())),
            0.3,
        ),
        row(
            "histogram.labels(route=...).record(value)",
            of_call(lambda: labelled(value())),
            "Histogram.labels(...).observe",
            of_call(lambda: labelled_peer(value())),
            0.3,
        ),
        row(
            "histogram.labels(route=...).record(value)",
            of_call(lambda: labelled(value())),
            "OpenTelemetry SDK, Histogram.record with an attribute",
            of_call(lambda: otel(value(), route)),
            0.3,
        ),
        row(
            "monitor.record(name, value)",
            of_call(lambda: record("ours", value())),
            "DogStatsd.histogram",
            of_call(lambda: statsd("peer", value())),
            0.3,
        ),
        row(
            "await monitor.record_metric(name, value)",
            of_await(lambda: monitor.record_metric("ours", value())),
            "Gauge.set",
            set_batch,
            0.6,
        ),
    ]
