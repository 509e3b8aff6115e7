"""Declared metrics, labels, windows and queries."""

import asyncio
import gc
import itertools
import random
import weakref

import pytest
from deadline import eventually, on_loop, run
from forking import child
from mtaio.monitoring import ConfigurationError, MetricSummary, ResourceMonitor, UnknownMetricError


def test_each_kind_records_in_its_own_way() -> None:
    monitor = ResourceMonitor()
    requests = monitor.counter("requests", "{request}", "Requests answered.")
    depth = monitor.gauge("depth")
    duration = monitor.histogram("duration", unit="s")
    requests.add(2)
    requests.labels(status=500).add(1)
    for value in (-1, float("nan"), float("inf")):
        requests.add(value)
    depth.set(5)
    depth.add(-7.5)
    duration.labels({"http.route": "/x"}, slow=True).record(0.25)
    assert run(monitor.get_metric("requests")) == 3.0
    assert monitor.query("depth") == -2.5
    assert monitor.query('duration{http.route="/x",slow="true"}:max') == 0.25
    assert monitor.health().dropped_values == 3
    assert repr(requests.labels(b=1, a="x")) == '<Counter requests{a="x",b="1"}>'
    assert requests.name == "requests"


def test_record_takes_labels_too() -> None:
    monitor = ResourceMonitor()
    monitor.record("duration", 0.1, labels={"route": "/x"})
    monitor.record("duration", 0.2, {"route": "/y"})
    monitor.record("duration", 0.4)
    run(monitor.record_metric("duration", 0.3, labels={"route": "/x"}))
    assert monitor.query('duration{route="/x"}:count') == 2.0
    assert monitor.query('duration{route!="/x"}:sum') == pytest.approx(0.6)
    assert monitor.query_by("duration:count by (route)") == [
        ({}, 1.0),
        ({"route": "/x"}, 2.0),
        ({"route": "/y"}, 1.0),
    ]
    assert monitor.query('duration{route="/x"}:count / duration:count', window_seconds=300) == 0.5


def test_a_summary_is_what_the_values_say() -> None:
    monitor = ResourceMonitor()
    values = [random.lognormvariate(-4, 1) for _ in range(5_000)]
    for value in values:
        monitor.record("duration", value, labels={"route": "/x"})
    summary = monitor.summary("duration", labels={"route": "/x"})
    assert isinstance(summary, MetricSummary)
    ordered = sorted(values)
    assert (summary.count, summary.last) == (5_000, values[-1])
    assert (summary.min, summary.max) == (ordered[0], ordered[-1])
    assert summary.sum == pytest.approx(sum(values))
    assert summary.mean == pytest.approx(sum(values) / 5_000)
    for told, rank in ((summary.p50, 2500), (summary.p90, 4500), (summary.p95, 4750), (summary.p99, 4950)):
        assert told == pytest.approx(ordered[rank - 1], rel=0.0109)
    assert summary.p999 == pytest.approx(ordered[4994], rel=0.0109)
    assert summary.rate == pytest.approx(5_000 / summary.window_seconds)
    nothing = monitor.summary("duration", 60, labels={"route": "/other"})
    assert (nothing.count, nothing.sum, nothing.last, nothing.mean, nothing.p99) == (0, 0.0, None, None, None)


def test_windows_move_while_the_monitor_runs() -> None:
    run(windows_move())


async def windows_move() -> None:
    async with ResourceMonitor(interval=0.02) as monitor:
        monitor.record("jobs", 1.0)
        await eventually(lambda: monitor.query("jobs:count", window_seconds=0.1) == 0.0)
        assert monitor.query("jobs:count", window_seconds=3600) == 1.0
        assert monitor.query("jobs") == 1.0
        assert monitor.query("jobs:p99", window_seconds=0.1) is None
        await eventually(lambda: (monitor.query("cpu_usage:count", window_seconds=3600) or 0.0) >= 3.0)
        low, high = (monitor.query(f"cpu_usage:{what}") for what in ("min", "max"))
        assert low is not None
        assert high is not None
        assert 0.0 <= low <= high <= 100.0


def test_a_threshold_on_what_a_handle_records() -> None:
    run(handle_crosses())


