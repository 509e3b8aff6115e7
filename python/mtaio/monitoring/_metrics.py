"""The metrics of a program: declared, labelled, and asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import _native
from ._native import Counter, Gauge, Histogram


@dataclass
class MetricSummary:
    """What a metric did in a window. Values are of the metric's unit.

    Attributes:
        last: The latest value, be it older than the window; of a counter, the total. None before the first.
        count: How many values were recorded.
        sum: Their sum; of a counter, what it grew by.
        rate: A second: of a counter what it grew by, of others how many values were recorded. None for a window
            without length.
        mean: ``sum / count``. None without a value, like all that follow but ``window_seconds``.
        min: The smallest value; of a counter, the smallest step, and so on.
        max: The largest value.
        p50: The median, within 1.09 %.
        p90: The value that 90 % do not exceed, within 1.09 %.
        p95: The value that 95 % do not exceed, within 1.09 %.
        p99: The value that 99 % do not exceed, within 1.09 %.
        p999: The value that 99.9 % do not exceed, within 1.09 %.
        p9999: The value that 99.99 % do not exceed, within 1.09 %.
        window_seconds: How long the window is that this covers: the one asked for, rounded to whole samples, and
            no longer than something is kept.
    """

    last: float | None
    count: int
    sum: float
    rate: float | None
    mean: float | None
    min: float | None
    max: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    p9999: float | None
    window_seconds: float


class Metrics(_native.MonitorBase):
    """What ``ResourceMonitor`` knows of metrics: it derives from this."""

    def counter(self, name: str, unit: str = "", help: str = "") -> Counter:
        """Declares a counter: a total that only grows, such as requests answered.

        The same name again gives another handle of the same metric; what was recorded under it before stays. In
        the child of a fork declarations and handles go on, and values begin anew.

        Args:
            name: The metric. It cannot be one that the monitor measures itself.
            unit: In UCUM notation, as OpenTelemetry has it: "s", "By", "1", "{request}"; up to 63 characters.
            help: One sentence.

        Raises:
            TypeError: An argument is no string.
            ConfigurationError: The name is empty, a built-in one, or declared with another kind or unit; or the
                unit is none.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> requests = monitor.counter("requests", "{request}", "Requests answered.")
            >>> requests.labels(status=200).add(3)
            >>> requests.labels(status=500).add(1)
            >>> monitor.query('requests{status="500"}:sum / requests:sum')
            0.25
        """
        handle: Counter = self._mtaio_declare("counter", name, unit, help, None)
        return handle

    def gauge(self, name: str, unit: str = "", help: str = "") -> Gauge:
        """Declares a gauge: a value that goes up and down, such as the length of a queue. See ``counter``.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> connections = monitor.gauge("connections", "{connection}", "Connections that are open.")
            >>> connections.set(3)
            >>> connections.add(-1)
            >>> monitor.query("connections")
            2.0
        """
        handle: Gauge = self._mtaio_declare("gauge", name, unit, help, None)
        return handle

    def histogram(self, name: str, unit: str = "", help: str = "", bounds: Sequence[float] | None = None) -> Histogram:
        """Declares a histogram: values of which the distribution is asked for, such as durations. See ``counter``.

        Args:
            name: The metric.
            unit: In UCUM notation.
            help: One sentence.
            bounds: Upper bounds at which values are counted exactly besides, such as the limits of a service level:
                the ``le`` of a classic Prometheus histogram. 1 to 100 finite numbers in ascending order. Without
                them its buckets are made from what is known of every value to within 1.1 %.

        Raises:
            TypeError: An argument of another type.
            ConfigurationError: As ``counter``; other bounds than before, or none that can be.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> duration = monitor.histogram("request_duration", "s", "Time that a request took.")
            >>> cart = duration.labels(route="/cart")
            >>> for milliseconds in range(1, 101):
            ...     cart.record(milliseconds / 1000)
            >>> abs(monitor.query('request_duration{route="/cart"}:p99') / 0.099 - 1) < 0.0109
            True
        """
        handle: Histogram = self._mtaio_declare("histogram", name, unit, help, bounds)
        return handle

    def query(self, expression: str, window_seconds: float = 60.0) -> float | None:
        """The value of an expression over the newest ``window_seconds``. None where there is no value to tell.

        While the monitor runs, windows are made of its samples: one is rounded to whole samples, of which the
        newest 300 are kept one by one and older ones ten at a time, ``history_size`` in all. What came since the
        newest sample belongs to every window; so a monitor that never ran answers since the first record.

        Args:
            expression: ``metric`` (its latest value, however old), ``metric:aggregate``,
                ``metric{label="value", other!="value"}:aggregate``, or a ratio of two such with ``/`` between
                them. Aggregates: last, count, sum, rate (a second), mean, min, max, and p50 to p99.99, which are
                within 1.09 %. All series that the labels match are taken together. Built-in metrics can be asked
                for too, of what the history has.
            window_seconds: Above 0 and up to 3.2e9.

        Raises:
            TypeError: The expression is no string, or the window no number.
            ConfigurationError: A text that is no expression, with a mark where; one with ``by`` (see
                ``query_by``); a window outside its range.
            UnknownMetricError: A metric that was neither declared nor recorded. It is a KeyError.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> for seconds in (0.1, 0.2, 0.6):
            ...     monitor.record("request_duration", seconds, labels={"route": "/x"})
            >>> monitor.query('request_duration{route="/x"}:max', window_seconds=300)
            0.6
        """
        value: float | None = self._mtaio_query(expression, window_seconds, False)
        return value

    def query_by(self, expression: str, window_seconds: float = 60.0) -> list[tuple[dict[str, str], float | None]]:
        """As ``query``, for an expression that ends in ``by (label, …)``: one value for each set of their values.

        Both terms of a ratio are joined on these labels. A ``count``, ``sum`` or ``rate`` that only the divisor
        has labels for is 0.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> for route in ("/a", "/a", "/b"):
            ...     monitor.record("request_duration", 0.1, labels={"route": route})
            >>> monitor.query_by("request_duration:count by (route)")
            [({'route': '/a'}, 2.0), ({'route': '/b'}, 1.0)]
        """
        values: list[tuple[dict[str, str], float | None]] = self._mtaio_query(expression, window_seconds, True)
        return values

    def summary(
        self, name: str, window_seconds: float | None = None, labels: Mapping[str, str | int] | None = None
    ) -> MetricSummary:
        """What a metric did in the newest ``window_seconds``, in one answer.

        Args:
            name: The metric, recorded or built-in.
            window_seconds: Above 0 and up to 3.2e9, as in ``query``; since the first record by default.
            labels: Takes the series that have these labels together; all of them by default.

        Raises:
            TypeError: An argument of another type.
            ConfigurationError: A window outside its range.
            UnknownMetricError: A metric that was neither declared nor recorded. It is a KeyError.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> for depth in (4, 9, 2):
            ...     monitor.record("queue_depth", depth)
            >>> summary = monitor.summary("queue_depth")
            >>> summary.count, summary.last, summary.max, summary.mean
            (3, 2.0, 9.0, 5.0)
        """
        return MetricSummary(*self._mtaio_summary(name, window_seconds, labels))