async def handle_crosses() -> None:
    monitor = ResourceMonitor()
    told: list[float] = []
    monitor.on_threshold_exceeded(on_loop(lambda *crossing: told.append(crossing[1])))
    monitor.set_threshold("depth", 10.0)
    depth = monitor.gauge("depth").labels(queue="mail")
    depth.set(9)
    depth.add(2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told == [11.0]


def test_too_many_series_go_to_one_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def record() -> ResourceMonitor:
        monitor = ResourceMonitor()
        for user in range(2_010):
            monitor.record("requests", 1, labels={"user": user})
        return monitor

    monitor = run(record())
    assert monitor.query("requests:count") == 2_010.0
    assert monitor.query('requests{otel.metric.overflow="true"}:count') == 10.0
    told = [record.getMessage() for record in caplog.records if "label" in record.getMessage()]
    assert len(told) == 1
    assert 'Its label "user" has the most values, 2000' in told[0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: m.counter(""), ConfigurationError, "at least one character"),
        (lambda m: m.gauge("cpu_usage"), ConfigurationError, "does not measure itself"),
        (lambda m: m.counter(3), TypeError, "name must be a string, got int 3"),
        (lambda m: m.gauge("x", unit="a b"), ConfigurationError, "unit must be up to 63 ASCII characters"),
        (lambda m: m.gauge("known"), ConfigurationError, "declared as a counter already, and cannot be a gauge"),
        (lambda m: m.counter("known", "s"), ConfigurationError, 'the unit "By" already, and cannot have "s"'),
        (lambda m: m.counter("known").add("1"), TypeError, "value must be a number"),
        (lambda m: m.counter("known").labels(a=1.5), TypeError, "the value of a label must be a string, a whole"),
        (lambda m: m.counter("known").labels({"": "x"}), ConfigurationError, "labels must be names of at least one"),
        (lambda m: m.histogram("h", bounds=[]), ConfigurationError, "bounds must be 1 to 100 finite numbers"),
        (lambda m: m.histogram("h", bounds=[2, 1]), ConfigurationError, "in ascending order"),
        (lambda m: m.histogram("h", bounds=itertools.count()), ConfigurationError, "1 to 100 finite numbers"),
        (lambda m: m.histogram("h", bounds=["a"]), TypeError, "bounds must be a sequence of numbers, got list ['a']"),
        (lambda m: m.histogram("h", bounds=3), TypeError, "bounds must be a sequence of numbers, got int 3"),
        (lambda m: m.histogram("bounded", bounds=[3]), ConfigurationError, "with the bounds [0.1, 1.0] already"),
        (lambda m: m.record("x", 1, labels=["a"]), TypeError, "labels must be a mapping of names to values"),
        (lambda m: m.record("x", 1, labels={1: "a"}), TypeError, "the name of a label must be a string"),
        (lambda m: m.query("known:p999x"), ConfigurationError, "^ an aggregate is"),
        (lambda m: m.query("known by (a)"), ConfigurationError, "without `by`"),
        (lambda m: m.query("nown:p99"), UnknownMetricError, 'Did you mean "known"?'),
        (lambda m: m.query(None), TypeError, "expression must be a string"),
        (lambda m: m.query("known", 0), ConfigurationError, "window_seconds must be a number of seconds above 0"),
        (lambda m: m.query("known", "1"), TypeError, "window_seconds must be a number of seconds"),
        (lambda m: m.summary("nobody"), UnknownMetricError, "no value of the metric"),
        (lambda m: m.summary("known", float("nan")), ConfigurationError, "got NaN"),
        (lambda _: ResourceMonitor(series_expiry_seconds=0), ConfigurationError, "series_expiry_seconds must be"),
        (lambda _: ResourceMonitor(window_memory_bytes=-1), ConfigurationError, "window_memory_bytes must be"),
        (lambda _: ResourceMonitor(window_memory_bytes=1.5), TypeError, "a whole number of bytes"),
    ],
)
def test_what_cannot_be_is_refused_in_words(call: object, error: type[Exception], words: str) -> None:
    monitor = ResourceMonitor()
    monitor.counter("known", "By")
    monitor.histogram("bounded", bounds=(0.1, 1))
    with pytest.raises(error) as raised:
        call(monitor)  # type: ignore[operator]
    assert words in str(raised.value)


def test_a_monitor_whose_attribute_a_handle_is_can_be_freed() -> None:
    class Service(ResourceMonitor):
        def __init__(self) -> None:
            super().__init__()
            self.requests = self.counter("requests").labels(route="/x")

    service = Service()
    service.requests.add(1)
    gone = weakref.ref(service)
    del service
    gc.collect()
    assert gone() is None


def test_handles_go_on_in_the_child_of_a_fork_with_its_own_values() -> None:
    monitor = ResourceMonitor()
    requests = monitor.counter("requests")
    labelled = requests.labels(route="/x")
    requests.add(5)
    labelled.add(5)

    def record() -> None:
        assert monitor.query("requests:sum") == 0.0
        for _ in range(3):
            requests.add(1)
            labelled.add(2)
        assert monitor.query("requests") == 9.0
        assert monitor.query('requests{route="/x"}:sum') == 6.0

    child(record)
    assert monitor.query("requests") == 10.0
